"""Columns and rows for money: what is paid at a node, minimums, budgets, and the risk of it all.

Rules
1. Metered use counts towards the minimums of its offer that are open; where several are, how much
   counts towards which is decided. Minimums of the same periods are one.
2. What is missing is paid in the last period of a minimum, as far as it has come on that way.
3. A node's cost is its cash, what it does not serve and what it does not cover.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tollway.planner.program.claims import Claim
from tollway.planner.program.instance import Contingency, Instance
from tollway.planner.program.model import INFINITE, Model, Term
from tollway.planner.program.scale import Scale
from tollway.planner.program.serving import Servings
from tollway.planner.program.signing import Signings
from tollway.planner.program.tree import Tree


@dataclass(frozen=True, slots=True)
class Counting:
    """A column: metered use of an offer at a node that counts towards its minimum of `window`."""

    offer: str
    node: int
    window: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Missing:
    """A column: what is paid at a node for the minimum of an offer that began in period `first`."""

    offer: str
    node: int
    first: int


Shorts = Sequence[Sequence[tuple[int, Contingency]]]


@dataclass(frozen=True, slots=True)
class Money:
    """What the rows of money are made from."""

    model: Model
    instance: Instance
    tree: Tree
    scale: Scale
    signed: Signings
    served: Servings
    short: Shorts


def state_money(made: Money) -> None:
    """Costs, minimums, budgets and the objective."""
    cash = [_cash(made, node) for node in range(len(made.tree.nodes))]
    _minimums(made, cash)
    for budget in made.instance.budgets:
        ends = [*made.tree.at(budget.last), *_early(made.tree, budget.last)]
        for node in ends:
            terms = [term for one in made.tree.window(node, budget.first) for term in cash[one]]
            high = budget.amount / made.scale.money
            made.model.row(terms, high=high, demand=f"budget {budget.name}")
    costs = [_cost(made, node, terms) for node, terms in enumerate(cash)]
    _objective(made, costs)


def _early(tree: Tree, period: int) -> list[int]:
    """Scenarios that end before a period."""
    return [leaf for leaf in tree.leaves if tree.period(leaf) < period]


def _cash(made: Money, node: int) -> list[Term]:
    period = made.tree.period(node)
    terms: list[Term] = []
    for by_node in made.signed.claims.values():
        terms += [
            (made.model.named[one.decision], one.cash(period) / made.scale.money)
            for one in by_node[node]
        ]
    hours = made.instance.periods[period].hours
    for column, _, line, share in made.served.used[node]:
        terms.append((column, made.scale.spend(line.price[period], hours) * share))
    return terms


def _metered(made: Money, offer: str, node: int) -> list[Term]:
    period = made.tree.period(node)
    hours = made.instance.periods[period].hours
    return [
        (column, made.scale.spend(line.price[period], hours) * share)
        for column, one, line, share in made.served.used[node]
        if one.name == offer
    ]


def _minimums(made: Money, cash: list[list[Term]]) -> None:
    for offer in made.instance.offers:
        claimed = made.signed.claims[offer.name]
        due = {
            node: minimums_due(several, made.tree.period(node))
            for node, several in enumerate(claimed)
        }
        if not any(due.values()):
            continue
        counted = _counting(made, offer.name, due)
        for node, windows in due.items():
            for first, owed in windows.items():
                last = made.tree.period(node)
                missing = made.model.column(Missing(offer.name, node, first))
                terms: list[Term] = [(missing, 1.0)]
                for one in made.tree.window(node, first):
                    terms += counted[one][first, last]
                terms += [
                    (made.model.named[claim.decision], -amount / made.scale.money)
                    for claim, amount in owed
                ]
                made.model.row(terms, low=0.0)
                cash[node].append((missing, 1.0))


def minimums_due(claimed: Sequence[Claim], period: int) -> dict[int, list[tuple[Claim, int]]]:
    """What is due at the end of a period: by the minimum's first period, amounts a unit."""
    due: dict[int, list[tuple[Claim, int]]] = {}
    for claim in claimed:
        for first, amount in claim.minimums(period):
            due.setdefault(first, []).append((claim, amount))
    return due


def open_windows(
    tree: Tree, due: dict[int, dict[int, list[tuple[Claim, int]]]]
) -> dict[int, set[tuple[int, int]]]:
    """For each node, the minimums that its use may count towards: those due on some way on."""
    found: dict[int, set[tuple[int, int]]] = {node: set() for node in due}
    for node, windows in due.items():
        for first in windows:
            for one in tree.window(node, first):
                found[one].add((first, tree.period(node)))
    return found


def _counting(
    made: Money, offer: str, due: dict[int, dict[int, list[tuple[Claim, int]]]]
) -> dict[int, dict[tuple[int, int], list[Term]]]:
    counted: dict[int, dict[tuple[int, int], list[Term]]] = {}
    for node, windows in open_windows(made.tree, due).items():
        use = _metered(made, offer, node)
        if len(windows) == 1:
            counted[node] = {windows.pop(): use}
            continue
        columns = {one: made.model.column(Counting(offer, node, one)) for one in sorted(windows)}
        counted[node] = {one: [(column, 1.0)] for one, column in columns.items()}
        if columns:
            terms = [(column, -value) for column, value in use]
            made.model.row([*terms, *((one, 1.0) for one in columns.values())], high=0.0)
    return counted


def _cost(made: Money, node: int, cash: Sequence[Term]) -> int:
    period = made.tree.period(node)
    hours = made.instance.periods[period].hours
    terms = list(cash)
    for column, workload, share in made.served.unserved[node]:
        terms.append((column, made.scale.spend(workload.unserved or 0, hours) * share))
    for column, contingency in made.short[node]:
        terms.append((column, made.scale.spend(contingency.short or 0, hours)))
    cost = made.model.column(("cost", node), low=-INFINITE)
    made.model.row([*terms, (cost, -1.0)], low=0.0, high=0.0)
    return cost


def _objective(made: Money, costs: Sequence[int]) -> None:
    """(1 - weight) x the expected cost + weight x (at risk + mean excess / (1 - beta))."""
    model, tree, risk = made.model, made.tree, made.instance.risk
    discount = [made.instance.periods[node.period].discount for node in tree.nodes]
    weight = float(risk.weight)
    for node, column in enumerate(costs):
        worth = tree.nodes[node].probability * discount[node]
        model.price(column, float((1 - risk.weight) * worth))
    if not weight:
        return
    if risk.beta == 0 or len(tree.leaves) == 1:
        for node, column in enumerate(costs):
            model.price(column, float(tree.nodes[node].probability * discount[node]))
        return
    total: list[int] = []
    for node, column in enumerate(costs):
        total.append(model.column(("total", node), low=-INFINITE))
        parent = tree.nodes[node].parent
        before = [(total[parent], -1.0)] if parent is not None else []
        terms = [(total[node], 1.0), (column, -float(discount[node])), *before]
        model.row(terms, low=0.0, high=0.0)
    at_risk = model.column("at risk", low=-INFINITE)
    model.price(at_risk, weight)
    for leaf in tree.leaves:
        share = 0.0 if risk.beta == 1 else float(tree.nodes[leaf].probability / (1 - risk.beta))
        excess = model.column(("excess", leaf), high=INFINITE if share else 0)
        model.price(excess, weight * share)
        model.row([(excess, 1.0), (at_risk, 1.0), (total[leaf], -1.0)], low=0.0)
