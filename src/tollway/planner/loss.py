"""A supplier gives notice today: what is left, month by month.

Rules
1. What has given notice serves until its days are over; in the month in which it ends it is not
   counted. The plan goes on as it was, along the likeliest course of the scenarios: what may be
   signed because of the loss is not in it.
2. What can be had in an emergency counts once its days are over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from tollway.errors import FaultsFound, unknown
from tollway.fleet.contract import Clauses
from tollway.fleet.contract_dates import DAY, add_months
from tollway.planner.enacted import likeliest
from tollway.planner.exits import notice_of
from tollway.planner.holdings import NONE, holdings, there
from tollway.planner.overview import reference, speed
from tollway.planner.program.answer import Plan
from tollway.planner.program.instance import Contingency, Instance
from tollway.planner.survival import left, served_share


@dataclass(frozen=True, slots=True)
class Month:
    """A month after a loss: the share of interactive demand that is served in the busiest block,
    and tokens an hour of the plan's main workload that each offer can make. `gone`: the notice is
    over."""

    first: date
    period: int
    node: int
    gone: bool
    share: Fraction
    before: Fraction
    capacity: dict[str, Fraction]


def lost(instance: Instance, who: str, clauses: Mapping[str, Clauses]) -> Contingency:
    """What falls away with somebody: all of a vendor, with the shortest notice that its contracts
    (`clauses`) state, none where one states none; else a contingency by one of its names; else all
    that shares another attribute, without notice.

    Raises:
        FaultsFound: nobody is called so.
    """
    gone = _sharing(instance, "vendor", who)
    if gone:
        days = min(_days(clauses.get(name)) for name in gone)
        return _leaving(who, "vendor", gone, days)
    known = dict.fromkeys(it.attributes.get("vendor", it.name) for it in instance.offers)
    for one in instance.contingencies:
        names = (one.name, *one.name.split(" / "))
        known |= dict.fromkeys(names)
        if who in names:
            return one
    for attribute in dict.fromkeys(key for it in instance.offers for key in it.attributes):
        gone = _sharing(instance, attribute, who)
        if gone:
            return _leaving(who, attribute, gone, 0)
    raise FaultsFound([unknown(who, [*known], "--lose")])


def _sharing(instance: Instance, attribute: str, value: str) -> frozenset[str]:
    return frozenset(it.name for it in instance.offers if value in it.values(attribute))


def _leaving(who: str, attribute: str, gone: frozenset[str], days: int) -> Contingency:
    return Contingency(f"{who} leaves", attribute, gone, frozenset(), days, Fraction(1), None)


def _days(clauses: Clauses | None) -> int:
    """Days of notice that a supplier has to give; a month counts as 30, and 0 is none stated."""
    notice = None if clauses is None else notice_of(clauses, "them")
    if notice is None or notice.none:
        return 0
    return notice.days or (notice.months or 0) * 30


def months_after(instance: Instance, plan: Plan, one: Contingency) -> tuple[Month, ...]:
    """Every month of the horizon, were notice given on its first day."""
    held = holdings(instance, plan)
    workload = reference(instance)
    offers = {offer.name: offer for offer in instance.offers}
    today = instance.periods[0].first
    ends = today + timedelta(days=one.notice_days)
    found: list[Month] = []
    month = today
    while month <= instance.periods[-1].last:
        period = next(at for at, it in enumerate(instance.periods) if it.last >= month)
        number = likeliest(instance, period)
        node, units = instance.nodes[number], there(held[number], instance.nodes[number])
        gone = ends <= add_months(month, 1) - DAY
        rest = left(instance, node, one, units, (month - today).days) if gone else dict(units)
        without = one.models if gone else frozenset[str]()
        capacity = {
            name: count * speed(offers[name], workload, node)
            for name, count in rest.items()
            if count != NONE
        }
        found.append(
            Month(
                month, period, number, gone,
                served_share(instance, node, rest, without),
                served_share(instance, node, units), capacity,
            )
        )  # fmt: skip
        month = add_months(month, 1)
    return tuple(found)
