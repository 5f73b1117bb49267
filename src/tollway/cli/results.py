"""Measured results out of logs: of `vllm bench serve`, of a gateway's recording, of a ledger.

Rules
1. A benchmark's file is one result. Live traffic is cut into windows of requests that came one
   after the other, a result each, for a load that changes has no mean worth fitting.
2. Live traffic is asked as requests that arrive at their rate: nobody waits for another's answer.
   Its TPOT is over tokens, not over requests: an answer of three tokens says little of it.
3. Every fault names its file, and the line where there are lines.

Sources: vLLM vllm/benchmarks/serve.py (`--save-result`, `--save-detailed`, `--append-result`);
SGLang's bench_serving writes the same keys as JSON lines.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, pstdev
from typing import cast

from tollway.engine.question import Speculation
from tollway.errors import TollwayError
from tollway.ledger.timings import Timing

WINDOWS = 8
"""Results that live traffic is cut into, at most."""

FEWEST = 30
"""Requests that a window has at least: fewer say little of a mean."""

FASTEST = 0.0002
"""Seconds a token. What is faster was not streamed, and has no time between tokens."""

_UNIFORM = 3**0.5
"""Half the width of a uniform distribution, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Result:
    """Means of one measured load: tokens, `tpot` and `ttft` in seconds (None: not measured), and
    either `concurrency` or `rate`. `place` names it for people; `cached` is the share of prompt
    tokens found in a cache; `speculation` is what was drafted and accepted a step, and `model` what
    the benchmark asked for, where the log says so."""

    place: str
    input_tokens: int
    output_tokens: int
    spread: float
    concurrency: int | None
    rate: float | None
    requests: int
    tpot: float | None
    ttft: float | None
    cached: float = 0.0
    speculation: Speculation | None = None
    model: str | None = None


def read_results(
    path: Path, source: str | None, since: float | None = None, model: str | None = None
) -> list[Result]:
    """The results in one file, whichever kind it is. `source` says which source of a gateway;
    `since` (UTC seconds) from when on in a ledger, and `model` which of several in it.

    Raises:
        TollwayError: it is none, or holds too little.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        why = (error.strerror or "cannot be read").lower()
        raise TollwayError(f"{path}: {why}. {_MEND}") from None
    if start.startswith(b"SQLite format 3\0"):
        from tollway.cli.results_gateway import of_ledger

        return windows(path, of_ledger(path, since, model), source)
    if start.lstrip().startswith(b'{"type":"Header"'):
        from tollway.cli.results_gateway import of_recording

        return windows(path, of_recording(path), source)
    return _benchmarks(path)


def windows(path: Path, timings: Sequence[Timing], source: str | None) -> list[Result]:
    """Live traffic as results (rules 1 and 2).

    Raises:
        TollwayError: there are several sources and none is named, or too few requests.
    """
    names = sorted({one.source for one in timings})
    if source is None and len(names) > 1:
        raise TollwayError(f"{path} has several sources: {', '.join(names)}. Name one: --source.")
    if source is not None and source not in names:
        raise TollwayError(f"{path} has no source {source}. It has {', '.join(names) or 'none'}.")
    kept = [one for one in timings if source in (None, one.source) and _streamed(one)]
    if len(kept) < FEWEST:
        raise TollwayError(
            f"{path} has {len(kept)} streamed requests that ended well at their first attempt, and "
            f"{FEWEST} are needed. Record more, or name another log."
        )
    kept.sort(key=lambda one: one.arrived)
    count = min(WINDOWS, len(kept) // FEWEST)
    edges = [len(kept) * at // count for at in range(count + 1)]
    return [
        _window(f"{path} requests {low + 1} to {high}", kept[low:high])
        for low, high in pairwise(edges)
    ]


def _streamed(one: Timing) -> bool:
    if one.output < 2 or one.input < 1:
        return False
    return (one.duration - one.ttft) / (one.output - 1) > FASTEST


def _window(place: str, timings: Sequence[Timing]) -> Result:
    lasted = max(timings[-1].arrived - timings[0].arrived, 1e-3)
    return Result(
        place=place,
        input_tokens=round(fmean(one.input for one in timings)),
        output_tokens=round(fmean(one.output for one in timings)),
        spread=_spread([one.input for one in timings], [one.output for one in timings]),
        concurrency=None,
        rate=(len(timings) - 1) / lasted,
        requests=len(timings),
        tpot=sum(one.duration - one.ttft for one in timings) / sum(o.output - 1 for o in timings),
        ttft=fmean(one.ttft for one in timings),
        cached=min(0.99, sum(one.cached_input for one in timings) / sum(o.input for o in timings)),
    )


def _spread(*lengths: Sequence[int]) -> float:
    """The one share around both means, as if lengths were uniform."""
    shares = [_UNIFORM * pstdev(some) / fmean(some) for some in lengths if some and fmean(some)]
    return min(0.95, fmean(shares)) if shares else 0.0


def _benchmarks(path: Path) -> list[Result]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TollwayError(f"{path} is neither JSON nor a ledger. {_MEND}") from None
    try:
        whole: object = json.loads(text)
    except ValueError:
        return [
            _benchmark(_line(path, number, line), f"{path} line {number}")
            for number, line in enumerate(text.splitlines(), 1)
            if line.strip()
        ]
    some = cast("list[object]", whole) if isinstance(whole, list) else [whole]
    if not some:
        raise TollwayError(f"{path} is an empty list. {_MEND}")
    alone = len(some) == 1
    return [
        _benchmark(one, f"{path}" if alone else f"{path} result {number}")
        for number, one in enumerate(some, 1)
    ]


_MEND = (
    "Hand in a result of `vllm bench serve --save-result`, a gateway's recording, or its ledger."
)


def _line(path: Path, number: int, line: str) -> object:
    try:
        return json.loads(line)
    except ValueError as error:
        raise TollwayError(f"{path} line {number} is not JSON: {error}. {_MEND}") from None


def _benchmark(said: object, place: str) -> Result:
    if not isinstance(said, dict):
        raise TollwayError(f"{place} is not a JSON object. {_MEND}")
    table = cast("dict[str, object]", said)
    completed = _need(table, "completed", place)
    if completed < 1:
        raise TollwayError(f"{place}: no request was completed. Measure again.")
    if table.get("ramp_up_strategy"):
        raise TollwayError(
            f"{place} was measured while the rate went up (ramp_up_strategy), and its means are of "
            "no load in particular. Measure at one rate, or with --max-concurrency."
        )
    users, rate = _number(table, "max_concurrency"), _number(table, "request_rate")
    if rate is None or rate == float("inf"):
        # vLLM writes "inf": all are asked at once, as many at a time as max_concurrency lets.
        rate, users = None, users or completed
    tpot, ttft = _mean(table, "tpot", place), _mean(table, "ttft", place)
    if tpot is None and ttft is None:
        raise TollwayError(
            f"{place} has neither mean_tpot_ms nor mean_ttft_ms. Measure with "
            "--percentile-metrics ttft,tpot."
        )
    return Result(
        place=place,
        input_tokens=max(1, round(_need(table, "total_input_tokens", place) / completed)),
        output_tokens=max(1, round(_need(table, "total_output_tokens", place) / completed)),
        spread=_spread(_lengths(table, "input_lens"), _lengths(table, "output_lens")),
        concurrency=None if rate is not None or users is None else round(users),
        rate=rate,
        requests=round(completed),
        tpot=tpot,
        ttft=ttft,
        speculation=_speculation(table),
        model=str(table["model_id"]) if "model_id" in table else None,
    )


def _speculation(table: dict[str, object]) -> Speculation | None:
    """What vLLM's own counters said before and after the run, a step."""
    steps, drafted, accepted = (
        _number(table, f"spec_decode_{name}")
        for name in ("num_drafts", "draft_tokens", "accepted_tokens")
    )
    if not steps or drafted is None or accepted is None:
        return None
    each = max(1, round(drafted / steps))
    return Speculation(each, min(each, accepted / steps))


def _number(table: dict[str, object], key: str) -> float | None:
    value = table.get(key)
    if value == "inf":
        return float("inf")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _need(table: dict[str, object], key: str, place: str) -> float:
    value = _number(table, key)
    if value is None or not 0 <= value < float("inf"):
        raise TollwayError(f"{place}: {key} is {str(table.get(key))[:40]}, not a number. {_MEND}")
    return value


def _mean(table: dict[str, object], metric: str, place: str) -> float | None:
    key = f"mean_{metric}_ms"
    if key not in table:
        return None
    value = _need(table, key, place)
    return value / 1e3 or None  # vLLM writes 0 where no answer had a second token


def _lengths(table: dict[str, object], key: str) -> list[int]:
    value = table.get(key)
    some = cast("list[object]", value) if isinstance(value, list) else []
    return [one for one in some if isinstance(one, int) and one > 0]
