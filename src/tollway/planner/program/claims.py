"""What the units that were signed and noticed on the way to a node give and cost in it.

Rules
1. A unit runs on its `runs` stream until notice is given, and on the stream of that exit from the
   node of the notice on.
2. Where its supplier has left, an offer gives and costs nothing, and nothing is decided about it.
3. A unit takes of resources from the first period in which it gives capacity to the last.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tollway.planner.program.instance import ALREADY, Instance, Offer, Stream
from tollway.planner.program.tree import Tree


@dataclass(frozen=True, slots=True)
class Signing:
    """Units of an offer signed at a node; None: in force before the horizon."""

    offer: str
    node: int | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """Units of those signed at `signed` for which notice is given at `node`."""

    offer: str
    signed: int | None
    node: int


Decision = Signing | Leaving


@dataclass(frozen=True, slots=True)
class Claim:
    """A decision's units follow stream `now`, and no longer `before`."""

    decision: Decision
    now: Stream
    before: Stream | None = None

    def capacity(self, period: int) -> Fraction:
        """Units that are there all through a period, more than without the decision."""
        gone = self.before.capacity[period] if self.before else 0
        return self.now.capacity[period] - gone

    def cash(self, period: int) -> int:
        """Pico-dollars that a unit pays in a period, more than without the decision."""
        return self.now.cash[period] - (self.before.cash[period] if self.before else 0)

    def uses(self, period: int) -> int:
        """1 where a unit begins to take of resources, -1 where it ceases to, by the decision."""
        return in_service(self.now, period) - (
            in_service(self.before, period) if self.before else 0
        )

    def minimums(self, period: int) -> Iterator[tuple[int, int]]:
        """First period and amount of what a unit must have used by the end of a period."""
        for one in self.now.minimums:
            if one.last == period:
                yield one.first, one.amount
        for one in self.before.minimums if self.before else ():
            if one.last == period:
                yield one.first, -one.amount


def in_service(stream: Stream, period: int) -> bool:
    """Whether a unit of a stream takes of resources in a period."""
    return any(stream.capacity[: period + 1]) and any(stream.capacity[period:])


def decisions(instance: Instance, tree: Tree, offer: Offer) -> list[Decision]:
    """Everything that can be decided about an offer: signings first, each after its past."""
    signings: list[Signing] = []
    if offer.signed and ALREADY in offer.runs:
        signings.append(Signing(offer.name, None))
    for index, node in enumerate(instance.nodes):
        if node.period in offer.runs and offer.name not in node.without:
            signings.append(Signing(offer.name, index))
    kept = {one.node for one in signings}
    leavings: list[Leaving] = []
    for index, node in enumerate(instance.nodes):
        if offer.name in node.without:
            continue
        for signed in (None, *tree.path[index]):
            since = ALREADY if signed is None else instance.nodes[signed].period
            if signed in kept and (since, node.period) in offer.exits:
                leavings.append(Leaving(offer.name, signed, index))
    return [*signings, *leavings]


def claims(offer: Offer, tree: Tree, decided: list[Decision]) -> list[list[Claim]]:
    """For each node, the claims of an offer's decisions on the way to it."""
    at: list[list[Claim]] = [[] for _ in tree.nodes]
    by_node: dict[int | None, list[Claim]] = {}
    for one in decided:
        since = ALREADY if _origin(one) is None else tree.period(_origin(one) or 0)
        run = offer.runs[since]
        if isinstance(one, Signing):
            by_node.setdefault(one.node, []).append(Claim(one, run))
        else:
            gone = offer.exits[since, tree.period(one.node)]
            by_node.setdefault(one.node, []).append(Claim(one, gone, run))
    for index, node in enumerate(tree.nodes):
        if offer.name not in node.without:
            for past in (None, *tree.path[index]):
                at[index] += by_node.get(past, [])
    return at


def _origin(decision: Decision) -> int | None:
    return decision.node if isinstance(decision, Signing) else decision.signed
