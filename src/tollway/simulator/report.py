"""What a replay or a rehearsal showed: counts, percentiles and tokens by source and in total.

Rules
1. A percentile is a measured value (nearest rank), never an interpolation between two.
2. Times are multiplied by the warp: they are seconds as the emulators count them.
3. Speed is output tokens after the first, over the time from the first content to the last.
4. Times and speed are of requests that ended well; the others are counted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from tollway.units import Seconds

SampleOutcome = Literal["ok", "refused", "failed", "unfinished"]

LATE: Seconds = Seconds(0.1)
"""A p99 lateness above this says that the generator did not keep up: the load was another."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What became of one request. Times are seconds of the clock it was played by: `due` and
    `sent` count from the start of the replay, `ttft` and `latency` from `sent`. `attempts` counts
    upstream attempts, `reason` is the error's code. None is "there was none"."""

    index: int
    outcome: SampleOutcome
    reason: str | None
    due: Seconds
    sent: Seconds
    ttft: Seconds | None
    latency: Seconds
    streaming: Seconds
    input_tokens: int
    output_tokens: int
    request: str | None
    source: str | None
    model: str | None
    attempts: int
    substituted: str | None
    status: int | None
    content: bool
    done: bool

    @property
    def lateness(self) -> Seconds:
        """Seconds from when the request was due to when it was sent."""
        return Seconds(max(0.0, self.sent - self.due))


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of one quantity, in its unit; None where nothing was measured."""

    p50: float | None
    p90: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a source (None: all of them). `cost` is pico-dollars as the gateway
    settled it, None where it did not say; `speed` is tokens a second of one stream."""

    source: str | None
    requests: int
    ok: int
    refused: int
    failed: int
    unfinished: int
    fallbacks: int
    substitutions: int
    ttft: Percentiles
    latency: Percentiles
    speed_p50: float | None
    input_tokens: int
    output_tokens: int
    cost: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """A whole replay. `refusals`, `failures` and `substitutions` are reason -> count."""

    rows: tuple[Row, ...]
    total: Row
    refusals: Mapping[str, int]
    failures: Mapping[str, int]
    substitutions: Mapping[str, int]
    lateness: Percentiles
    kept_up: bool


def percentiles(values: Sequence[float]) -> Percentiles:
    """p50, p90 and p99 by nearest rank."""
    ordered = sorted(values)

    def rank(share: float) -> float | None:
        return ordered[ceil(share * len(ordered)) - 1] if ordered else None

    return Percentiles(rank(0.5), rank(0.9), rank(0.99))


def speed(sample: Sample) -> float | None:
    """Output tokens a second of the stream, of the real clock; None where it cannot be told."""
    if sample.output_tokens < 2 or sample.streaming <= 0:
        return None
    return (sample.output_tokens - 1) / sample.streaming


def summarise(samples: Sequence[Sample], warp: float, costs: Mapping[str | None, int]) -> Report:
    """The report of these samples. `costs` is source -> pico-dollars, with None for the total."""
    sources = sorted({sample.source for sample in samples if sample.source is not None})
    rows = [_row(name, [s for s in samples if s.source == name], warp, costs) for name in sources]
    lateness = percentiles([sample.lateness for sample in samples])
    return Report(
        rows=tuple(rows),
        total=_row(None, samples, warp, costs),
        refusals=_reasons(samples, "refused"),
        failures=_reasons(samples, "failed"),
        substitutions=dict(Counter(s.substituted for s in samples if s.substituted).most_common()),
        lateness=lateness,
        kept_up=lateness.p99 is None or lateness.p99 <= LATE,
    )


def _reasons(samples: Sequence[Sample], outcome: str) -> dict[str, int]:
    found = Counter(s.reason or "unknown" for s in samples if s.outcome == outcome)
    return dict(found.most_common())


def _row(
    source: str | None, samples: Sequence[Sample], warp: float, costs: Mapping[str | None, int]
) -> Row:
    ok = [sample for sample in samples if sample.outcome == "ok"]
    outcomes = Counter(sample.outcome for sample in samples)
    speeds = [found / warp for sample in ok if (found := speed(sample)) is not None]
    return Row(
        source=source,
        requests=len(samples),
        ok=outcomes["ok"],
        refused=outcomes["refused"],
        failed=outcomes["failed"],
        unfinished=outcomes["unfinished"],
        fallbacks=sum(sample.attempts > 1 for sample in samples),
        substitutions=sum(sample.substituted is not None for sample in samples),
        ttft=percentiles([s.ttft * warp for s in ok if s.ttft is not None]),
        latency=percentiles([s.latency * warp for s in ok]),
        speed_p50=percentiles(speeds).p50,
        input_tokens=sum(sample.input_tokens for sample in samples),
        output_tokens=sum(sample.output_tokens for sample in samples),
        cost=costs.get(source),
    )
