"""Sums that the ledger keeps rolled up, and which of them answer a question.

Rules
1. What a caller names reaches SQL as a parameter, or picks an expression out of a fixed dict.
2. The parts of an answer lie side by side in time and leave nothing out: they add up to what the
   requests themselves say, to the pico-dollar.
3. What nobody's tenant or key is asked of is answered by day and source; whole months are answered
   from months, and only the days at their ends from the days of each key.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tollway.ledger.query import UsageQuery
from tollway.ledger.rows import DAY, micros

Group = tuple[str | None, ...]
Bounds = tuple[int | None, int | None]
"""The first day, and the day after the last, since 1970-01-01; None does not restrict."""

FILTERS = ("tenant", "key", "model", "source", "route")
_EPOCH = date(1970, 1, 1)
_WHOSE = {name: name for name in ("tenant", "key")}
_WHERE = {name: name for name in ("route", "source", "model")}
_MONTH = "strftime('%Y-%m', {} * 86400, 'unixepoch')"
_DAY = {"day": "strftime('%Y-%m-%d', day * 86400, 'unixepoch')", "month": _MONTH.format("day")}
_DAY_SOURCES = {**_WHERE, **_DAY}
_DAYS = {**_WHOSE, **_WHERE, "tier": "tier", **_DAY}
_MONTHS = {**_WHOSE, **_WHERE, "tier": "tier", "month": _MONTH.format("month")}


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows that hold a part of an answer: where they are, and how they name what is grouped by."""

    table: str
    names: Mapping[str, str]
    where: str
    values: tuple[object, ...]


@contextmanager
def one_state(db: sqlite3.Connection) -> Iterator[None]:
    """All that is read inside is of one state of the ledger."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


def summed(
    db: sqlite3.Connection, query: UsageQuery, sums: Sequence[str]
) -> dict[Group, list[int]] | None:
    """The sums of these columns by group, in no order; None where only the requests can tell. Ask
    within `one_state`."""
    parts = _parts(db, query)
    if parts is None:
        return None
    found: dict[Group, list[int]] = {}
    for part in parts:
        add(found, db.execute(_statement(part, query, sums), part.values), len(query.by))
    return found


def add(found: dict[Group, list[int]], lines: Iterable[tuple[Any, ...]], width: int) -> None:
    """Add the sums of lines, which begin with so many words, to those of their groups."""
    for line in lines:
        if line[width] is None:  # the sum of no rows
            continue
        group = tuple([value or None for value in line[:width]])
        sums = line[width:]
        held = found.get(group)
        if held is not None:
            sums = map(sum, zip(held, sums, strict=True))
        found[group] = list(sums)


def _statement(part: _Part, query: UsageQuery, sums: Sequence[str]) -> str:
    chosen = [part.names[name] for name in query.by]
    columns = ", ".join([*chosen, *(f"sum({name})" for name in sums)])
    sql = f"SELECT {columns} FROM {part.table} WHERE {part.where}"  # noqa: S608 - rule 1
    if chosen:
        sql += " GROUP BY " + ", ".join(str(at + 1) for at in range(len(chosen)))
    return sql


def _parts(db: sqlite3.Connection, query: UsageQuery) -> list[_Part] | None:
    wanted = {*query.by, *(it for it in FILTERS if getattr(query, it) is not None)}
    bounds = _bounds(query)
    if bounds is None or query.tag is not None or not wanted <= _DAYS.keys():
        return None
    if wanted <= _DAY_SOURCES.keys():
        return [_part("day_sources", _DAY_SOURCES, "day", bounds, query)]
    since, until = bounds[0], _ending(db, bounds[1])
    if "day" in wanted:
        return [_of_days(query, (since, until))]
    first = None if since is None else _month_after(since - 1)
    last = None if until is None else _month_of(until)
    if first is not None and last is not None and first >= last:
        return [_of_days(query, (since, until))]
    parts = [_part("months", _MONTHS, "month", (first, last), query)]
    parts += [_of_days(query, (since, first))] if since != first else []
    parts += [_of_days(query, (last, until))] if until != last else []
    return parts


def _bounds(query: UsageQuery) -> Bounds | None:
    """The whole days of a question; None where a bound lies within a day."""
    bounds: list[int | None] = []
    for moment in (query.since, query.until):
        day, rest = (None, 0) if moment is None else divmod(micros(moment), DAY)
        if rest:
            return None
        bounds.append(day)
    return bounds[0], bounds[1]


def _ending(db: sqlite3.Connection, until: int | None) -> int | None:
    """A bound after the last day of the ledger does not restrict."""
    last = db.execute("SELECT max(day) FROM days").fetchone()[0]
    return None if until is None or (last is not None and until > last) else until


def _of_days(query: UsageQuery, bounds: Bounds) -> _Part:
    """Of each day only what is the tenant's, where one is known: the days are not read through."""
    if query.tenant is None and query.key is None:
        return _part("days", _DAYS, "day", bounds, query)
    within, values = _within("day", bounds)
    held = f"(SELECT DISTINCT day AS held FROM day_sources WHERE {within})"  # noqa: S608 - rule 1
    terms, more = _terms(query)
    if query.tenant is None:  # a key is a tenant's
        terms += " AND tenant IN (SELECT coalesce(tenant, '') FROM labels WHERE key = ?)"
        more += (query.key,)
    where = f"days.day = held{terms}"
    return _Part(f"{held} CROSS JOIN days", _DAYS, where, (*values, *more))


def _part(
    table: str, names: Mapping[str, str], time: str, bounds: Bounds, query: UsageQuery
) -> _Part:
    within, values = _within(time, bounds)
    terms, more = _terms(query)
    return _Part(table, names, within + terms, (*values, *more))


def _within(time: str, bounds: Bounds) -> tuple[str, tuple[object, ...]]:
    terms = [(f"{time} {sign} ?", it) for sign, it in zip((">=", "<"), bounds, strict=True)]
    held = [(sql, value) for sql, value in terms if value is not None]
    return " AND ".join(["1", *(sql for sql, _ in held)]), tuple(value for _, value in held)


def _terms(query: UsageQuery) -> tuple[str, tuple[object, ...]]:
    named = [(name, getattr(query, name)) for name in FILTERS if getattr(query, name) is not None]
    return "".join(f" AND {name} = ?" for name, _ in named), tuple(value for _, value in named)


def _month_of(day: int) -> int:
    """The first day of the month that a day lies in."""
    return ((_EPOCH + timedelta(day)).replace(day=1) - _EPOCH).days


def _month_after(day: int) -> int:
    """The first day of the month after the one that a day lies in."""
    first = _month_of(day)
    return _month_of(first + 31)
