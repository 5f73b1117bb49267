"""What is paid when: fees, prepayment and its credit, commitments and their true-up.

Rules
1. Every payment is in whole cents, so sums do not depend on the months that they are cut into.
2. A payment whose amount is not stated is among the payments with None, and never left out.
3. Fees are those of the months served; what is owed for leaving early is in `exits`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Literal

from tollway.fleet.contract import Clauses, Commitment, Prepay
from tollway.fleet.contract_dates import DAY, add_days, add_months, begins
from tollway.planner.fees import MILLION, Fee, Usage, cents, fees, served_until, total
from tollway.planner.stated import end, start
from tollway.units import PicoDollars

Item = Literal[
    "fee",
    "metered use",
    "prepayment",
    "credit",
    "refund",
    "commitment",
    "termination fee",
    "SLA credit",
    "delay discount",
]
Every = Literal["month", "quarter", "year"]


@dataclass(frozen=True, slots=True)
class Payment:
    """An amount that is due on a day; negative where it comes back. None: not stated. `served` is
    the first day of the service that it is for, `through` the last. `at_least`: it may be more, by
    use."""

    due: date
    served: date
    through: date
    item: Item
    amount: PicoDollars | None
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Sum:
    """What is due within a stretch. `amount` sums what is stated, None where nothing is; `unstated`
    counts payments whose amount is not."""

    first: date
    amount: PicoDollars | None
    unstated: int
    at_least: bool


def payments(
    clauses: Clauses, until: date | None = None, usage: Usage | None = None
) -> list[Payment]:
    """Everything due for service up to `until`, or up to the end of the term, in order of days.

    Raises:
        NotStatedError: the start, or the end where it is needed.
    """
    first, last = start(clauses), served_until(clauses, until)
    if last < first:
        return []
    served = fees(clauses, last, usage)
    found = [billed(clauses, fee) for fee in served]
    if clauses.prepay is not None:
        found += _prepaid(clauses, clauses.prepay, served, last)
    if clauses.commitment is not None:
        found += _committed(clauses, clauses.commitment, served, last)
    return sorted(found, key=lambda it: (it.due, it.served, it.item))


def by_stretch(paid: Iterable[Payment], every: Every = "month") -> list[Sum]:
    """Sums by month, quarter or year of the calendar in which they are due."""
    stretches: dict[date, list[Payment]] = {}
    for one in sorted(paid, key=lambda it: it.due):
        stretches.setdefault(_stretch(one.due, every), []).append(one)
    return [_sum(first, several) for first, several in stretches.items()]


def _stretch(day: date, every: Every) -> date:
    if every == "year":
        return date(day.year, 1, 1)
    return date(day.year, (day.month - 1) // 3 * 3 + 1 if every == "quarter" else day.month, 1)


def whole(paid: Sequence[Payment]) -> Sum | None:
    """The sum of everything; None where nothing is due."""
    return _sum(paid[0].due, paid) if paid else None


def _sum(first: date, paid: Sequence[Payment]) -> Sum:
    known = [one.amount for one in paid if one.amount is not None]
    return Sum(
        first=first,
        amount=PicoDollars(sum(known)) if known else None,
        unstated=len(paid) - len(known),
        at_least=any(one.at_least for one in paid),
    )


def billed(clauses: Clauses, fee: Fee) -> Payment:
    """The payment of a fee, on the day on which it is due."""
    billing = clauses.billing
    due = fee.period.first
    if billing is not None:
        due = add_days(due if billing.due == "start" else fee.period.last, billing.days)
    item: Item = "metered use" if fee.metered else "fee"
    return Payment(due, fee.period.first, fee.period.last, item, fee.amount, fee.at_least)


def _prepaid(
    clauses: Clauses, terms: Prepay, served: Sequence[Fee], last: date
) -> Iterable[Payment]:
    """The prepayment, its credits in the months that were served, and what an exit leaves of it."""
    paid_on = start(clauses) if terms.on is None else begins(terms.on) or terms.on.first
    amount = terms.amount if terms.share is None else _share_of_term(clauses, terms.share)
    first = start(clauses)
    yield Payment(paid_on, first, first, "prepayment", amount)
    left = amount
    for fee in served[terms.credit_after or 0 :] if terms.credit_after is not None else ():
        if left is None or fee.amount is None:
            left = None
            yield replace(billed(clauses, fee), item="credit", amount=None)
            continue
        part = fee.amount
        if terms.credit_over is not None and amount is not None:
            part = PicoDollars(min(part, cents(Fraction(amount, terms.credit_over))))
        part = min(part, left)
        left = PicoDollars(left - part)
        if part:
            yield replace(billed(clauses, fee), item="credit", amount=PicoDollars(-part))
    if last < end(clauses) and left != 0 and terms.refunded is not False:
        known = left is not None and terms.refunded is True
        yield Payment(last, last, last, "refund", PicoDollars(-left) if known and left else None)


def _share_of_term(clauses: Clauses, share: int) -> PicoDollars | None:
    owed = total([fee.amount for fee in fees(clauses)])
    return None if owed is None else cents(Fraction(owed * share, MILLION))


def _committed(
    clauses: Clauses, terms: Commitment, served: Sequence[Fee], last: date
) -> Iterable[Payment]:
    """What was committed and not spent, at the end of each period."""
    first, index, carried = start(clauses), 0, 0
    while first <= min(last, end(clauses)):
        index += 1
        close = end(clauses)
        if terms.months is not None:
            close = min(close, add_months(start(clauses), terms.months * index) - DAY)
        spent = [fee for fee in served if first <= fee.period.first <= min(close, last)]
        due = terms.amount + carried
        cut = last < close
        if cut and terms.on_exit is None:
            yield Payment(last, last, last, "commitment", None)
            return
        if cut and terms.on_exit == "released":
            return
        if cut and terms.on_exit == "prorated":
            days, length = (last - first).days + 1, (close - first).days + 1
            due = cents(Fraction(due * days, length))
        rest = max(0, due - sum(fee.amount or 0 for fee in spent))
        carried = rest if terms.true_up == "roll" and close < end(clauses) else 0
        unsure = any(fee.amount is None or fee.at_least for fee in spent)
        yield from _true_up(terms, min(close, last), PicoDollars(rest - carried), unsure=unsure)
        first = close + DAY


def _true_up(terms: Commitment, on: date, rest: PicoDollars, *, unsure: bool) -> Iterable[Payment]:
    """With use unknown, what is committed is the least that a period costs in all; only where use
    is known is it known how much of that is a true-up."""
    if terms.true_up == "lapse" or not rest:
        return
    if terms.true_up is None and not unsure:
        yield Payment(on, on, on, "commitment", None)
        return
    yield Payment(on, on, on, "commitment", rest, at_least=unsure)
