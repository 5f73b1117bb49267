"""Drills and last uses out of SQLite."""

import sqlite3

from tollway.ledger.drills import LastUse, Period, Settled
from tollway.ledger.rows import DAY, MICRO, micros
from tollway.units import UtcSeconds

_LAST_DRILLS = """
SELECT l.route, l.source, l.model, max(s.utc)
  FROM (SELECT label, max(utc) AS utc FROM settled INDEXED BY settled_drilled_label
         WHERE drilled IS NOT NULL GROUP BY label) AS s
  JOIN labels AS l ON l.id = s.label
 WHERE l.outcome = 'completed' GROUP BY 1, 2, 3
"""
_LAST_DAYS = """
SELECT route, source, model, max(day) FROM day_sources
 WHERE completed > 0 AND source <> '' GROUP BY 1, 2, 3
"""


def settled(db: sqlite3.Connection, period: Period) -> list[Settled]:
    """The settled requests of a period, in no order."""
    found = db.execute(
        "SELECT drilled, outcome, code, source, ttft, duration, output, cost FROM requests "  # noqa: S608 - marks only
        f"WHERE utc >= ? AND reserved_utc BETWEEN ? AND ? AND route IN ({_marks(period)})",
        (micros(period.since), micros(period.since), micros(period.until), *period.routes),
    )
    return [
        Settled(drilled, outcome, code, source, _seconds(ttft), _seconds(duration), output, cost)
        for drilled, outcome, code, source, ttft, duration, output, cost in found
    ]


def unsettled(db: sqlite3.Connection, period: Period) -> int:
    """How many requests of a period are still open."""
    return db.execute(
        "SELECT count(*) FROM reservations "  # noqa: S608 - marks only
        f"WHERE utc BETWEEN ? AND ? AND route IN ({_marks(period)})",
        (micros(period.since), micros(period.until), *period.routes),
    ).fetchone()[0]


def last_uses(db: sqlite3.Connection) -> list[LastUse]:
    """Every (route, source, model) that has completed a request."""
    drills = {
        (route, source, model): UtcSeconds(utc / MICRO)
        for route, source, model, utc in db.execute(_LAST_DRILLS)
    }
    return [
        LastUse(
            route,
            source,
            model,
            UtcSeconds(day * DAY / MICRO),
            drills.get((route, source, model)),
        )
        for route, source, model, day in db.execute(_LAST_DAYS)
    ]


def _marks(period: Period) -> str:
    return ",".join("?" * len(period.routes))


def _seconds(micro: int | None) -> float | None:
    return None if micro is None else micro / MICRO
