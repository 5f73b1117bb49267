"""The days that a contract speaks of, where it states them: start, end, steps, lock-in.

Rules
1. Of a month, the first day is taken where something begins and the last where something ends. Of a
   quarter or a year, none is: the day is not stated.
2. Months are counted from the start: the day of the month stays, or is the month's last day.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Protocol

from tollway.fleet.contract import Clauses, LockIn, When

DAY = timedelta(days=1)


class Step(Protocol):
    """What begins on a date, or with a month of the term."""

    @property
    def since(self) -> When | None: ...
    @property
    def month(self) -> int | None: ...


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or its last day: 31 January and a month is 28 February. The
    calendar ends with the year 9999, and so does every contract."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > 9999:
        return date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def add_days(day: date, days: int) -> date:
    """So many days later, and no later than the calendar ends."""
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


def begins(when: When | None) -> date | None:
    """The day on which something begins (rule 1)."""
    return when.first if when is not None and when.within_a_month else None


def ends(when: When | None) -> date | None:
    """The last day of something (rule 1)."""
    return when.last if when is not None and when.within_a_month else None


def start_of(clauses: Clauses) -> date | None:
    """The first day of service; None: not stated."""
    return None if clauses.term is None else begins(clauses.term.start)


def end_of(clauses: Clauses) -> date | None:
    """The last day of the term, without extensions; None: not stated."""
    term, start = clauses.term, start_of(clauses)
    if term is None:
        return None
    if term.months is not None:
        return None if start is None else add_months(start, term.months) - DAY
    return ends(term.end)


def step_day(clauses: Clauses, step: Step) -> date | None:
    """The day from which a step holds; None: not stated."""
    start = start_of(clauses)
    if step.month is not None:
        return None if start is None else add_months(start, step.month - 1)
    return start if step.since is None else begins(step.since)


def steps_by_day(clauses: Clauses, steps: Sequence[Step]) -> Iterator[tuple[int, date]]:
    """The place of each step in its list and its day, of those whose day is stated."""
    for index, step in enumerate(steps):
        day = step_day(clauses, step)
        if day is not None:
            yield index, day


def locked_until(clauses: Clauses) -> date | None:
    """The last day of the lock-in; None where there is none, or its day is not stated."""
    lock, start = clauses.lock_in, start_of(clauses)
    if lock is None:
        return None
    if lock.until is not None:
        return ends(lock.until)
    if start is None or _no_length(lock):
        return None
    if lock.months is not None:
        return add_months(start, lock.months) - DAY
    return add_days(start, (lock.days or 0) - 1)


def _no_length(lock: LockIn) -> bool:
    return not lock.months and not lock.days
