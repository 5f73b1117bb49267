"""What a supplier's failure gives back: SLA credits, discounts for delay, rights after a miss.

Rules
1. Of several SLA bounds, the lowest that was missed holds.
2. Delay counts from the day after the due day and its grace.
3. What comes back is due with the fee that it comes off.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

from tollway.fleet.contract import Clauses, Delivery
from tollway.fleet.contract_dates import DAY, add_days, add_months, ends
from tollway.planner.cash import Payment, billed
from tollway.planner.fees import MILLION, Fee, Usage, cents, fees
from tollway.planner.stated import NotStatedError
from tollway.units import PartsPerMillion, PicoDollars


@dataclass(frozen=True, slots=True)
class Happened:
    """What came of a contract: availability by month (its first day), in millionths, and the day on
    which what was promised was delivered (None: nothing is known of it)."""

    available: Mapping[date, PartsPerMillion] = field(default_factory=dict[date, PartsPerMillion])
    delivered: date | None = None


def given_back(
    clauses: Clauses, happened: Happened, until: date | None = None, usage: Usage | None = None
) -> Iterator[Payment]:
    """What comes off the fees for what happened, as negative payments (rule 3).

    Raises:
        NotStatedError: the contract states no SLA, or no discount for delay.
    """
    if happened.available and not clauses.sla:
        raise NotStatedError("no SLA is stated")
    late = [one for one in clauses.delivery if one.discount is not None]
    if happened.delivered is not None and not late:
        raise NotStatedError("no discount for a late delivery is stated")
    for fee in fees(clauses, until, usage):
        bill = billed(clauses, fee)
        share = happened.available.get(fee.period.first.replace(day=1))
        if share is not None:
            credit = None if fee.amount is None else sla_credit(clauses, fee.amount, share)
            yield from _back(replace(bill, item="SLA credit"), credit)
        for one in late if happened.delivered is not None else ():
            off = delay_discount(one, fee, happened.delivered)
            yield from _back(replace(bill, item="delay discount"), off)


def _back(bill: Payment, amount: PicoDollars | None) -> Iterator[Payment]:
    if amount is None:
        yield replace(bill, amount=None)
    elif amount:
        yield replace(bill, amount=PicoDollars(-amount))


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
