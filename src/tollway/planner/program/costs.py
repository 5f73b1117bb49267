"""A plan counted anew from its decisions, in exact arithmetic: what it costs, what it breaks.

Rules
1. Nothing here has seen the solver: units, tokens and the contracts' streams are all it knows.
2. A payment is rounded to whole pico-dollars once, at its node and offer.
3. CVaR is the mean cost of the worst 1 - beta of the scenarios; the scenario at the edge counts for
   its part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from tollway.planner.program.answer import Costs, Plan
from tollway.planner.program.claims import (
    Claim,
    Decision,
    Leaving,
    Signing,
    claims,
    decisions,
)
from tollway.planner.program.instance import Instance, Risk
from tollway.planner.program.money import minimums_due, open_windows
from tollway.planner.program.scale import MILLION
from tollway.planner.program.tree import Tree, tree_of
from tollway.units import PicoDollars


@dataclass(frozen=True, slots=True)
class Counted:
    """A plan's decisions by name, and each offer's claims at each node."""

    instance: Instance
    tree: Tree
    units: dict[Decision, Fraction]
    claims: dict[str, list[list[Claim]]]
    metered: dict[tuple[int, str], Fraction] = field(
        default_factory=dict[tuple[int, str], Fraction]
    )

    def capacity(self, offer: str, node: int) -> Fraction:
        """Units of an offer that are there at a node."""
        period = self.tree.period(node)
        return sum(
            (self.units[one.decision] * one.capacity(period) for one in self.claims[offer][node]),
            Fraction(0),
        )


def counted(instance: Instance, plan: Plan) -> Counted:
    """A plan's decisions, ready to be counted."""
    tree, units = tree_of(instance), units_of(instance, plan)
    by_offer: dict[str, list[list[Claim]]] = {}
    for offer in instance.offers:
        decided = decisions(instance, tree, offer)
        by_offer[offer.name] = claims(offer, tree, decided)
        for one in decided:
            units.setdefault(one, Fraction(0))
    made = Counted(instance, tree, units, by_offer)
    _meter(made, plan)
    return made


def units_of(instance: Instance, plan: Plan) -> dict[Decision, Fraction]:
    """Units by decision, those in force included."""
    units: dict[Decision, Fraction] = {
        Signing(offer.name, None): offer.signed for offer in instance.offers if offer.signed
    }
    units |= {Signing(one.offer, one.node): one.units for one in plan.signed}
    units |= {Leaving(one.offer, one.signed, one.node): one.units for one in plan.noticed}
    return units


def _meter(made: Counted, plan: Plan) -> None:
    price = {
        (offer.name, line.workload, line.model): line.price
        for offer in made.instance.offers
        for line in offer.lines
    }
    for one in plan.served:
        period = made.tree.period(one.node)
        hours = made.instance.periods[period].hours * made.instance.blocks[one.block].share
        rate = price[one.offer, one.workload, one.model][period]
        paid = Fraction(rate * one.tokens) * hours / MILLION
        key = (one.node, one.offer)
        made.metered[key] = made.metered.get(key, Fraction(0)) + paid


def costs(instance: Instance, plan: Plan) -> Costs:
    """What a plan costs."""
    made = counted(instance, plan)
    cash = cash_of(made, plan)
    unserved, short = _unserved(instance, plan), _short(made, plan)
    own: list[int] = [
        unserved.get(node, 0) + short.get(node, 0) for node in range(len(made.tree.nodes))
    ]
    for (node, _), amount in cash.items():
        own[node] += amount
    discounted = [
        instance.periods[node.period].discount * amount
        for node, amount in zip(instance.nodes, own, strict=True)
    ]
    scenarios = {
        leaf: sum((discounted[node] for node in made.tree.path[leaf]), Fraction(0))
        for leaf in made.tree.leaves
    }
    expected = sum(
        (node.probability * cost for node, cost in zip(instance.nodes, discounted, strict=True)),
        Fraction(0),
    )
    probability = {leaf: instance.nodes[leaf].probability for leaf in made.tree.leaves}
    at_risk = cvar(scenarios, probability, instance.risk)
    weight = instance.risk.weight
    objective = (1 - weight) * expected + weight * at_risk
    return Costs(objective, expected, at_risk, cash, unserved, short, scenarios)


def cash_of(made: Counted, plan: Plan) -> dict[tuple[int, str], PicoDollars]:
    """Each node's own payments by offer: the streams' cash, metered use, what minimums miss."""
    paid: dict[tuple[int, str], Fraction] = dict(made.metered)
    for offer, by_node in made.claims.items():
        for node, several in enumerate(by_node):
            period = made.tree.period(node)
            for one in several:
                amount = made.units[one.decision] * one.cash(period)
                if amount:
                    paid[node, offer] = paid.get((node, offer), Fraction(0)) + amount
    for key, amount in _missing(made, plan).items():
        paid[key] = paid.get(key, Fraction(0)) + amount
    return {key: PicoDollars(round(amount)) for key, amount in sorted(paid.items()) if amount}


def _missing(made: Counted, plan: Plan) -> dict[tuple[int, str], Fraction]:
    told = {(one.offer, one.node, one.first, one.last): one.amount for one in plan.counted}
    missing: dict[tuple[int, str], Fraction] = {}
    for offer, by_node in made.claims.items():
        due = {
            node: minimums_due(several, made.tree.period(node))
            for node, several in enumerate(by_node)
        }
        windows = open_windows(made.tree, due)
        for node, owed in due.items():
            last = made.tree.period(node)
            for first, amounts in owed.items():
                rest = sum(
                    (made.units[claim.decision] * amount for claim, amount in amounts), Fraction(0)
                )
                for one in made.tree.window(node, first):
                    if len(windows[one]) == 1:
                        rest -= made.metered.get((one, offer), 0)
                    else:
                        rest -= told.get((offer, one, first, last), 0)
                if rest > 0:
                    missing[node, offer] = missing.get((node, offer), Fraction(0)) + rest
    return missing


def _unserved(instance: Instance, plan: Plan) -> dict[int, PicoDollars]:
    price = {one.name: one.unserved or 0 for one in instance.workloads}
    found: dict[int, Fraction] = {}
    for (node, workload), tokens in plan.unserved.items():
        found[node] = found.get(node, Fraction(0)) + Fraction(price[workload] * tokens, MILLION)
    return {node: PicoDollars(round(amount)) for node, amount in found.items() if amount}


def _short(made: Counted, plan: Plan) -> dict[int, PicoDollars]:
    price = {one.name: one.short or 0 for one in made.instance.contingencies}
    found: dict[int, Fraction] = {}
    for (contingency, node), tokens in plan.short.items():
        hours = made.instance.periods[made.tree.period(node)].hours
        cost = Fraction(price[contingency] * tokens * hours, MILLION)
        found[node] = found.get(node, Fraction(0)) + cost
    return {node: PicoDollars(round(amount)) for node, amount in found.items() if amount}


def cvar(cost: Mapping[int, Fraction], probability: Mapping[int, Fraction], risk: Risk) -> Fraction:
    """The mean of the worst 1 - beta; the worst of all where beta is 1."""
    worst = sorted(cost, key=lambda leaf: (-cost[leaf], leaf))
    if risk.beta == 1:
        return cost[worst[0]]
    left = part = 1 - risk.beta
    total = Fraction(0)
    for leaf in worst:
        taken = min(left, probability[leaf])
        total += taken * cost[leaf]
        left -= taken
    return total / (part - left)
