"""What several seeds of one rehearsal showed: one seed is one draw of chance.

Rules
1. Another seed would be within the interval with the chance that stands beside it, whatever the
   figure's distribution: of n seeds, n + 1 - 2k of n + 1 places lie between the k-th from below and
   the k-th from above. `k` is the largest by which that is four in five, else 1.
2. A run settles in two ways where its seeds fall into two groups, of two seeds each at least, that
   lie further apart than `APART` times the width of the wider one and a tenth of the median. Of
   fewer than `ENOUGH` seeds nothing is said: with ten, normal values look so by chance once in 140
   cases and lognormal ones (sigma 1) once in 16; with twenty never and once in 40.
3. Two fleets are compared seed by seed, as both see the same requests: a change is that of one
   seed. A threshold is passed where it is with more than half of the seeds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from tollway.simulator.compare import Passed
from tollway.simulator.rehearsal import Rehearsed

ENOUGH: Final = 10
APART: Final = 1.5
LEAST_APART: Final = 0.1
COVERED: Final = 0.8
FEWEST: Final = 2
"""Seeds that make a group."""


@dataclass(frozen=True, slots=True)
class Across:
    """One figure over seeds, in its own unit: `values` by seed (None: there was none), `low` and
    `high` the interval of rule 1."""

    values: tuple[float | None, ...]
    median: float
    low: float
    high: float
    lowest: float
    highest: float


Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Ways:
    """Two ways in which a run settles: the places of the `many` seeds and of the `few`, and for
    each figure in which they differ from where to where it is with the many and with the few."""

    many: tuple[int, ...]
    few: tuple[int, ...]
    figures: Mapping[str, tuple[Range, Range]]


def across(values: Sequence[float | None]) -> Across | None:
    """One figure over seeds; None where no seed has it."""
    ordered = sorted(value for value in values if value is not None)
    if not ordered:
        return None
    from_end = _from_end(len(ordered))
    return Across(
        tuple(values),
        ordered[ceil(len(ordered) / 2) - 1],
        ordered[from_end - 1],
        ordered[-from_end],
        ordered[0],
        ordered[-1],
    )


def _from_end(count: int) -> int:
    return max(1, int((count + 1) * (1.0 - COVERED) / 2.0 + 1e-9))


def chance(count: int) -> float:
    """That another seed is within the interval of so many (rule 1)."""
    return max(0.0, (count + 1 - 2 * _from_end(count)) / (count + 1))


FIGURES: Final[Mapping[str, Callable[[Rehearsed], float | None]]] = {
    "TTFT p50": lambda one: one.report.total.ttft.p50,
    "TTFT p90": lambda one: one.report.total.ttft.p90,
    "TTFT p99": lambda one: one.report.total.ttft.p99,
    "latency p50": lambda one: one.report.total.latency.p50,
    "latency p90": lambda one: one.report.total.latency.p90,
    "latency p99": lambda one: one.report.total.latency.p99,
    "tokens/s a stream, p50": lambda one: one.report.total.speed_p50,
    "waited for a slot, p99": lambda one: one.wait.p99,
    "promise kept": lambda one: None if one.promise is None else one.promise.share,
    "unanswered": lambda one: one.unanswered,
    "requests": lambda one: float(one.report.total.requests),
    "cost": lambda one: one.cost / 1e12,
    "chip-hours": lambda one: sum(use.chip_hours for use in one.uses) or None,
}
"""What is told of each run: seconds, tokens a second, shares of 1, dollars."""


def ways(figures: Mapping[str, Sequence[float | None]]) -> tuple[Ways, ...]:
    """The ways of rule 2 by figure, those of the same seeds together."""
    found: dict[tuple[tuple[int, ...], ...], dict[str, tuple[Range, Range]]] = {}
    for name, values in figures.items():
        groups = _groups(values)
        if groups is None:
            continue
        few, many = sorted(groups, key=len)
        seeds = tuple(tuple(sorted(at for _, at in one)) for one in (many, few))
        found.setdefault(seeds, {})[name] = _range(many), _range(few)
    return tuple(Ways(many, few, some) for (many, few), some in found.items())


_Group = list[tuple[float, int]]


def _groups(values: Sequence[float | None]) -> tuple[_Group, _Group] | None:
    """Values with their places in two groups, the lower first; None where they are one."""
    ordered = sorted((value, at) for at, value in enumerate(values) if value is not None)
    if len(ordered) < ENOUGH:
        return None
    least = LEAST_APART * abs(ordered[len(ordered) // 2][0])
    gaps = [
        (ordered[at][0] - ordered[at - 1][0], at) for at in range(FEWEST, len(ordered) - FEWEST + 1)
    ]
    gap, at = max(gaps)
    lower, upper = ordered[:at], ordered[at:]
    width = max(one[-1][0] - one[0][0] for one in (lower, upper))
    return (lower, upper) if gap > APART * width and gap >= least and gap > 0.0 else None


def _range(group: _Group) -> Range:
    return group[0][0], group[-1][0]


def passed_mostly(by_seed: Sequence[Sequence[Passed]]) -> dict[str, int]:
    """Thresholds that are passed by rule 3, and with how many seeds."""
    counts: dict[str, int] = {}
    for some in by_seed:
        for one in some:
            counts[one.what] = counts.get(one.what, 0) + 1
    return {what: count for what, count in counts.items() if 2 * count > len(by_seed)}
