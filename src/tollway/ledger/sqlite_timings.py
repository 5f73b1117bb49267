"""Timings out of SQLite."""

import sqlite3

from tollway.ledger.rows import MICRO
from tollway.ledger.timings import Timing


def timings(db: sqlite3.Connection) -> list[Timing]:
    """Requests that ended well at their first attempt with usage stated, by arrival."""
    found = db.execute(
        "SELECT source, model, utc - duration, ttft, duration, input, cached_input, output "
        "FROM requests WHERE outcome = 'completed' AND attempts = 1 AND NOT estimated "
        "AND ttft IS NOT NULL AND source IS NOT NULL ORDER BY 3, request"
    )
    return [
        Timing(source, model, at / MICRO, ttft / MICRO, duration / MICRO, into, cached, out)
        for source, model, at, ttft, duration, into, cached, out in found
    ]
