"""An engine's own log, replayed in virtual time, is near what was measured."""

from pathlib import Path

import pytest

from tollway.catalog import chip, model
from tollway.engine import EngineSettings, deploy
from tollway.errors import FaultsFound, TollwayError
from tollway.simulator.enginelog import Logged, Times, parse_facts, parse_log, times_of
from tollway.simulator.retrace import Engine, ends_of, engine_of, fitted_to, refitted, retrace

FOLDER = Path(__file__).parent / "logs" / "rtx-4090-llama-3.1-8b"
LOG = parse_log("requests.jsonl", (FOLDER / "requests.jsonl").read_bytes())
LINE = (
    b'{"input_toks":10,"output_toks":3,"arrival_time":5.0,'
    b'"queued_ts":1.0,"first_token_ts":1.5,"last_token_ts":2.5}'
)


def engine(*, ahead: bool = True) -> Engine:
    """The engine of the log, as its meta.json tells it; no measured time goes in."""
    facts = parse_facts("meta.json", (FOLDER / "meta.json").read_bytes())
    settings = EngineSettings(
        blocks=facts.kv_cache.num_gpu_blocks,
        sequences=facts.engine_kwargs.max_num_seqs,
        batch_tokens=facts.engine_kwargs.max_num_batched_tokens,
        version=facts.vllm_version,
    )
    made = deploy(model("llama-3.1-8b"), chip("rtx-4090"), 1, settings)
    return engine_of(made, caching=True, ahead=ahead)


def values(times: Times) -> list[float]:
    """P50 and P90 of TTFT, TPOT and latency."""
    found = [v for one in (times.ttft, times.tpot, times.latency) for v in (one.p50, one.p90)]
    return [value for value in found if value is not None]


def worst(times: Times) -> float:
    """The largest error of `values`, as a share of what was measured."""
    pairs = zip(values(times), values(times_of(LOG)), strict=True)
    return max(abs(ours / measured - 1.0) for ours, measured in pairs)


def test_uncalibrated_percentiles_are_within_a_tenth_or_so_of_those_measured() -> None:
    """Must: 20%; go for: 12%."""
    assert worst(retrace(LOG, engine()).times) < 0.12


def test_three_fitted_constants_bring_them_within_three_per_cent() -> None:
    """Must: 5%; go for: 3%."""
    pool = engine()
    fit = fitted_to(LOG, pool)
    assert len(fit.factors) == 3
    assert worst(retrace(LOG, refitted(pool, fit)).times) < 0.03


def test_the_interval_holds_what_was_measured_and_the_report_says_it_is_past_its_knee() -> None:
    pool = engine()
    ours, fast, slow = (retrace(LOG, one) for one in (pool, *ends_of(pool)))
    measured = values(times_of(LOG))
    spans = zip(values(fast.times), measured, values(slow.times), strict=True)
    assert all(low < value < high for low, value, high in spans)
    assert ours.offered is not None
    assert ours.offered > 3.0
    assert ours.busy > 0.99
    assert ours.cache_peak > 0.99
    assert ours.preempted > 0


def test_far_below_the_knee_a_slower_step_is_as_much_more_waiting_and_not_more() -> None:
    calm = [Logged(at=20.0 * n, input=800, output=200, ttft=0, tpot=0, latency=0) for n in range(9)]  # type: ignore[arg-type]
    pool = engine()
    ours, _, slow = (retrace(calm, one) for one in (pool, *ends_of(pool)))
    assert ours.offered is not None
    assert ours.offered < 0.1
    ratios = [b / a for a, b in zip(values(ours.times), values(slow.times), strict=True)]
    assert max(ratios) - min(ratios) < 0.01


def test_times_count_from_when_the_engine_took_a_request_in() -> None:
    [one] = parse_log("log", LINE)
    assert (one.at, one.ttft, one.tpot, one.latency) == (0.0, 0.5, 0.5, 1.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "log holds no requests"),
        (LINE + b"\n{}", "log:2 cannot be read"),
        (LINE + b"\n" + LINE[:-1], "log:2 cannot be read"),
        (LINE.replace(b"10", b"0"), "log:1 cannot be read: 0 input"),
        (LINE.replace(b"1.5", b"0.5"), "not in this order"),
        (b"\xff" + LINE, "log:1 cannot be read"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(text: bytes, said: str) -> None:
    with pytest.raises(FaultsFound, match=said):
        parse_log("log", text)


def test_what_stands_beside_a_log_is_as_the_engine_would_have_it() -> None:
    facts = parse_facts("meta.json", b"{}")
    assert (facts.model, facts.kv_cache.block_size, facts.kv_cache.num_gpu_blocks) == (
        None,
        16,
        None,
    )
    with pytest.raises(TollwayError, match=r"meta\.json does not say"):
        parse_facts("meta.json", b"[]")


def test_a_request_longer_than_the_engine_holds_is_refused() -> None:
    huge = [Logged(at=0, input=90_000, output=9, ttft=0, tpot=0, latency=0)]  # type: ignore[arg-type]
    with pytest.raises(TollwayError, match="more than the context"):
        retrace(huge, engine())
