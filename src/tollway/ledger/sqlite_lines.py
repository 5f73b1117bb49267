"""The lines that sources' costs are made of, one a request and source, read piece by piece.

Rules
1. They add up to what `usage` says for the same question, to the pico-dollar: a failed attempt that
   cost money is a line of its own, at its own source.
2. Each piece is read by itself and is short; what is booked after the first piece is left out.
3. What a caller names reaches SQL as a parameter.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tollway.ledger.query import UsageQuery
from tollway.ledger.rows import MICRO, micros
from tollway.ledger.search import Spot

AT_ONCE = 4_000


@dataclass(frozen=True, slots=True)
class CostLine:
    """What one request used and cost at one source, in pico-dollars; `attempt` is the number of a
    failed attempt, None at the source that answered or was last tried."""

    utc: float
    request: str
    attempt: int | None
    tenant: str | None
    key: str | None
    route: str | None
    operation: str | None
    tag: str | None
    source: str | None
    model: str | None
    tier: str | None
    outcome: str | None
    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int
    estimated: bool
    cost: int


_WHO = "l.tenant, l.key, l.route, l.operation, s.tag"
_FROM = (
    "FROM settled AS s INDEXED BY settled_utc CROSS JOIN labels AS l ON l.id = s.label {more} "
    "WHERE s.utc >= ? AND (s.utc > ? OR s.id > ?) AND s.utc <= ? AND (s.utc < ? OR s.id <= ?) "
    "AND s.id <= ?"
)
_OWN = (
    f"SELECT s.id, s.utc, s.request, NULL, {_WHO}, l.source, l.model, l.tier, l.outcome, "
    "s.input, s.cached_input, s.cache_write, s.output, s.reasoning, s.estimated, "
    f"s.cost - s.failed_cost {_FROM.format(more='')}"
)
_FAILED = (
    f"SELECT s.id, s.utc, s.request, f.attempt, {_WHO}, f.source, f.model, l.tier, NULL, "
    "0, 0, 0, 0, 0, 0, f.cost "
    + _FROM.format(more="JOIN failed_attempts AS f ON f.request = s.request")
    + " AND s.failed_cost <> 0 AND f.cost <> 0"
)
_COLUMNS = (
    ("tenant", "l.tenant", "l.tenant"),
    ("key", "l.key", "l.key"),
    ("route", "l.route", "l.route"),
    ("tag", "s.tag", "s.tag"),
    ("source", "l.source", "f.source"),
    ("model", "l.model", "f.model"),
)


@dataclass(slots=True)
class Reading:
    """Where a reading of lines is: after `at`, of settlements up to the number `last`."""

    at: Spot
    last: int | None = None
    over: bool = False


def begin(wanted: UsageQuery) -> Reading:
    """A reading that has not begun."""
    first = -(2**62) if wanted.since is None else micros(wanted.since)
    return Reading(Spot(first, -1))


def piece(
    db: sqlite3.Connection, wanted: UsageQuery, reading: Reading, count: int = AT_ONCE
) -> list[CostLine]:
    """The lines of the next `count` settlements, oldest first; `reading` moves on past them."""
    until = 2**62 if wanted.until is None else micros(wanted.until) - 1
    db.execute("BEGIN")
    try:
        if reading.last is None:
            sql = "SELECT coalesce(max(id), 0) FROM settled"
            reading.last = int(db.execute(sql).fetchone()[0])
        start, last = reading.at, reading.last
        end = db.execute(
            "SELECT utc, id FROM settled INDEXED BY settled_utc WHERE utc >= ? AND "
            "(utc > ? OR id > ?) AND utc <= ? ORDER BY utc, id LIMIT 1 OFFSET ?",
            (start.utc, start.utc, start.id, until, count - 1),
        ).fetchone()
        stop = Spot(until, 2**62) if end is None else Spot(*end)
        reading.at, reading.over = stop, end is None
        between = (start.utc, start.utc, start.id, stop.utc, stop.utc, stop.id, last)
        found = [
            row for kind in (0, 1) for row in db.execute(*_asked(wanted, kind, between)).fetchall()
        ]
    finally:
        db.execute("COMMIT")
    found.sort(key=lambda row: (row[1], row[0], row[3] is None, row[3] or 0))
    return [_line(row) for row in found]


def lines(db: sqlite3.Connection, wanted: UsageQuery) -> Iterator[CostLine]:
    """All lines, piece by piece."""
    reading = begin(wanted)
    while not reading.over:
        yield from piece(db, wanted, reading)


def _asked(
    wanted: UsageQuery, kind: int, between: tuple[int, ...]
) -> tuple[str, tuple[object, ...]]:
    terms = [
        (names[kind], getattr(wanted, name))
        for name, *names in _COLUMNS
        if getattr(wanted, name) is not None
    ]
    where = "".join(f" AND {name} = ?" for name, _ in terms)
    return (_OWN, _FAILED)[kind] + where, (*between, *(value for _, value in terms))


def _line(row: tuple[Any, ...]) -> CostLine:
    _, utc, *rest, estimated, cost = row
    line: Any = CostLine
    return line(utc / MICRO, *rest, bool(estimated), cost)
