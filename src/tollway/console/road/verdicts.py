"""What the loss of a source does to each route, judged route by route and said in words.

Rules
1. A route is judged by itself: what one gains makes nothing good that another loses.
2. A route loses where more of its requests go without an answer than did before, at the model's own
   pace; where that is so at an end of the interval only, it may lose.
3. An interval of a change lies between the changes at each pace, never between ends of two paces.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

from tollway.console.requests.life import seconds
from tollway.fleet.objects import Fleet
from tollway.simulator.by_route import between
from tollway.simulator.report import Row

Kind = Literal["loses", "may_lose", "goes_on", "untouched"]


@dataclass(frozen=True, slots=True)
class Run:
    """A route in one run: its figures, and who answered how many of its requests."""

    row: Row
    served: Counter[str]

    @property
    def unanswered(self) -> int:
        """Refused or failed."""
        return self.row.refused + self.row.failed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a route."""

    kind: Kind
    words: str


def judged(source: str, as_is: Sequence[Run], without: Sequence[Run]) -> Verdict:
    """Of one route's runs at the model's own pace, at the fast end, at the slow end."""
    changes = [
        after.unanswered - before.unanswered for before, after in zip(as_is, without, strict=True)
    ]
    now = without[0]
    if changes[0] > 0:
        kind: Kind = "loses"
    elif max(changes) > 0:
        kind = "may_lose"
    elif any(run.served[source] for run in as_is) or changes[0] < 0:
        kind = "goes_on"
    else:
        return Verdict("untouched", f"goes on as it is: {source} answers none of its requests.")
    said = [_answers(kind, changes, now)]
    if now.served:
        said += [_heirs(source, as_is[0], now), *_ttft(as_is, without)]
    return Verdict(kind, "; ".join(said) + ".")


def unasked(
    source: str, fleet: Fleet, asked: Set[str], drained: Set[str]
) -> list[Mapping[str, str]]:
    """The routes that the traffic has nothing of: nobody can judge them, but by who is left."""
    found: list[Mapping[str, str]] = []
    for name, route in fleet.routes.items():
        if name in asked:
            continue
        serving = {pair.source for pair in (*route.candidates, *route.fallbacks)} - drained
        if source not in serving:
            words = f"{source} does not serve it"
        elif left := sorted(serving - {source}):
            words = f"{', '.join(left)} would be left to it"
        else:
            words = f"nothing would be left to it: {source} is its only source"
        found.append({"route": name, "words": words})
    return found


def _answers(kind: Kind, changes: Sequence[int], now: Run) -> str:
    asked, gone = now.row.requests, now.unanswered
    low, high = min(changes), max(changes)
    ends = f" ({low:+,} to {high:+,} at the ends of the interval)" if low != high else ""
    change = f"{changes[0]:+,}{ends}"
    if kind == "may_lose":
        return f"goes on at the model's own pace, and may lose: {change} without an answer"
    if gone:
        return (
            f"{gone:,} of {asked:,} get no answer ({gone / asked:.1%}: {_ways(now.row)}), {change}"
        )
    return "every request is answered"


def _ways(row: Row) -> str:
    ways = (("refused", row.refused), ("failed", row.failed))
    return ", ".join(f"{count:,} {word}" for word, count in ways if count)


def _heirs(source: str, before: Run, now: Run) -> str:
    """Who answers what the source did."""
    gained = [
        (name, count) for name, count in now.served.most_common() if count > before.served[name]
    ]
    if not gained:
        return f"nobody takes over the {before.served[source]:,} that {source} answered"
    shares = [f"{name} ({before.served[name]:,} to {count:,} requests)" for name, count in gained]
    return "falls back to " + ", ".join(shares)


def _ttft(as_is: Sequence[Run], without: Sequence[Run]) -> list[str]:
    """How the median wait changes, with its interval (rule 3)."""
    pairs = [(a.row.ttft.p50, b.row.ttft.p50) for a, b in zip(as_is, without, strict=True)]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    if len(known) != len(pairs):
        return []
    changes = [b - a for a, b in known]
    ends = between(list[float | None](changes))
    words = f"TTFT p50 {seconds(known[0][0])} to {seconds(known[0][1])}, {_signed(changes[0])}"
    if ends is not None and ends[0] != ends[1]:
        words += f" ({_signed(ends[0])} to {_signed(ends[1])})"
    return [words]


def _signed(change: float) -> str:
    return f"{'-' if change < 0 else '+'}{seconds(abs(change))}"
