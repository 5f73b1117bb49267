"""Rows for what must still be covered after a contingency.

Rules
1. Of blocks whose demand is nowhere above another's, only that other is asked for: what covers it
   covers them.
2. Where each offer makes as many tokens of any workload that it serves, no dispatch is stated: by
   the cut of least capacity, it is enough that every set of workloads finds what it wants in the
   offers that serve any of them. Else what is left is dispatched in columns of its own.
3. A contingency counts in the periods in which something on offer could serve each interactive
   workload after it. In the others, it would cost the same whatever is signed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from tollway.planner.program.instance import Contingency, Instance, Offer, Workload
from tollway.planner.program.model import INFINITE, Model, Term
from tollway.planner.program.scale import Scale
from tollway.planner.program.signing import Signings

MANY = 5
"""From so many workloads on, there are more sets of them than dispatch columns are worth."""


@dataclass(frozen=True, slots=True)
class Short:
    """A column: tokens an hour of the worst block that a contingency would leave uncovered."""

    contingency: str
    node: int


@dataclass(frozen=True, slots=True)
class After:
    """A column: tokens an hour that an offer would make of a workload after a contingency, in the
    worst block of that number."""

    contingency: str
    node: int
    block: int
    offer: str
    workload: int


@dataclass(frozen=True, slots=True)
class Remaining:
    """An offer that is left, units more of it in an emergency, and the tokens an hour that one unit
    makes of each workload, by index."""

    offer: str
    emergency: Fraction
    rates: tuple[tuple[int, int], ...]


def state_security(
    model: Model, instance: Instance, signed: Signings, scale: Scale
) -> list[list[tuple[int, Contingency]]]:
    """For each node, the columns of what is short, with their contingencies."""
    made = _Security(model, instance, signed, scale)
    found: list[list[tuple[int, Contingency]]] = []
    for index, node in enumerate(instance.nodes):
        found.append([])
        for one in instance.contingencies:
            if counts(instance, one, node.period):
                high = 0.0 if one.short is None else INFINITE
                column = model.column(Short(one.name, index), high=high)
                found[index].append((column, one))
                made.cover(one, index, column)
    return found


def counts(instance: Instance, contingency: Contingency, period: int) -> bool:
    """Whether a contingency may come in a period, and could be survived (rule 3)."""
    left = {
        line.workload
        for offer in instance.offers
        if offer.name not in contingency.offers
        for line in offer.lines
        if line.serves(period) and line.model not in contingency.models
    }
    wanted = {one.name for one in instance.workloads if one.interactive}
    return period >= contingency.since and wanted <= left


def remaining(instance: Instance, contingency: Contingency, node: int) -> list[Remaining]:
    """What is left of the offers at a node."""
    left: list[Remaining] = []
    seen = instance.nodes[node]
    for offer in instance.offers:
        if offer.name in contingency.offers or offer.name in seen.without:
            continue
        rates = tuple(
            (index, best)
            for index, workload in enumerate(instance.workloads)
            if workload.interactive and (best := _rate(contingency, offer, workload, seen.period))
        )
        reachable = offer.emergency_days <= contingency.notice_days
        if rates:
            left.append(Remaining(offer.name, offer.emergency if reachable else Fraction(0), rates))
    return left


def _rate(contingency: Contingency, offer: Offer, workload: Workload, period: int) -> int:
    """Tokens an hour that a unit makes of a workload with the models that are left in a period."""
    return max(
        (
            line.tokens
            for line in offer.lines
            if line.workload == workload.name
            and line.serves(period)
            and line.model in workload.models
            and line.model not in contingency.models
        ),
        default=0,
    )


def worst_blocks(
    instance: Instance, node: int, contingency: Contingency
) -> list[tuple[Fraction, ...]]:
    """What must be covered, tokens an hour by workload, in the blocks that no other is above."""
    demand = instance.nodes[node].demand
    wanted = {
        tuple(
            contingency.cover * amounts[block] if workload.interactive else Fraction(0)
            for workload, amounts in zip(instance.workloads, demand, strict=True)
        )
        for block in range(len(instance.blocks))
    }
    kept: list[tuple[Fraction, ...]] = []
    for one in sorted(wanted, reverse=True):
        if not any(all(a >= b for a, b in zip(other, one, strict=True)) for other in kept):
            kept.append(one)
    return kept


def by_cuts(left: Iterable[Remaining], wanted: int) -> bool:
    """Whether rule 2 holds for what is left, with so many workloads that want anything."""
    alike = all(len({rate for _, rate in one.rates}) == 1 for one in left)
    return wanted == 1 or (wanted < MANY and alike)


def cuts(
    left: Sequence[Remaining], block: Sequence[Fraction]
) -> Iterable[tuple[Fraction, list[tuple[Remaining, int]]]]:
    """For each set of workloads: what it wants, and who can serve any of it at which rate."""
    wanted = [index for index, amount in enumerate(block) if amount]
    for size in range(1, len(wanted) + 1):
        for some in combinations(wanted, size):
            able = [
                (one, max(rate for index, rate in one.rates if index in some))
                for one in left
                if any(index in some for index, _ in one.rates)
            ]
            yield sum((block[index] for index in some), Fraction(0)), able


@dataclass(frozen=True, slots=True)
class _Security:
    model: Model
    instance: Instance
    signed: Signings
    scale: Scale

    def cover(self, contingency: Contingency, node: int, short: int) -> None:
        left = [
            one
            for one in remaining(self.instance, contingency, node)
            if one.emergency or self.signed.capacity[one.offer][node] is not None
        ]
        demand = "" if contingency.short is not None else f"contingency {contingency.name}"
        for number, block in enumerate(worst_blocks(self.instance, node, contingency)):
            if by_cuts(left, sum(map(bool, block))):
                self._cut(node, short, demand, cuts(left, block))
            else:
                place = After(contingency.name, node, number, "", 0)
                self._dispatch(place, short, demand, left, block)

    def _cut(
        self,
        node: int,
        short: int,
        demand: str,
        found: Iterable[tuple[Fraction, list[tuple[Remaining, int]]]],
    ) -> None:
        for amount, able in found:
            low = amount - sum(rate * one.emergency for one, rate in able)
            terms: list[Term] = [(short, 1.0)]
            for one, rate in able:
                column = self.signed.capacity[one.offer][node]
                if column is not None:
                    terms.append((column, rate / self.scale.tokens))
            if low > 0:
                self.model.row(terms, low=float(low / self.scale.tokens), demand=demand)

    def _dispatch(
        self,
        at: After,
        short: int,
        demand: str,
        left: Sequence[Remaining],
        block: Sequence[Fraction],
    ) -> None:
        serving: list[list[Term]] = [[] for _ in block]
        for one in left:
            fastest = max(rate for _, rate in one.rates)
            terms: list[Term] = []
            for index, rate in one.rates:
                if block[index]:
                    name = After(at.contingency, at.node, at.block, one.offer, index)
                    column = self.model.column(name)
                    serving[index].append((column, 1.0))
                    terms.append((column, fastest / rate))
            units = self.signed.capacity[one.offer][at.node]
            if units is not None:
                terms.append((units, -fastest / self.scale.tokens))
            self.model.row(terms, high=float(fastest * one.emergency / self.scale.tokens))
        missing: list[Term] = [(short, 1.0)]
        for index, amount in enumerate(block):
            if amount:
                gap = self.model.column(("missing", at, index))
                missing.append((gap, -1.0))
                low = float(amount / self.scale.tokens)
                self.model.row([*serving[index], (gap, 1.0)], low=low)
        self.model.row(missing, low=0.0, demand=demand)
