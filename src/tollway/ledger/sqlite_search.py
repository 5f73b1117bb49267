"""Searches of settled requests out of SQLite, a page at a time.

Rules
1. What a caller names reaches SQL as a parameter; names of columns are constants of this file.
2. A page looks at a bounded number of requests. Where the bound ended it, it says how far back it
   looked and where to go on: nothing is left out silently.
3. Days on which the daily sums know of nothing that fits are passed over: they say so exactly.
"""

import sqlite3
from dataclasses import dataclass, fields
from typing import Any

from tollway.ledger.rows import DAY, MICRO, micros
from tollway.ledger.search import WORDS, FailedTry, Held, Line, Page, Search, Spot, Whole

LOOK_BACK = 25_000
"""Requests that a page looks at; `bench/console_pages.py` has the times on ten million."""
_MOST_DAYS = 400
_MOST_PASSED = 31
"""Days that are passed over without a tenant to find them by: each is looked through."""
_RARE = 2_000
"""Requests of a tag that are put in order at once; with more of them, it is looked for by time."""
_LATEST = Spot(2**62, 0)

_OF_SETTLED = (
    *("input", "cached_input", "cache_write", "output", "reasoning", "estimated", "cost"),
    *("failed_cost", "attempts", "ttft", "duration", "reserved_utc", "tag", "reserved", "drilled"),
    *("id", "request", "utc"),
)
_NAMES = tuple(field.name for field in fields(Line))
_COLUMNS = ", ".join(f"{'s' if name in _OF_SETTLED else 'l'}.{name}" for name in _NAMES)
_MOMENTS = ("utc", "ttft", "duration", "reserved_utc")
_FROM = "FROM settled AS s {index} CROSS JOIN labels AS l ON l.id = s.label"
_BEFORE = "s.utc <= ? AND (s.utc < ? OR s.id < ?)"
_FROM_SPOT = "(s.utc > ? OR (s.utc = ? AND s.id >= ?))"
_IN_DAYS = ("tenant", "key", "route", "source", "model")
_TRIED = [field.name for field in fields(FailedTry)]
_HELD = [field.name for field in fields(Held)]


@dataclass(frozen=True, slots=True)
class _Terms:
    """SQL that holds of what is looked for, with its values, and the index to go along."""

    index: str
    sql: str
    values: list[object]

    @property
    def bounded(self) -> bool:
        """Whether something may have to be passed over."""
        return bool(self.values) or self.sql != "1"


def search(
    db: sqlite3.Connection, wanted: Search, before: Spot | None, count: int, most: int = LOOK_BACK
) -> Page:
    """Up to `count` requests before a place, newest first; at most `most` are looked at."""
    db.execute("BEGIN")
    try:
        terms = _terms(db, wanted)
        if terms is None:
            return Page(())
        start = before or _LATEST
        if wanted.until is not None:
            start = min(start, Spot(micros(wanted.until), 0))
        if terms.index != "INDEXED BY settled_utc" and "drilled" not in terms.index:
            return _page(_lines(db, terms, start, _since(wanted), None, count + 1), count)
        return _by_day(db, wanted, terms, start, (count, most))
    finally:
        db.execute("COMMIT")


def _since(wanted: Search) -> int:
    return -(2**62) if wanted.since is None else micros(wanted.since)


def _by_day(
    db: sqlite3.Connection, wanted: Search, terms: _Terms, start: Spot, sizes: tuple[int, int]
) -> Page:
    """Rule 3: from one day that may have some to the next."""
    count, most = sizes
    found: list[Line] = []
    since, looked = _since(wanted), 0
    days = _Days(db, wanted)
    for _ in range(_MOST_DAYS):
        day, fits = days.before(start, since)
        if day is None:
            return Page(tuple(found))
        if not fits:
            start = Spot((day + 1) * DAY, 0)
            break
        start = min(start, Spot((day + 1) * DAY, 0))
        first = max(since, day * DAY)
        floor, seen = None, 0
        if terms.bounded:
            floor, seen = _floor(db, terms.index, start, first, most - looked)
        found += _lines(db, terms, start, first, floor, count + 1 - len(found))
        if len(found) > count:
            return _page(found, count)
        if floor is not None:
            return Page(tuple(found), floor, floor.utc / MICRO)
        if first == since:
            return Page(tuple(found))
        looked += seen
        start = Spot(first, 0)
        if looked >= most:
            break
    return Page(tuple(found), start, start.utc / MICRO)


def _page(found: list[Line], count: int) -> Page:
    """The page of what was found, which is one too many where there is a further page."""
    if len(found) <= count:
        return Page(tuple(found))
    last = found[count - 1]
    return Page(tuple(found[:count]), Spot(micros(last.utc), last.id))


def _terms(db: sqlite3.Connection, wanted: Search) -> _Terms | None:
    """What must hold; None where no words of the ledger fit."""
    parts: list[str] = []
    values: list[object] = []
    words = [(name, getattr(wanted, name)) for name in WORDS if getattr(wanted, name) is not None]
    if words:
        where = " AND ".join(f"{name} = ?" for name, _ in words)
        held = [value for _, value in words]
        sql = f"SELECT id FROM labels WHERE {where}"  # noqa: S608 - rule 1
        if db.execute(f"{sql} LIMIT 1", held).fetchone() is None:
            return None
        parts.append(f"s.label IN ({sql})")
        values += held
    least = (
        ("cost", wanted.min_cost),
        ("ttft", None if wanted.min_ttft is None else micros(wanted.min_ttft)),
        ("duration", None if wanted.min_duration is None else micros(wanted.min_duration)),
    )
    for name, value in least:
        if value is not None:
            parts.append(f"s.{name} >= ?")
            values.append(value)
    for name, value in (("request", wanted.request), ("tag", wanted.tag)):
        if value is not None:
            parts.append(f"s.{name} = ?")
            values.append(value)
    parts += ["s.estimated"] if wanted.estimated else []
    parts += ["s.attempts > 1"] if wanted.fallback else []
    parts += ["s.drilled IS NOT NULL"] if wanted.drilled else []
    return _Terms(_index(db, wanted), " AND ".join(parts) or "1", values)


def _index(db: sqlite3.Connection, wanted: Search) -> str:
    """The index that passes over the least. A request's own needs no naming."""
    if wanted.request is not None:
        return ""
    if wanted.tag is not None:
        many = "SELECT count(*) FROM (SELECT 1 FROM settled WHERE tag = ? LIMIT ?)"
        if db.execute(many, (wanted.tag, _RARE + 1)).fetchone()[0] <= _RARE:
            return "INDEXED BY settled_tag"
    return "INDEXED BY settled_drilled" if wanted.drilled else "INDEXED BY settled_utc"


class _Days:
    """Finds days on which something may fit (rule 3)."""

    def __init__(self, db: sqlite3.Connection, wanted: Search) -> None:
        self._db = db
        tenants = [wanted.tenant] if wanted.tenant is not None else _tenants(db, wanted.key)
        parts, self._values = [], []
        terms = [(name, getattr(wanted, name)) for name in _IN_DAYS if name != "tenant"]
        # With its tenant a key's rows are found in each day without a look at the others.
        terms = [("tenant", tenants[0]), *terms] if len(tenants) == 1 else terms
        for name, value in terms:
            if value is not None:
                parts.append(f"{name} = ?")
                self._values.append(value)
        self._most = _MOST_DAYS if len(tenants) == 1 or not parts else _MOST_PASSED
        known = ("completed", "failed", "cancelled", "refused", "abandoned")
        parts.append(f"{wanted.outcome if wanted.outcome in known else 'requests'} > 0")
        parts += ["estimated > 0"] if wanted.estimated else []
        where = " AND ".join(parts)
        self._fits = f"SELECT 1 FROM days WHERE day = ? AND {where} LIMIT 1"  # noqa: S608 - rule 1

    def before(self, start: Spot, since: int) -> tuple[int | None, bool]:
        """The last day, up to that of `start`, on which something may fit, and True; None where
        there is none. Or the last day that was passed over, and False: enough were."""
        # A place of number 0 is the moment itself, and what is before it.
        last = (start.utc if start.id else start.utc - 1) // DAY
        while True:
            sql = "SELECT max(day) FROM days WHERE day <= ? AND day >= ?"
            day = self._db.execute(sql, (last, since // DAY)).fetchone()[0]
            if day is None:
                return None, False
            if self._most <= 0:
                return day, False
            if self._db.execute(self._fits, (day, *self._values)).fetchone() is not None:
                return day, True
            self._most -= 1
            last = day - 1


def _tenants(db: sqlite3.Connection, key: str | None) -> list[str]:
    """Whose a key is; it is one tenant's."""
    if key is None:
        return []
    found = db.execute("SELECT DISTINCT tenant FROM labels WHERE key = ?", (key,))
    return [tenant for (tenant,) in found if tenant is not None]


def _floor(
    db: sqlite3.Connection, index: str, start: Spot, first: int, most: int
) -> tuple[Spot | None, int]:
    """The last request that may be looked at, where there are `most` from `first` to `start`; else
    None and how many there are."""
    drilled = " AND s.drilled IS NOT NULL" if "drilled" in index else ""
    sql = (
        f"SELECT s.utc, s.id FROM settled AS s {index} "  # noqa: S608 - rule 1
        f"WHERE s.utc >= ? AND {_BEFORE}{drilled} ORDER BY s.utc DESC, s.id DESC"
    )
    values = (first, start.utc, start.utc, start.id)
    row = db.execute(f"{sql} LIMIT 1 OFFSET ?", (*values, most - 1)).fetchone()
    if row is not None:
        return Spot(*row), most
    seen = db.execute(f"SELECT count(*) FROM ({sql})", values).fetchone()[0]  # noqa: S608 - rule 1
    return None, seen


def _lines(
    db: sqlite3.Connection, terms: _Terms, start: Spot, first: int, floor: Spot | None, count: int
) -> list[Line]:
    where = f"s.utc >= ? AND {_BEFORE}"
    values: list[object] = [first, start.utc, start.utc, start.id]
    if floor is not None:
        where += f" AND s.utc >= ? AND {_FROM_SPOT}"
        values += [floor.utc, floor.utc, floor.utc, floor.id]
    found = db.execute(
        f"SELECT {_COLUMNS} {_FROM.format(index=terms.index)} "
        f"WHERE {where} AND {terms.sql} ORDER BY s.utc DESC, s.id DESC LIMIT ?",
        [*values, *terms.values, count],
    )
    return [_line(row) for row in found]


def _line(row: tuple[Any, ...]) -> Line:
    return Line(**_plain(dict(zip(_NAMES, row, strict=True)), _MOMENTS))


def _plain(facts: dict[str, Any], moments: tuple[str, ...]) -> dict[str, Any]:
    for name in moments:
        micro = facts[name]
        if isinstance(micro, int):
            facts[name] = micro / MICRO
    if "estimated" in facts:
        facts["estimated"] = bool(facts["estimated"])
    return facts


def one(db: sqlite3.Connection, request: str) -> Whole | Held | None:
    """What the ledger has of a request; None where it has nothing."""
    db.execute("BEGIN")
    try:
        sql = f"SELECT {_COLUMNS} {_FROM.format(index='')} WHERE s.request = ?"
        row = db.execute(sql, (request,)).fetchone()
        if row is None:
            held = f"SELECT {', '.join(_HELD)} FROM reservations WHERE request = ?"  # noqa: S608
            row = db.execute(held, (request,)).fetchone()
            facts = None if row is None else dict(zip(_HELD, row, strict=True))
            return None if facts is None else Held(**_plain(facts, ("utc",)))
        tried = (
            f"SELECT {', '.join(_TRIED)} FROM failed_attempts "  # noqa: S608 - rule 1
            "WHERE request = ? ORDER BY attempt"
        )
        found = db.execute(tried, (request,)).fetchall()
        tries = [_plain(dict(zip(_TRIED, it, strict=True)), ("duration",)) for it in found]
        return Whole(_line(row), tuple(FailedTry(**it) for it in tries))
    finally:
        db.execute("COMMIT")
