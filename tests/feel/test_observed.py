"""What a source was seen to do, out of a gateway's metrics and out of its ledger's answers."""

import pytest

from tollway.feel.observed import Answered, Observed, from_answers, from_scrapes
from tollway.feel.windows import scraped
from tollway.gateway.metrics import Metrics
from tollway.units import Seconds


def from_metrics(text: str, source: str, model: str | None) -> Observed | None:
    """What is felt of one page of metrics: all since the gateway's start."""
    return from_scrapes([scraped(text, Seconds(0.0))], source, model, ())


def page(*pairs: tuple[str, str]) -> str:
    """What a gateway says after each pair had ten streams: 0.3 s to the first token, 40 gaps of
    0.08 s, 50 tokens a second."""
    metrics = Metrics()
    for source, model in pairs:
        for _ in range(10):
            metrics.first_content(source, model, 0.3)
            gaps = [0] * 15
            gaps[7] = 40  # up to 0.1 s
            metrics.stream_ended((source, model), gaps, 40 * 0.08, 50.0)
    return metrics.render().decode()


def test_a_sources_speed_waits_and_gaps_are_read_from_the_metrics() -> None:
    seen = from_metrics(page(("pool", "m"), ("other", "m")), "pool", None)
    assert seen is not None
    assert seen.answers == 10
    assert seen.speed == pytest.approx(50.0)
    assert 0.2 < seen.waits.seconds <= 0.35
    assert seen.gaps is not None
    assert seen.gaps.histogram.count == 400
    assert seen.gaps.histogram.mean == pytest.approx(0.08)
    assert seen.gaps.tokens == pytest.approx(4.0)


def test_several_models_of_a_source_are_felt_together_unless_one_is_named() -> None:
    text = page(("pool", "m"), ("pool", 'odd"name'))
    both, one = from_metrics(text, "pool", None), from_metrics(text, "pool", 'odd"name')
    assert both is not None
    assert one is not None
    assert (both.answers, one.answers) == (20, 10)


def test_a_source_without_streams_was_not_observed() -> None:
    assert from_metrics(page(("pool", "m")), "elsewhere", None) is None
    assert from_metrics("", "pool", None) is None


def test_the_ledger_knows_waits_and_speed_and_no_gaps() -> None:
    answers = [Answered(ttft=0.4, duration=2.4, output=101) for _ in range(9)]
    seen = from_answers([*answers, Answered(9.0, 9.0, 1)], "in the last 7 days")
    assert seen is not None
    assert seen.words == (
        "measured: 9 answers that ended in the last 7 days, in the ledger; its gaps are not "
        "known, so that tokens come evenly"
    )
    assert seen.speed == pytest.approx(50.0)
    assert 0.35 < seen.waits.seconds <= 0.5
    assert seen.gaps is None
    assert from_answers([Answered(0.4, 0.4, 1)], "in the last 7 days") is None
