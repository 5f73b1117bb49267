"""From the solver's floats to a plan: whole units, whole tokens, and nothing that exceeds anything.

Rules
1. Units that must be whole are rounded to the nearest; others to a billionth of a unit.
2. Tokens an hour are whole, and no more than the units that are there make, nor than are wanted.
3. What is not served or covered is counted from what is, and not taken from the solver.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from tollway.planner.program.answer import Counted as Towards
from tollway.planner.program.answer import Noticed, Plan, Served, Signed
from tollway.planner.program.claims import Decision, Leaving, Signing
from tollway.planner.program.costs import Counted, counted
from tollway.planner.program.instance import Contingency, Instance, Offer
from tollway.planner.program.money import Counting
from tollway.planner.program.program import Program
from tollway.planner.program.security import (
    After,
    Remaining,
    by_cuts,
    counts,
    cuts,
    remaining,
    worst_blocks,
)
from tollway.planner.program.serving import Serving
from tollway.units import PicoDollars

FINEST = 10**9


@dataclass(slots=True)
class _Tokens:
    """Whole tokens an hour by line, and what they take of each offer's units in each block."""

    instance: Instance
    made: Counted
    tokens: dict[Serving, int] = field(default_factory=dict[Serving, int])


def rounded(program: Program, values: list[float]) -> Plan:
    """The plan that a point of a program stands for."""
    units = units_of_point(program, values)
    signed = tuple(
        Signed(one.offer, one.node, amount)
        for one, amount in units.items()
        if isinstance(one, Signing) and one.node is not None and amount
    )
    noticed = tuple(
        Noticed(one.offer, one.signed, one.node, amount)
        for one, amount in units.items()
        if isinstance(one, Leaving) and amount
    )
    made = counted(program.instance, Plan(signed, noticed, (), {}, {}))
    served = _served(program, values, made)
    unserved = _unserved(program.instance, served)
    short = _short(program, values, made)
    plan = Plan(signed, noticed, served, unserved, short)
    return Plan(signed, noticed, served, unserved, short, _towards(program, values, plan))


def units_of_point(program: Program, values: list[float]) -> dict[Decision, Fraction]:
    """Exact units of each decision, in order: each within what those before it leave."""
    offers = {offer.name: offer for offer in program.instance.offers}
    units: dict[Decision, Fraction] = {}
    for name, column in program.model.named.items():
        if isinstance(name, Signing | Leaving):
            exact = Fraction(max(0, round(values[column] * FINEST)), FINEST)
            units[name] = Fraction(round(exact)) if offers[name.offer].whole else exact
            if isinstance(name, Signing):
                units[name] = _in_bounds(program, units, name, offers[name.offer])
            else:
                units[name] = min(units[name], _rest(program, units, name))
    return units


def _in_bounds(
    program: Program, units: Mapping[Decision, Fraction], one: Signing, offer: Offer
) -> Fraction:
    """No more than is left of `most`; what is just below `least` is put at it, else at 0."""
    if one.node is None:
        return offer.signed
    path = program.tree.path[one.node][:-1]
    before = sum((units.get(Signing(one.offer, node), Fraction(0)) for node in path), Fraction(0))
    size = min(units[one], max(offer.most - offer.signed, 0) - before)
    if 0 < size < offer.least:
        return offer.least if size > offer.least - Fraction(1, 10**6) else Fraction(0)
    return size


def _rest(program: Program, units: Mapping[Decision, Fraction], one: Leaving) -> Fraction:
    """What is left at a node of the units of one signing."""
    gone = sum(
        (
            units.get(Leaving(one.offer, one.signed, node), Fraction(0))
            for node in program.tree.path[one.node][:-1]
        ),
        Fraction(0),
    )
    return units[Signing(one.offer, one.signed)] - gone


def _served(program: Program, values: list[float], made: Counted) -> tuple[Served, ...]:
    scale, instance = program.scale.tokens, program.instance
    lines = {
        (offer.name, line.workload, line.model): line.tokens
        for offer in instance.offers
        for line in offer.lines
    }
    left: dict[tuple[int, int, str], Fraction] = {}
    wanted = _wanted(instance)
    kept: list[Served] = []
    for name, column in program.model.named.items():
        if not isinstance(name, Serving) or values[column] * scale < 0.5:
            continue
        place = (name.node, name.block, name.offer)
        if place not in left:
            left[place] = made.capacity(name.offer, name.node)
        rate = lines[name.offer, name.workload, name.model]
        share = instance.blocks[name.block].share
        key, part = _key(instance, name, share)
        tokens = min(round(values[column] * scale), floor(left[place] * rate))
        tokens = min(tokens, floor(wanted[key] / part)) if part else tokens
        if tokens > 0:
            left[place] -= Fraction(tokens, rate)
            wanted[key] -= tokens * part
            kept.append(
                Served(name.node, name.block, name.offer, name.workload, name.model, tokens)
            )
    return tuple(kept)


Key = tuple[int, int | None, str]


def _key(instance: Instance, name: Serving, share: Fraction) -> tuple[Key, Fraction]:
    """Which demand a line serves, and how much of it a token an hour is."""
    for workload in instance.workloads:
        if workload.name == name.workload and workload.interactive:
            return (name.node, name.block, name.workload), Fraction(1)
    return (name.node, None, name.workload), share


def _wanted(instance: Instance) -> dict[Key, Fraction]:
    wanted: dict[Key, Fraction] = {}
    for index, node in enumerate(instance.nodes):
        for workload, amounts in zip(instance.workloads, node.demand, strict=True):
            if workload.interactive:
                for block, amount in enumerate(amounts):
                    wanted[index, block, workload.name] = Fraction(amount)
            else:
                wanted[index, None, workload.name] = sum(
                    (
                        block.share * amount
                        for block, amount in zip(instance.blocks, amounts, strict=True)
                    ),
                    Fraction(0),
                )
    return wanted


def _unserved(instance: Instance, served: tuple[Served, ...]) -> dict[tuple[int, str], int]:
    """Tokens of the period, rounded up."""
    left: dict[tuple[int, str], Fraction] = {}
    for (node, block, workload), amount in _wanted(instance).items():
        share = instance.blocks[block].share if block is not None else Fraction(1)
        key = (node, workload)
        left[key] = left.get(key, Fraction(0)) + amount * share
    for one in served:
        left[one.node, one.workload] -= one.tokens * instance.blocks[one.block].share
    hours = [instance.periods[node.period].hours for node in instance.nodes]
    return {key: ceil(amount * hours[key[0]]) for key, amount in left.items() if amount > 0}


def _short(program: Program, values: list[float], made: Counted) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = {}
    for contingency in program.instance.contingencies:
        for index, node in enumerate(program.instance.nodes):
            if not counts(program.instance, contingency, node.period):
                continue
            tokens = shortfall(program, values, made, contingency, index)
            if tokens:
                found[contingency.name, index] = tokens
    return found


def shortfall(
    program: Program, values: list[float], made: Counted, contingency: Contingency, node: int
) -> int:
    """Tokens an hour that a contingency leaves uncovered in the worst block, rounded up."""
    left = remaining(program.instance, contingency, node)
    units = {one.offer: one.emergency + made.capacity(one.offer, node) for one in left}
    worst = Fraction(0)
    for number, block in enumerate(worst_blocks(program.instance, node, contingency)):
        able = [one for one in left if units[one.offer]]
        if by_cuts(able, sum(map(bool, block))):
            for amount, several in cuts(able, block):
                worst = max(worst, amount - sum(rate * units[one.offer] for one, rate in several))
        else:
            place = After(contingency.name, node, number, "", 0)
            covered = _dispatched(program, values, place, able, units)
            worst = max(
                worst, sum(max(Fraction(0), a - c) for a, c in zip(block, covered, strict=True))
            )
    return ceil(worst)


def _dispatched(
    program: Program,
    values: list[float],
    at: After,
    left: list[Remaining],
    units: Mapping[str, Fraction],
) -> list[int]:
    """The solver's dispatch after a contingency, in whole tokens that the units do make."""
    covered = [0] * len(program.instance.workloads)
    for one in left:
        free = units[one.offer]
        for index, rate in one.rates:
            name = After(at.contingency, at.node, at.block, one.offer, index)
            column = program.model.named.get(name)
            if column is not None:
                wanted = round(values[column] * program.scale.tokens)
                tokens = max(0, min(wanted, floor(free * rate)))
                free -= Fraction(tokens, rate)
                covered[index] += tokens
    return covered


def _towards(program: Program, values: list[float], plan: Plan) -> tuple[Towards, ...]:
    left = dict(counted(program.instance, plan).metered)
    found: list[Towards] = []
    for name, column in program.model.named.items():
        if isinstance(name, Counting):
            key = (name.node, name.offer)
            free = floor(left.get(key, Fraction(0)))
            amount = min(free, round(values[column] * program.scale.money))
            if amount > 0:
                left[key] -= amount
                found.append(Towards(name.offer, name.node, *name.window, PicoDollars(amount)))
    return tuple(found)
