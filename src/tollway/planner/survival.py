"""What of the interactive demand is still served when something falls away.

Rules
1. What is left is dispatched anew, and exactly: the most tokens an hour that it can make of what is
   wanted in a block. A share is the least of a node's blocks.
2. While a notice lasts, what has given it still serves. After it, what is left does, with what more
   can be had within the notice.
3. The interval of a share is that of the speeds: every line at the low, and at the high end.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key
from math import lcm
from typing import Literal

from tollway.planner.holdings import NONE, holdings, there
from tollway.planner.program.answer import Between, Plan
from tollway.planner.program.instance import Contingency, Instance, Line, Node
from tollway.planner.simplex import most

ONE = Fraction(1)
Pace = Literal["low", "tokens", "high"]


@dataclass(frozen=True, slots=True)
class Survival:
    """Shares of a node's interactive demand, 0 to 1, with a contingency: `during` its notice and
    `after` it, and between what `after` lies as the speeds do."""

    contingency: str
    node: int
    during: Fraction
    after: Fraction
    between: Between


def survivals(instance: Instance, plan: Plan) -> tuple[Survival, ...]:
    """Every contingency at every node from the period on from which it counts."""
    held = holdings(instance, plan)
    found: list[Survival] = []
    for number, node in enumerate(instance.nodes):
        units = there(held[number], node)
        whole = served_share(instance, node, units)
        found += [
            _survival(instance, number, one, units, whole)
            for one in instance.contingencies
            if node.period >= one.since
        ]
    return tuple(found)


def _survival(
    instance: Instance,
    number: int,
    one: Contingency,
    units: Mapping[str, Fraction],
    whole: Fraction,
) -> Survival:
    node = instance.nodes[number]
    rest = left(instance, node, one, units, one.notice_days)
    low = served_share(instance, node, rest, one.models, "low")
    if low == 1:  # whatever the speeds, all is served
        after = high = low
    else:
        after = served_share(instance, node, rest, one.models)
        high = served_share(instance, node, rest, one.models, "high")
    during = whole if one.notice_days else after
    return Survival(one.name, number, during, after, Between(low, high))


def left(
    instance: Instance, node: Node, one: Contingency, units: Mapping[str, Fraction], days: int
) -> dict[str, Fraction]:
    """Units of each offer once it has fallen away, with those that can be had within `days`."""
    rest = {name: count for name, count in units.items() if name not in one.offers}
    for offer in instance.offers:
        gone = offer.name in one.offers or offer.name in node.without
        if offer.emergency and not gone and offer.emergency_days <= days:
            rest[offer.name] = rest.get(offer.name, NONE) + offer.emergency
    return rest


def served_share(
    instance: Instance,
    node: Node,
    units: Mapping[str, Fraction],
    without: frozenset[str] = frozenset(),
    pace: Pace = "tokens",
) -> Fraction:
    """The share of interactive demand that such units serve at most, in the worst block of a node;
    `without` are models that nobody serves."""
    worst = ONE
    for block in range(len(instance.blocks)):
        wanted = {
            workload.name: node.demand[index][block]
            for index, workload in enumerate(instance.workloads)
            if workload.interactive and node.demand[index][block]
        }
        total = sum(wanted.values())
        if total:
            speeds = _speeds(instance, node, units, without, pace)
            speeds = {key: it for key, it in speeds.items() if key[1] in wanted}
            worst = min(worst, most_served(speeds, units, wanted) / total)
    return worst


def _speeds(
    instance: Instance,
    node: Node,
    units: Mapping[str, Fraction],
    without: frozenset[str],
    pace: Pace,
) -> dict[tuple[str, str], int]:
    """Tokens an hour that one unit makes of a workload, with the model that is fastest at it."""
    speeds: dict[tuple[str, str], int] = {}
    for offer in instance.offers:
        if offer.name not in units:
            continue
        for line in offer.lines:
            if line.serves(node.period) and line.model not in without:
                key = (offer.name, line.workload)
                speeds[key] = max(speeds.get(key, 0), _at(line, pace))
    return {key: speed for key, speed in speeds.items() if speed}


def _at(line: Line, pace: Pace) -> int:
    """A declared line has no interval."""
    return line.tokens if not line.high else getattr(line, pace)


def most_served(
    speeds: Mapping[tuple[str, str], int],
    units: Mapping[str, Fraction],
    wanted: Mapping[str, int],
) -> Fraction:
    """The most tokens an hour that units make of what is wanted; a unit divides its hour as it
    likes between workloads."""
    if len(wanted) > 2:
        if _covered(speeds, units, wanted):
            return Fraction(sum(wanted.values()))
        return _program(speeds, units, wanted)
    whole = lcm(*(it.denominator for it in units.values()))
    counts = {name: it.numerator * (whole // it.denominator) for name, it in units.items()}
    bounds = {name: it * whole for name, it in wanted.items()}
    if len(wanted) == 1:
        (bound,) = bounds.values()
        return Fraction(
            min(bound, sum(counts[it] * speed for (it, _), speed in speeds.items())), whole
        )
    return _of_two(speeds, counts, bounds) / whole


def _covered(
    speeds: Mapping[tuple[str, str], int],
    units: Mapping[str, Fraction],
    wanted: Mapping[str, int],
) -> bool:
    """Whether all is served when each workload, that of the fewest offers first, takes what serves
    the fewest others. Where not, it may be served all the same, in another order."""
    left = dict(units)
    able = {name: [offer for offer, it in speeds if it == name] for name in wanted}
    others = Counter(offer for offer, _ in speeds)
    for name in sorted(wanted, key=lambda it: len(able[it])):
        missing = Fraction(wanted[name])
        for offer in sorted(able[name], key=lambda it: (others[it], it)):
            taken = min(left[offer], missing / speeds[offer, name])
            left[offer] -= taken
            missing -= taken * speeds[offer, name]
            if not missing:
                break
        if missing:
            return False
    return True


def _of_two(
    speeds: Mapping[tuple[str, str], int], units: Mapping[str, int], wanted: Mapping[str, int]
) -> Fraction:
    """Two workloads: offers in the order of what they are best at, the first ones on the one and
    the last on the other. The best cut is between two offers, or where one of them has enough."""
    (one, first), (other, last) = wanted.items()
    pairs = [
        (units[it] * speeds.get((it, one), 0), units[it] * speeds.get((it, other), 0))
        for it in {offer for offer, _ in speeds}
        if units[it]  # what makes neither has no place in the order
    ]
    pairs.sort(key=_better_at)
    on_one, on_other = 0, sum(it[1] for it in pairs)
    best = Fraction(min(on_other, last))
    for more, less in pairs:
        if 0 < first - on_one < more:
            rest = on_other - Fraction(less * (first - on_one), more)
            best = max(best, first + min(rest, Fraction(last)))
        if 0 < on_other - last < less:
            done = on_one + Fraction(more * (on_other - last), less)
            best = max(best, min(done, Fraction(first)) + last)
        on_one, on_other = on_one + more, on_other - less
        best = max(best, Fraction(min(on_one, first) + min(on_other, last)))
    return best


@cmp_to_key
def _better_at(one: tuple[int, int], other: tuple[int, int]) -> int:
    """What makes more of the first workload for what it would make of the second comes first."""
    return other[0] * one[1] - one[0] * other[1]


def _program(
    speeds: Mapping[tuple[str, str], int],
    units: Mapping[str, Fraction],
    wanted: Mapping[str, int],
) -> Fraction:
    """As a linear program: hours of each offer's units on each workload."""
    pairs = list(speeds)
    offers = sorted({offer for offer, _ in pairs})
    rows: list[Sequence[Fraction]] = [
        [Fraction(pair[0] == offer) for pair in pairs] for offer in offers
    ]
    rows += [
        [Fraction(speeds[pair] * (pair[1] == workload)) for pair in pairs] for workload in wanted
    ]
    bounds = [units[offer] for offer in offers] + [Fraction(it) for it in wanted.values()]
    return most([Fraction(speeds[pair]) for pair in pairs], rows, bounds)
