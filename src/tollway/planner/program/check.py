"""What a plan breaks, found out in exact arithmetic.

Rules
1. Units, groups, capacity and resources hold exactly. Budgets, shares, work that must be served and
   cover that must hold do to a millionth: whole tokens cannot divide everything.
"""

from collections.abc import Iterator
from fractions import Fraction

from tollway.planner.program.answer import Plan
from tollway.planner.program.claims import Leaving, Signing
from tollway.planner.program.costs import Counted, cash_of, counted
from tollway.planner.program.instance import Instance, Offer

CLOSE = Fraction(1, 1_000_000)


def faults(instance: Instance, plan: Plan) -> list[str]:
    """Every demand that a plan breaks, in words; none where it is feasible."""
    made = counted(instance, plan)
    found = [fault for offer in instance.offers for fault in _units(made, offer)]
    found += _groups(made)
    found += _capacity(made, plan)
    found += _demand(instance, plan)
    found += _resources(made)
    found += _budgets(made, plan)
    found += _limits(instance, plan)
    return found


def _units(made: Counted, offer: Offer) -> Iterator[str]:
    own = {one: size for one, size in made.units.items() if one.offer == offer.name and size}
    for one, size in own.items():
        first = isinstance(one, Signing) and one.node is None
        if size < 0 or (offer.whole and not first and size.denominator != 1):
            yield f"{one}: {float(size)} units"
        if isinstance(one, Signing) and not first and size < offer.least:
            yield f"{one}: {float(size)} units, fewer than {float(offer.least)}"
    for leaf in made.tree.leaves:
        path = {None, *made.tree.path[leaf]}
        signed = {
            one.node: size
            for one, size in own.items()
            if isinstance(one, Signing) and one.node in path
        }
        if sum(signed.values()) > max(offer.most, offer.signed):
            yield f"{offer.name}: more than {float(offer.most)} units are signed by node {leaf}"
        for node, size in signed.items():
            left = [
                gone
                for one, gone in own.items()
                if isinstance(one, Leaving) and one.signed == node and one.node in path
            ]
            if sum(left) > size:
                yield f"{offer.name}: more units left than signed at node {node}"


def _groups(made: Counted) -> Iterator[str]:
    group = {offer.name: offer.group for offer in made.instance.offers}
    for leaf in made.tree.leaves:
        path = {None, *made.tree.path[leaf]}
        signed: dict[str, set[str]] = {}
        for one, size in made.units.items():
            if isinstance(one, Signing) and size and one.node in path and group[one.offer]:
                signed.setdefault(group[one.offer], set()).add(one.offer)
        for name, several in signed.items():
            if len(several) > 1:
                yield f"group {name}: {sorted(several)} are all signed by node {leaf}"


def _capacity(made: Counted, plan: Plan) -> Iterator[str]:
    lines = {
        (offer.name, line.workload, line.model): line
        for offer in made.instance.offers
        for line in offer.lines
    }
    used: dict[tuple[int, int, str], Fraction] = {}
    for one in plan.served:
        key = (one.node, one.block, one.offer)
        line = lines[one.offer, one.workload, one.model]
        if not line.serves(made.tree.period(one.node)):
            yield f"{one.offer}: serves with {one.model} at node {one.node}, where it does not run"
        used[key] = used.get(key, Fraction(0)) + Fraction(one.tokens, line.tokens)
    for (node, block, offer), units in used.items():
        if units > made.capacity(offer, node):
            yield f"{offer}: serves more than it can at node {node}, block {block}"


def _demand(instance: Instance, plan: Plan) -> Iterator[str]:
    served: dict[tuple[int, int | None, str], Fraction] = {}
    batch = {one.name for one in instance.workloads if not one.interactive}
    for one in plan.served:
        block = None if one.workload in batch else one.block
        share = instance.blocks[one.block].share if block is None else 1
        key = (one.node, block, one.workload)
        served[key] = served.get(key, Fraction(0)) + one.tokens * share
    wanted = {
        (index, one.name): amounts
        for index, node in enumerate(instance.nodes)
        for one, amounts in zip(instance.workloads, node.demand, strict=True)
    }
    for (node, block, workload), tokens in served.items():
        amounts = wanted[node, workload]
        shares = [one.share for one in instance.blocks]
        most = sum(map(_times, amounts, shares)) if block is None else amounts[block]
        if tokens > most:
            yield f"workload {workload}: more is served than wanted at node {node}"
    must = {one.name for one in instance.workloads if one.unserved is None}
    for (node, workload), tokens in plan.unserved.items():
        hours = instance.periods[instance.nodes[node].period].hours
        if workload in must and tokens > CLOSE * hours * sum(wanted[node, workload]):
            yield f"workload {workload}: {tokens} tokens are not served at node {node}"
    hard = {one.name for one in instance.contingencies if one.short is None}
    for (contingency, node), tokens in plan.short.items():
        total = sum(sum(amounts) for amounts in instance.nodes[node].demand)
        if contingency in hard and tokens > CLOSE * total:
            yield f"contingency {contingency}: {tokens} tokens an hour short at node {node}"


def _times(amount: int, share: Fraction) -> Fraction:
    return amount * share


def _resources(made: Counted) -> Iterator[str]:
    for resource in made.instance.resources:
        for node in range(len(made.tree.nodes)):
            period = made.tree.period(node)
            used = sum(
                offer.uses.get(resource.name, Fraction(0))
                * made.units[one.decision]
                * one.uses(period)
                for offer in made.instance.offers
                for one in made.claims[offer.name][node]
            )
            if used > resource.available[period]:
                yield f"resource {resource.name}: {float(used)} are used at node {node}"


def _budgets(made: Counted, plan: Plan) -> Iterator[str]:
    paid: dict[int, int] = {}
    for (node, _), amount in cash_of(made, plan).items():
        paid[node] = paid.get(node, 0) + amount
    for budget in made.instance.budgets:
        for leaf in made.tree.leaves:
            path = [
                node
                for node in made.tree.window(leaf, budget.first)
                if made.tree.period(node) <= budget.last
            ]
            total = sum(paid.get(node, 0) for node in path)
            if total > budget.amount + CLOSE * sum(abs(paid.get(node, 0)) for node in path):
                yield f"budget {budget.name}: {total} pico-dollars are paid by node {path[-1]}"


def _limits(instance: Instance, plan: Plan) -> Iterator[str]:
    attributes = {offer.name: offer.attributes for offer in instance.offers}
    for limit in instance.limits:
        total: dict[int, Fraction] = {}
        by_value: dict[tuple[int, str], Fraction] = {}
        for one in plan.served:
            tokens = one.tokens * instance.blocks[one.block].share
            total[one.node] = total.get(one.node, Fraction(0)) + tokens
            value = attributes[one.offer].get(limit.attribute, "")
            if value:
                key = (one.node, value)
                by_value[key] = by_value.get(key, Fraction(0)) + tokens
        for (node, value), tokens in by_value.items():
            if tokens > limit.share * total[node] + CLOSE * total[node] + 8:
                yield f"limit {limit.attribute}: {value} serves too much at node {node}"
