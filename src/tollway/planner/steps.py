"""What a plan does when, told by period and not by node of the scenario tree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tollway.planner.program.answer import Answer, Plan
from tollway.planner.program.instance import Instance


@dataclass(frozen=True, slots=True)
class Step:
    """So many units of an offer signed, or left, in a period: in scenarios that together have a
    `probability`, by their `names` (empty: what is expected)."""

    period: int
    what: Literal["sign", "leave"]
    offer: str
    units: Fraction
    probability: Fraction
    names: tuple[str, ...]


def steps(instance: Instance, plan: Plan) -> tuple[Step, ...]:
    """Every decision, the earliest first; alike ones of one period are one step."""
    units: dict[tuple[int, Literal["sign", "leave"], str, int], Fraction] = {}
    for one in plan.signed:
        _add(units, (instance.nodes[one.node].period, "sign", one.offer, one.node), one.units)
    for one in plan.noticed:
        _add(units, (instance.nodes[one.node].period, "leave", one.offer, one.node), one.units)
    alike: dict[tuple[int, Literal["sign", "leave"], str, Fraction], list[int]] = {}
    for (period, what, offer, node), count in units.items():
        alike.setdefault((period, what, offer, count), []).append(node)
    return tuple(
        _step(instance, period, what, (offer, count), nodes)
        for (period, what, offer, count), nodes in sorted(alike.items())
        if count
    )


def _add(
    units: dict[tuple[int, Literal["sign", "leave"], str, int], Fraction],
    key: tuple[int, Literal["sign", "leave"], str, int],
    more: Fraction,
) -> None:
    units[key] = units.get(key, Fraction(0)) + more


def _step(
    instance: Instance,
    period: int,
    what: Literal["sign", "leave"],
    of: tuple[str, Fraction],
    nodes: Sequence[int],
) -> Step:
    chance = sum((instance.nodes[at].probability for at in nodes), Fraction(0))
    names = tuple(dict.fromkeys(instance.nodes[at].name for at in nodes))
    return Step(period, what, of[0], of[1], chance, names)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the expected cost is made of, discounted, in pico-dollars: what is `paid`, what is
    charged for work that is `unserved`, and for demand that a contingency would leave `short`."""

    paid: Fraction
    unserved: Fraction
    short: Fraction


def parts(instance: Instance, answer: Answer) -> Parts:
    """The expected cost in parts; they sum to it."""
    costs = answer.costs

    def worth(node: int, amount: int) -> Fraction:
        one = instance.nodes[node]
        return one.probability * instance.periods[one.period].discount * amount

    return Parts(
        sum((worth(node, it) for (node, _), it in costs.cash.items()), Fraction(0)),
        sum((worth(node, it) for node, it in costs.unserved.items()), Fraction(0)),
        sum((worth(node, it) for node, it in costs.short.items()), Fraction(0)),
    )


def cash_by_year(instance: Instance, answer: Answer) -> Mapping[int, Fraction]:
    """Expected payments by year of the calendar, undiscounted, in pico-dollars."""
    found: dict[int, Fraction] = {}
    for (number, _), amount in answer.costs.cash.items():
        node = instance.nodes[number]
        year = instance.periods[node.period].first.year
        found[year] = found.get(year, Fraction(0)) + node.probability * amount
    return dict(sorted(found.items()))


def served_shares(instance: Instance, plan: Plan, period: int) -> Mapping[str, Fraction]:
    """The share of a period's expected tokens that each offer serves, the largest first."""
    tokens: dict[str, Fraction] = {}
    for one in plan.served:
        node = instance.nodes[one.node]
        if node.period == period:
            weight = node.probability * instance.blocks[one.block].share
            tokens[one.offer] = tokens.get(one.offer, Fraction(0)) + weight * one.tokens
    total = sum(tokens.values(), Fraction(0))
    ranked = sorted(tokens.items(), key=lambda row: (-row[1], row[0]))
    return {name: count / total for name, count in ranked if count}


def worst_short(instance: Instance, plan: Plan) -> Mapping[str, Fraction]:
    """By contingency the largest share of a node's interactive demand, in its busiest block, that
    the plan would leave uncovered."""
    found: dict[str, Fraction] = {}
    for (name, number), tokens in plan.short.items():
        node = instance.nodes[number]
        rows = [
            row
            for row, workload in zip(node.demand, instance.workloads, strict=True)
            if workload.interactive
        ]
        most = max((sum(block) for block in zip(*rows, strict=True)), default=0)
        if most:
            found[name] = max(found.get(name, Fraction(0)), Fraction(tokens, most))
    return found
