"""What a gateway counted lately: the difference of its metrics at two moments.

Rules
1. A counter that fell, or is gone, was counted by a gateway that ended: what the one after it has
   counted is then all that is known of the time between.
2. The narrowest window with `FEW` answers is taken; where none has so many, the narrowest one that
   has as many as any.
3. A window is as long as the time between the two moments that it is made of, and that is said.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tollway.feel.histogram import Histogram
from tollway.units import Seconds

TTFT, GAP, SPEED = (
    "tollway_ttft_seconds",
    "tollway_inter_token_seconds",
    "tollway_stream_tokens_per_second",
)
FEW = 10
"""Answers below which a window is widened: the least that a median's 80% interval says much of."""
_LINE = re.compile(
    rf"^({TTFT}|{GAP}|{SPEED})_(bucket|sum)\{{(.*)\}} (\S+)$", re.ASCII | re.MULTILINE
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"', re.ASCII)

Series = Mapping[tuple[str, str, str], Histogram]
"""Histograms by metric, source and model."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What a gateway had counted since its start, and when that was read on a clock that does not
    go back."""

    at: Seconds
    series: Series


@dataclass(frozen=True, slots=True)
class Counted:
    """One source's histograms over a window; `over` is its length, None where it reaches back to
    the gateway's start."""

    ttft: Histogram
    gap: Histogram
    speed: Histogram
    over: Seconds | None

    @property
    def answers(self) -> int:
        """Streamed answers that ended in the window."""
        return self.speed.count

    @property
    def words(self) -> str:
        """The window, as it is told."""
        if self.over is None:
            return "since the gateway's start"
        if self.over < 90:
            return f"in the last {self.over:.{0 if self.over >= 1 else 1}f} s"
        return f"in the last {self.over / 60:.0f} min"


def scraped(text: str, at: Seconds) -> Scrape:
    """The histograms of a page of metrics that go into feeling."""
    buckets: dict[tuple[str, str, str], list[tuple[float, int]]] = {}
    totals: dict[tuple[str, str, str], float] = {}
    for name, kind, said, value in _LINE.findall(text):
        labels = {key: _plain(word) for key, word in _LABEL.findall(said)}
        of = name, labels.get("source", ""), labels.get("model", "")
        if kind == "sum":
            totals[of] = float(value)
        else:
            bound = float(labels["le"].replace("+Inf", "inf"))
            buckets.setdefault(of, []).append((bound, round(float(value))))
    return Scrape(at, {of: _single(some, totals.get(of, 0.0)) for of, some in buckets.items()})


def increase(before: Series, after: Series) -> Series:
    """What was counted between two moments."""
    if any(_fell(one, after.get(of)) for of, one in before.items()):  # rule 1
        return after
    return {of: one if of not in before else one - before[of] for of, one in after.items()}


def lately(
    scrapes: Sequence[Scrape], source: str, model: str | None, windows: Sequence[Seconds]
) -> Counted | None:
    """What was counted of a source in the window that rule 2 takes, of `windows` (the narrowest one
    first) and the time since the gateway's start. `scrapes` are in the order in which they were
    made; None where nothing was ever counted."""
    found = [
        one
        for one in (_window(scrapes, source, model, longest) for longest in (*windows, None))
        if one is not None
    ]
    enough = [one for one in found if min(one.answers, one.ttft.count) >= FEW]
    if enough:
        return enough[0]
    most = max((one.answers for one in found), default=0)
    return next((one for one in found if one.answers == most), None)


def _window(
    scrapes: Sequence[Scrape], source: str, model: str | None, longest: Seconds | None
) -> Counted | None:
    """None where the window is empty, or something of it is."""
    if not scrapes:
        return None
    last = scrapes[-1]
    parts: list[Series] = [last.series]
    over = None
    if longest is not None:
        some = [one for one in scrapes if last.at - one.at <= longest]
        parts = [increase(old.series, new.series) for old, new in pairwise(some)]
        over = Seconds(last.at - some[0].at)
    ttft, gap, speed = (_sum(parts, name, source, model) for name in (TTFT, GAP, SPEED))
    if ttft is None or gap is None or speed is None:
        return None
    return Counted(ttft, gap, speed, over)


def _sum(parts: Sequence[Series], name: str, source: str, model: str | None) -> Histogram | None:
    """The sum of a source's histograms, or of one model's of it; None where nothing is in them."""
    found: Histogram | None = None
    for part in parts:
        for (metric, at, of), one in part.items():
            if metric == name and at == source and model in (None, of):
                found = one if found is None else found + one
    return found if found is not None and found.count and found.total > 0 else None


def _fell(before: Histogram, after: Histogram | None) -> bool:
    if after is None or after.bounds != before.bounds:
        return True
    counts = zip(before.counts, after.counts, strict=True)
    return after.total < before.total or any(new < old for old, new in counts)


def _single(series: Sequence[tuple[float, int]], total: float) -> Histogram:
    """One series, whose counts are running sums."""
    rising = sorted(series)
    sums = [count for _, count in rising]
    counts = tuple(above - below for above, below in zip(sums, [0, *sums], strict=False))
    return Histogram(tuple(bound for bound, _ in rising[:-1]), counts, total)


def _plain(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), value)
