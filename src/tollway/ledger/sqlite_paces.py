"""What accounts spent lately, out of SQLite: a bounded number of the last requests."""

import sqlite3

from tollway.ledger.paces import Recent, Spell
from tollway.ledger.rows import MICRO, micros

MOST = 20_000
"""Requests that are looked at; on a busier ledger the spell is shorter than was asked for."""


def recent(db: sqlite3.Connection, now: float, seconds: float, most: int = MOST) -> Recent:
    """What each account spent in the `seconds` before `now`."""
    since, until = micros(now - seconds), micros(now)
    db.execute("BEGIN")
    try:
        row = db.execute(
            "SELECT utc FROM settled INDEXED BY settled_utc WHERE utc >= ? AND utc < ? "
            "ORDER BY utc DESC LIMIT 1 OFFSET ?",
            (since, until, most),
        ).fetchone()
        # That request is left out whole: others of its moment may lie before the bound.
        first = since if row is None else row[0] + 1
        found = db.execute(
            "SELECT l.key, l.tenant, sum(s.requests), sum(s.micro), sum(s.rest), sum(s.squares) "
            "FROM (SELECT label, count(*) AS requests, sum(cost / 1000000) AS micro, "
            "             sum(cost % 1000000) AS rest, sum(1.0 * cost * cost) AS squares "
            "        FROM settled INDEXED BY settled_utc WHERE utc >= ? AND utc < ? "
            "       GROUP BY label) AS s "
            "JOIN labels AS l ON l.id = s.label GROUP BY 1, 2",
            (first, until),
        ).fetchall()
    finally:
        db.execute("COMMIT")
    spells = {
        (key, tenant): Spell(requests, micro * MICRO + rest, squares)
        for key, tenant, requests, micro, rest, squares in found
    }
    return Recent(first / MICRO, now, row is not None, spells)
