"""How long it takes, after a loss, until all that is wanted is served again.

Rules
1. The loss is without notice, at the start of a node's period. What is signed on that day counts
   from when it serves, in every later node that may follow, and so does what the plan signs.
2. Everything that may be signed is: as many units as there are and a site has room for, without a
   look at money; so is what can be had in an emergency, once its days are over. Of a group of which
   none is in force, the one that makes the most tokens. In truth it takes no less.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from tollway.planner.holdings import NONE, Holding, holdings, there
from tollway.planner.program.answer import Plan
from tollway.planner.program.instance import Contingency, Instance, Offer
from tollway.planner.survival import left, served_share

Held = tuple[tuple[Holding, ...], ...]


@dataclass(frozen=True, slots=True)
class Recovery:
    """Months from a loss at a node to the first period from which on all is served; 0: nothing is
    missed. None: not within the horizon."""

    contingency: str
    node: int
    months: int | None


def recoveries(instance: Instance, plan: Plan) -> tuple[Recovery, ...]:
    """Every contingency at every node from the period on from which it counts."""
    held = holdings(instance, plan)
    return tuple(
        Recovery(one.name, number, _months(instance, held, number, one))
        for number, node in enumerate(instance.nodes)
        for one in instance.contingencies
        if node.period >= one.since
    )


def _months(instance: Instance, held: Held, number: int, one: Contingency) -> int | None:
    since = instance.nodes[number].period
    more = _signable(instance, held[number], number, one)
    later_first = sorted(_following(instance, number), key=lambda it: -instance.nodes[it].period)
    short = next(
        (it for it in later_first if not _covered(instance, held, (it, since), one, more)), None
    )
    if short is None:
        return 0
    again = instance.nodes[short].period + 1
    if again == len(instance.periods):
        return None
    start, end = instance.periods[since].first, instance.periods[again].first
    return (end.year - start.year) * 12 + end.month - start.month


def _following(instance: Instance, number: int) -> Iterator[int]:
    """A node and those that may follow it."""
    seen = {number}
    for later, node in enumerate(instance.nodes):
        if later in seen or node.parent in seen:
            seen.add(later)
            yield later


def _covered(
    instance: Instance,
    held: Held,
    at: tuple[int, int],
    one: Contingency,
    more: Mapping[str, Fraction],
) -> bool:
    later, since = at
    node = instance.nodes[later]
    days = (instance.periods[node.period].first - instance.periods[since].first).days
    units = dict(there(held[later], node))
    for offer in instance.offers:
        if offer.name in more and offer.name not in node.without:
            fresh = more[offer.name] * offer.runs[since].capacity[node.period]
            units[offer.name] = min(offer.most, units.get(offer.name, NONE) + fresh)
    rest = left(instance, node, one, units, days)
    return served_share(instance, node, rest, one.models) == 1


def _signable(
    instance: Instance, held: tuple[Holding, ...], number: int, one: Contingency
) -> dict[str, Fraction]:
    """Units of each offer that may still be signed at a node, once something has fallen away."""
    node = instance.nodes[number]
    has: dict[str, Fraction] = {}
    for each in held:
        has[each.offer.name] = has.get(each.offer.name, NONE) + each.units
    groups = {offer.group: offer.name for offer in instance.offers if offer.name in has}
    best: dict[str, tuple[Fraction, str]] = {}
    found: dict[str, Fraction] = {}
    for offer in instance.offers:
        gone = offer.name in one.offers or offer.name in node.without
        if gone or node.period not in offer.runs:
            continue
        taken = groups.get(offer.group) if offer.group else None
        units = min(offer.most - has.get(offer.name, NONE), _room(instance, held, offer))
        if units <= 0 or (taken is not None and taken != offer.name):
            continue
        found[offer.name] = units
        if offer.group and taken is None:
            speed = max((line.tokens for line in offer.lines), default=0)
            best[offer.group] = max(best.get(offer.group, (NONE, "")), (units * speed, offer.name))
    winners = {name for _, name in best.values()}
    by_name = {offer.name: offer for offer in instance.offers}
    return {
        name: units
        for name, units in found.items()
        if by_name[name].group not in best or name in winners
    }


def _room(instance: Instance, held: tuple[Holding, ...], offer: Offer) -> Fraction:
    """Units of an offer that the resources have room for at the end of the horizon."""
    room = offer.most
    for resource in instance.resources:
        takes = offer.uses.get(resource.name, NONE)
        if takes:
            used = sum((it.units * it.offer.uses.get(resource.name, NONE) for it in held), NONE)
            room = min(room, (resource.available[-1] - used) / takes)
    return room
