"""How to leave a contract: when notice takes effect, what is owed until then, the earliest way out.

Rules
1. The day of notice is not counted: with 90 days' notice given on 31 December, 31 March is the last
   day of service.
2. Notice that is given before it may be given counts from the first day on which it may.
3. Nobody is bound beyond the term: where a side has no right to notice, it leaves at the end.
4. What is owed after notice is what is owed up to the last day less what is owed up to the day of
   notice; so is every month of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Literal

from tollway.fleet.contract import Clauses, Notice, Termination
from tollway.fleet.contract_dates import (
    DAY,
    add_days,
    add_months,
    end_of,
    locked_until,
)
from tollway.planner.cash import Payment, payments
from tollway.planner.fees import MILLION, Usage, cents, fees, total
from tollway.planner.remedies import rights_on
from tollway.planner.stated import NotStatedError, end, start
from tollway.units import PicoDollars

By = Literal["us", "them"]


@dataclass(frozen=True, slots=True)
class Exit:
    """A way out. `given` is when notice was to be given, `counts` when it counts from; `leaves` is
    the last day of service. `owed` is what is still to be paid for service after `given`, and for
    leaving; `unsaid` is what that leaves out because it is not stated."""

    by: By
    given: date
    counts: date
    leaves: date
    how: Literal["notice", "end of term", "missed delivery"]
    owed: tuple[Payment, ...]
    unsaid: tuple[str, ...]

    @property
    def tail(self) -> PicoDollars | None:
        """The exposure: the sum of what is owed; None where part of it is not stated."""
        return total([one.amount for one in self.owed])


def notice_of(clauses: Clauses, by: By) -> Notice | None:
    """A side's notice; None: not stated."""
    return next((one for one in clauses.notice if one.by in (by, "either")), None)


def first_notice(clauses: Clauses, by: By) -> date | None:
    """The first day on which a side may give notice; None where it has no right to.

    Raises:
        NotStatedError: its notice, or how long the lock-in lasts, is not stated.
    """
    notice = notice_of(clauses, by)
    if notice is None:
        raise NotStatedError(f"the notice that {_who(by)} may give is not stated")
    if notice.none:
        return None
    days = [start(clauses)]
    if notice.not_before is not None:
        days.append(notice.not_before)
    lock = clauses.lock_in
    if lock is not None and lock.holds == "notice":
        days.append(_after_lock(clauses))
    return max(days)


def _after_lock(clauses: Clauses) -> date:
    """The day after the lock-in."""
    lock, until = clauses.lock_in, locked_until(clauses)
    if until is None and lock is not None and lock.until is not None:
        raise NotStatedError(f"the lock-in ends in {lock.until}, without its month")
    return start(clauses) if until is None else until + DAY


def last_day(clauses: Clauses, on: date, by: By) -> tuple[date, date]:
    """The day from which notice given `on` a day counts, and the last day of service after it.

    Raises:
        NotStatedError: what that would take is not stated.
    """
    notice, first = notice_of(clauses, by), first_notice(clauses, by)
    close = _closing(clauses, on, by)
    if first is None or notice is None:
        return on, end(clauses) if close is None else close
    counts = max(on, first)
    if notice.months is not None:
        leaves = add_months(counts, notice.months)
    else:
        leaves = add_days(counts, notice.days or 0)
    if notice.ends == "month end":
        leaves = add_months(leaves.replace(day=1), 1) - DAY
    lock = clauses.lock_in
    if lock is not None and lock.holds == "exit":
        leaves = max(leaves, _after_lock(clauses) - DAY)
    if close is not None and leaves >= close:
        return min(counts, close), close
    return counts, leaves


def _closing(clauses: Clauses, on: date, by: By) -> date | None:
    """The end of the term, with those automatic extensions that notice given `on` is too late for;
    None: not stated."""
    close, more = end_of(clauses), clauses.extension
    if close is None or more is None or more.by != "automatic":
        return close
    if more.notice_days is None and on >= start(clauses):
        raise NotStatedError("how long before its end an automatic extension is refused")
    for count in range(more.times):
        if on <= add_days(close, -(more.notice_days or 0)):
            return close
        close = _extended(clauses, count + 1)
    return close


def _extended(clauses: Clauses, times: int) -> date:
    """The last day after so many extensions."""
    more = clauses.extension
    return add_months(end(clauses) + DAY, (more.months if more else 0) * times) - DAY


def give_notice(clauses: Clauses, on: date, by: By = "us", usage: Usage | None = None) -> Exit:
    """What follows from notice given on a day.

    Raises:
        NotStatedError: whether and when it takes effect is not stated.
    """
    counts, leaves = last_day(clauses, on, by)
    close = end_of(clauses)
    early = close is None or leaves < close
    owed = _owed_after(clauses, min(on, leaves), leaves, usage)
    unsaid: list[str] = []
    if early:
        fee, unsaid_fee = _termination(clauses, leaves, by, usage)
        owed += fee
        unsaid += unsaid_fee
    return Exit(
        by=by,
        given=on,
        counts=counts,
        leaves=leaves,
        how="notice" if early else "end of term",
        owed=tuple(owed),
        unsaid=tuple(unsaid),
    )


def leave_for_miss(
    clauses: Clauses, on: date, chips: int, usage: Usage | None = None
) -> Exit | None:
    """Leaving at once because fewer chips are there than were promised by a day that is past: what
    is owed is what is due for service up to then. None: no such right is stated, or not yet.

    Raises:
        NotStatedError: the start, or an end that is needed.
    """
    if "terminate" not in rights_on(clauses, on, chips):
        return None
    owed = _owed_after(clauses, on, on, usage)
    return Exit("us", on, on, on, "missed delivery", tuple(owed), ())


def _owed_after(clauses: Clauses, on: date, leaves: date, usage: Usage | None) -> list[Payment]:
    """What is owed up to the last day less what is owed up to another. What only an end on that
    other day would settle (a refund, a true-up) is not owed by then."""
    later = payments(clauses, leaves, usage)
    settled = {(one.item, one.due) for one in later}
    sooner = [
        one
        for one in payments(clauses, on, usage)
        if one.item not in ("refund", "commitment") or (one.item, one.due) in settled
    ]
    return difference(later, sooner)


def difference(later: Sequence[Payment], sooner: Sequence[Payment]) -> list[Payment]:
    """What the first adds to the second, payment by payment (rule 4)."""
    had = {(one.item, one.served.year, one.served.month): one for one in sooner}
    found: list[Payment] = []
    for one in later:
        before = had.pop((one.item, one.served.year, one.served.month), None)
        if before is None:
            found.append(one)
        elif one.amount is None or before.amount is None:
            if one.through > before.through:
                found.append(replace(one, served=before.through + DAY, amount=None))
        elif one.amount != before.amount:
            amount = PicoDollars(one.amount - before.amount)
            found.append(replace(one, served=before.through + DAY, amount=amount))
    return found


def _termination(
    clauses: Clauses, leaves: date, by: By, usage: Usage | None
) -> tuple[list[Payment], list[str]]:
    """What the side that leaves pays for it; to us it comes back where the supplier leaves."""
    stated = [one for one in clauses.termination if one.by in (by, "either")]
    if not stated:
        return [], [f"whether {_who(by)} pays a fee for leaving"]
    terms = next((one for one in stated if one.until is None or leaves <= one.until), None)
    if terms is None:
        return [], []
    amount = _fee_for_leaving(clauses, terms, leaves, usage)
    if amount is not None and by == "them":
        amount = PicoDollars(-amount)
    return ([] if amount == 0 else [Payment(leaves, leaves, leaves, "termination fee", amount)]), []


def _fee_for_leaving(
    clauses: Clauses, terms: Termination, leaves: date, usage: Usage | None
) -> PicoDollars | None:
    if terms.fee is not None:
        return terms.fee
    if terms.months_of_fee is not None:
        monthly = _monthly(clauses, leaves, usage)
        return None if monthly is None else cents(monthly * terms.months_of_fee)
    rest = difference(payments(clauses, None, usage), payments(clauses, leaves, usage))
    left = total([one.amount for one in rest if one.item in ("fee", "metered use")])
    return None if left is None else cents(Fraction(left * (terms.remaining or 0), MILLION))


def _monthly(clauses: Clauses, leaves: date, usage: Usage | None) -> Fraction | None:
    """The fee of the whole month in which service ends, as if all of it were served."""
    for fee in fees(clauses, None, usage):
        if fee.period.first <= leaves <= fee.period.last and fee.amount is not None:
            return Fraction(fee.amount * fee.period.days, fee.period.served)
    return None


def earliest(clauses: Clauses, today: date, by: By = "us") -> Exit:
    """The earliest way out from today, and what it costs from today on. Notice given later never
    leads out earlier, and notice given too early counts from when it may be given (rule 2).

    Raises:
        NotStatedError: as `give_notice`.
    """
    return give_notice(clauses, today, by)


def last_notice(clauses: Clauses, leave_by: date, by: By = "us") -> date | None:
    """The last day on which notice may be given to be out by the end of a day; None where no notice
    leads out by then.

    Raises:
        NotStatedError: as `last_day`.
    """
    low, more = first_notice(clauses, by), clauses.extension
    if low is None and more is not None and more.by == "automatic":
        low = start(clauses)  # whoever has no right to notice may still refuse to go on
    if low is None or last_day(clauses, low, by)[1] > leave_by:
        return None
    high = leave_by
    while low < high:  # giving notice later never makes the exit earlier
        middle = add_days(low, ((high - low).days + 1) // 2)
        if last_day(clauses, middle, by)[1] <= leave_by:
            low = middle
        else:
            high = middle - DAY
    return low


def _who(by: By) -> str:
    return "the buyer" if by == "us" else "the supplier"
