"""What a plan has in force at each node, and what that gives and still costs.

Rules
1. What a node has is what its parent had, and what is signed and noticed in it.
2. An offer whose supplier has left gives and costs nothing any more.
3. Money that is bound is what is still owed where notice is given when that is cheapest, or never.
   A minimum of metered use is owed whole in the period that settles it, whatever was used by then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from tollway.planner.program.answer import Plan
from tollway.planner.program.instance import ALREADY, Instance, Node, Offer, Stream

NONE = Fraction(0)

Course = tuple[str, int, int | None]
"""An offer, the period in which units of it were signed, and that in which they were left."""

Courses = dict[Course, Fraction]


@dataclass(frozen=True, slots=True)
class Holding:
    """Units of an offer with one course: signed in a period, left in another or not at all."""

    offer: Offer
    signed: int
    noticed: int | None
    units: Fraction

    @property
    def stream(self) -> Stream:
        """What one unit gives and costs."""
        if self.noticed is None:
            return self.offer.runs[self.signed]
        return self.offer.exits[self.signed, self.noticed]

    def capacity(self, period: int) -> Fraction:
        """Units that are there all through a period."""
        return self.units * self.stream.capacity[period]


@dataclass(frozen=True, slots=True)
class Bound:
    """What is owed from a period on and cannot be called off: pico-dollars of each period of the
    horizon, and after it. `leave` is the period in which notice has to be given for that (None:
    none has to, or none can be)."""

    holding: Holding
    cash: tuple[Fraction, ...]
    after: Fraction
    leave: int | None

    @property
    def total(self) -> Fraction:
        """All of it."""
        return sum(self.cash, self.after)


def holdings(instance: Instance, plan: Plan) -> tuple[tuple[Holding, ...], ...]:
    """What is in force at each node, its own decisions included."""
    offers = {offer.name: offer for offer in instance.offers}
    begun: Courses = {}
    for offer in instance.offers:
        if offer.signed:
            begun[offer.name, ALREADY, None] = offer.signed
    kept: list[Courses] = []
    for number, node in enumerate(instance.nodes):
        now = dict(begun if node.parent is None else kept[node.parent])
        for one in plan.signed:
            if one.node == number:
                course: Course = (one.offer, node.period, None)
                now[course] = now.get(course, NONE) + one.units
        for one in plan.noticed:
            if one.node == number:
                since = ALREADY if one.signed is None else instance.nodes[one.signed].period
                _leave(now, (one.offer, since), node.period, one.units)
        kept.append(now)
    return tuple(
        tuple(
            Holding(offers[name], signed, noticed, units)
            for (name, signed, noticed), units in sorted(now.items(), key=_in_order)
            if units and name not in node.without
        )
        for node, now in zip(instance.nodes, kept, strict=True)
    )


def _in_order(item: tuple[Course, Fraction]) -> tuple[str, int, int]:
    (name, signed, noticed), _ = item
    return name, signed, ALREADY if noticed is None else noticed


def _leave(now: Courses, cohort: tuple[str, int], period: int, units: Fraction) -> None:
    name, signed = cohort
    now[name, signed, None] = now.get((name, signed, None), NONE) - units
    gone = (name, signed, period)
    now[gone] = now.get(gone, NONE) + units


def there(held: tuple[Holding, ...], node: Node) -> Mapping[str, Fraction]:
    """Units of each offer that are there at a node all through its period."""
    found: dict[str, Fraction] = {}
    for one in held:
        name = one.offer.name
        if units := one.capacity(node.period):
            found[name] = found.get(name, NONE) + units
    return found


def bound(holding: Holding, period: int) -> Bound:
    """What is owed from `period` on and cannot be called off any more (rule 3)."""
    ways: list[tuple[int | None, Stream]] = [(None, holding.stream)]
    if holding.noticed is None:
        exits = holding.offer.exits.items()
        ways += [
            (at, way) for (since, at), way in exits if since == holding.signed and at >= period
        ]

    def owed(way: tuple[int | None, Stream]) -> tuple[int, int]:
        """The least owed; of equals the way that asks for nothing, then the earliest."""
        left, stream = way
        return sum(due(stream)[period:]) + stream.after, ALREADY if left is None else left

    leave, stream = min(ways, key=owed)
    units = holding.units
    cash = tuple(units * it if at >= period else NONE for at, it in enumerate(due(stream)))
    return Bound(holding, cash, units * stream.after, leave)


def due(stream: Stream) -> list[int]:
    """What a unit costs in each period at the least."""
    owed: list[int] = list(stream.cash)
    for one in stream.minimums:
        owed[one.last] += one.amount
    return owed
