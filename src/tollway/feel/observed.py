"""What a source was seen to do: waits, gaps and speed, out of a gateway's metrics or its ledger.

Rules
1. Where a source serves several models they are felt together, unless one is named.
2. The metrics have gaps, the ledger has none: a stream felt from the ledger comes evenly, and
   that is said.
3. An arrival may bring several tokens: as many as the speed of streams makes of the mean gap.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tollway.feel.histogram import Histogram, of_values
from tollway.feel.pacing import Gaps, Waits
from tollway.units import Seconds, TokensPerSecond

TTFT, GAP, SPEED = (
    "tollway_ttft_seconds",
    "tollway_inter_token_seconds",
    "tollway_stream_tokens_per_second",
)
_LINE = re.compile(r"^(\w+)_(bucket|sum)\{(.*)\} (\S+)$", re.ASCII)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"', re.ASCII)

TTFT_BOUNDS = (0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds; as the gateway's own histogram has them."""


@dataclass(frozen=True, slots=True)
class Observed:
    """How a source felt over so many `answers`. `gaps` is None where they are not known; `origin`
    says where it is from."""

    answers: int
    ttft: Histogram
    speed: TokensPerSecond
    gaps: Gaps | None
    origin: str

    @property
    def waits(self) -> Waits:
        """The wait for the first token: its median, and how it was spread."""
        return Waits(Seconds(self.ttft.at(0.5)), self.ttft)


@dataclass(frozen=True, slots=True)
class Answered:
    """A streamed answer out of the ledger: seconds, and tokens."""

    ttft: float
    duration: float
    output: int

    @property
    def speed(self) -> float | None:
        """Output tokens a second after the first one; None where there is no second."""
        took = self.duration - self.ttft
        return (self.output - 1) / took if self.output > 1 and took > 0 else None


def from_metrics(text: str, source: str, model: str | None) -> Observed | None:
    """What the gateway has observed of a source since it started; None where no stream ended."""
    found = {name: _histogram(text, name, source, model) for name in (TTFT, GAP, SPEED)}
    ttft, gap, speed = found[TTFT], found[GAP], found[SPEED]
    if ttft is None or gap is None or speed is None or not speed.count or not gap.total:
        return None
    each = max(1.0, speed.mean * gap.mean)  # rule 3
    return Observed(
        answers=speed.count,
        ttft=ttft,
        speed=TokensPerSecond(speed.mean),
        gaps=Gaps(gap, each),
        origin="the running gateway's metrics",
    )


def from_answers(answers: Iterable[Answered], origin: str) -> Observed | None:
    """What the ledger has of a source; None where no answer was streamed."""
    timed = [(one, speed) for one in answers if (speed := one.speed) is not None]
    if not timed:
        return None
    return Observed(
        answers=len(timed),
        ttft=of_values((one.ttft for one, _ in timed), TTFT_BOUNDS),
        speed=TokensPerSecond(median(speed for _, speed in timed)),
        gaps=None,
        origin=origin,
    )


def _histogram(text: str, name: str, source: str, model: str | None) -> Histogram | None:
    """The sum of a histogram's series of one source (rule 1)."""
    buckets: dict[str, list[tuple[float, int]]] = {}
    total = 0.0
    for line in text.splitlines():
        found = _LINE.match(line) if line.startswith(name) else None
        if found is None or found[1] != name:
            continue
        labels = {key: _plain(value) for key, value in _LABEL.findall(found[3])}
        if labels.get("source") != source or (model and labels.get("model") != model):
            continue
        if found[2] == "sum":
            total += float(found[4])
        else:
            series = buckets.setdefault(labels.get("model", ""), [])
            series.append((float(labels["le"].replace("+Inf", "inf")), round(float(found[4]))))
    return _added([_single(series) for series in buckets.values()], total)


def _single(series: Sequence[tuple[float, int]]) -> tuple[tuple[float, ...], list[int]]:
    """Bounds and counts of one series, whose counts are running sums."""
    rising = sorted(series)
    sums = [count for _, count in rising]
    counts = [above - below for above, below in zip(sums, [0, *sums], strict=False)]
    return tuple(bound for bound, _ in rising[:-1]), counts


def _added(parts: Sequence[tuple[tuple[float, ...], list[int]]], total: float) -> Histogram | None:
    if not parts:
        return None
    bounds = parts[0][0]
    counts = tuple(map(sum, zip(*(counts for _, counts in parts), strict=True)))
    return Histogram(bounds, counts, total)


def _plain(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), value)
