"""What a supplier's failure gives back: SLA credits, discounts for delay, rights after a miss.

Rules
1. Of several SLA bounds, the lowest that was missed holds.
2. Delay counts from the day after the due day and its grace.
"""

from datetime import date
from fractions import Fraction

from tollway.fleet.contract import Clauses, Delivery
from tollway.fleet.contract_dates import DAY, add_days, add_months, ends
from tollway.planner.fees import MILLION, Fee, cents
from tollway.units import PartsPerMillion, PicoDollars


def sla_credit(
    clauses: Clauses, fee: PicoDollars, available: PartsPerMillion
) -> PicoDollars | None:
    """What comes back of a month's fee at an availability; None: no SLA is stated."""
    if not clauses.sla:
        return None
    missed = [one for one in clauses.sla if available < one.below]
    if not missed:
        return PicoDollars(0)
    holds = min(missed, key=lambda one: one.below)
    return cents(Fraction(fee * holds.credit, MILLION))


def grace_ends(one: Delivery) -> date | None:
    """The last day on which delivery is not late; None: not stated. A month's grace from the end of
    a month runs to the end of the next."""
    due = ends(one.by)
    if due is None:
        return None
    if one.grace_months is not None:
        return add_months(due + DAY, one.grace_months) - DAY
    return add_days(due, one.grace_days or 0)


def delay_discount(one: Delivery, fee: Fee, delivered: date | None) -> PicoDollars | None:
    """What comes off the fee of a month for the days of it on which delivery was late; `delivered`
    None: not yet. None: what comes off, or since when, is not stated."""
    last = grace_ends(one)
    if last is None or one.discount is None or fee.amount is None:
        return None
    first = max(fee.period.first, last + DAY)
    until = fee.period.last if delivered is None else min(fee.period.last, delivered - DAY)
    late = max(0, (until - first).days + 1)
    return cents(Fraction(fee.amount * one.discount * late, MILLION * fee.period.served))


def rights_on(clauses: Clauses, today: date, chips: int) -> tuple[str, ...]:
    """What the misses so far allow on a day, with so many chips there."""
    found: list[str] = []
    for one in clauses.delivery:
        last = grace_ends(one)
        if last is not None and today > last and one.chips is not None and chips < one.chips:
            found += one.rights
    return tuple(dict.fromkeys(found))
