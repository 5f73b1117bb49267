"""A contract that is signed on another day than it was written for.

Rules
1. A day keeps its distance from the first day of service, in whole months and then in days; a last
   day is the day before such a day. So a term of whole months stays one, whatever their lengths.
2. Where no first day is stated, the term begins when it is signed, and days of the calendar stay.
3. Of what is known as a month, the day that counts is moved; a quarter or a year stays a stretch.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from tollway.fleet.contract import Clauses, Term, When
from tollway.fleet.contract_dates import DAY, add_days, add_months, start_of
from tollway.fleet.evidence import Evidence

_UNSAID = Evidence(source=None, grade=None, date=None, note=None, about=False)

Move = Callable[[date], date]


def shifted(clauses: Clauses, start: date) -> Clauses:
    """The clauses with `start` as their first day of service."""
    first = start_of(clauses)
    if first == start:
        return clauses
    begins = When(start, start)
    if first is None:
        term = clauses.term or Term(_UNSAID, None, None, None)
        return replace(clauses, term=replace(term, start=begins))

    def move(day: date) -> date:
        return _moved(day, first, start)

    moved = _dates(clauses, move)
    term = moved.term
    return moved if term is None else replace(moved, term=replace(term, start=begins))


def _moved(day: date, first: date, start: date) -> date:
    """The day at the same distance from another first day (rule 1)."""
    months = (day.year - first.year) * 12 + day.month - first.month
    while add_months(first, months) > day:
        months -= 1
    return add_days(add_months(start, months), (day - add_months(first, months)).days)


def _dates(said: Clauses, move: Move) -> Clauses:
    """Every day of the clauses, moved."""

    def begins(one: When | None) -> When | None:
        if one is None:
            return None
        return _at(move(one.first)) if one.within_a_month else _stretch(one)

    def ends(one: When | None) -> When | None:
        if one is None:
            return None
        return _at(last(one.last)) if one.within_a_month else _stretch(one)

    def _stretch(one: When) -> When:
        return When(move(one.first), last(one.last))

    def last(day: date) -> date:
        return day if day >= date.max - DAY else move(day + DAY) - DAY

    lock, prepay = said.lock_in, said.prepay
    return replace(
        said,
        term=said.term and replace(said.term, end=ends(said.term.end)),
        capacity=tuple(replace(one, since=begins(one.since)) for one in said.capacity),
        fee=tuple(replace(one, since=begins(one.since)) for one in said.fee),
        prepay=prepay and replace(prepay, on=begins(prepay.on)),
        lock_in=lock and replace(lock, until=ends(lock.until)),
        notice=tuple(
            replace(one, not_before=one.not_before and move(one.not_before)) for one in said.notice
        ),
        termination=tuple(
            replace(one, until=one.until and last(one.until)) for one in said.termination
        ),
        delivery=tuple(replace(one, by=ends(one.by)) for one in said.delivery),
    )


def _at(day: date) -> When:
    return When(day, day)
