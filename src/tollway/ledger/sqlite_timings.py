"""Timings, and what was asked, out of SQLite."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from tollway.ledger.rows import MICRO, micros
from tollway.ledger.timings import Lately, Timing
from tollway.simulator.recorded import Heard

_TIMED = (
    "SELECT source, model, utc - duration, ttft, duration, input, cached_input, output "
    "FROM requests WHERE outcome = 'completed' AND attempts = 1 AND NOT estimated "
    "AND ttft IS NOT NULL AND source IS NOT NULL "
)


def timings(db: sqlite3.Connection) -> list[Timing]:
    """Requests that ended well at their first attempt with usage stated, by arrival."""
    return _read(db.execute(_TIMED + "ORDER BY 3, request"))


def recent(db: sqlite3.Connection, since: float, most: int) -> list[Timing]:
    """Those of them that ended since then, at most so many, the last one first."""
    ordered = "AND utc >= ? ORDER BY utc DESC, request LIMIT ?"
    return _read(db.execute(_TIMED + ordered, (micros(since), most)))


def _read(found: Iterable[tuple[str, str, int, int, int, int, int, int]]) -> list[Timing]:
    return [
        Timing(source, model, at / MICRO, ttft / MICRO, duration / MICRO, into, cached, out)
        for source, model, at, ttft, duration, into, cached, out in found
    ]


def heard(db: sqlite3.Connection, since: float, until: float) -> list[Heard]:
    """What arrived in a period and has been settled, by arrival."""
    found = db.execute(
        "SELECT reserved_utc, route, key, operation, input, output, outcome FROM requests "
        "WHERE utc >= ?1 AND reserved_utc >= ?1 AND reserved_utc < ?2 AND route IS NOT NULL "
        "AND key IS NOT NULL ORDER BY 1, request",
        (micros(since), micros(until)),
    )
    return [_heard(*row) for row in found]


def heard_last(
    db: sqlite3.Connection, since: float, until: float, routes: Sequence[str], most: int
) -> list[Heard]:
    """The same of the last `most` that were settled, held to these routes: no more is looked at."""
    found = db.execute(
        "SELECT reserved_utc, route, key, operation, input, output, outcome FROM ("
        "SELECT s.*, l.* FROM settled AS s CROSS JOIN labels AS l ON l.id = s.label "
        "WHERE s.utc >= ?1 ORDER BY s.utc DESC LIMIT ?3) "
        "WHERE reserved_utc >= ?1 AND reserved_utc < ?2 AND key IS NOT NULL "
        "AND route IN (SELECT value FROM json_each(?4)) ORDER BY 1",
        (micros(since), micros(until), most, json.dumps(list(routes))),
    )
    return [_heard(*row) for row in found]


def _heard(  # noqa: PLR0913 - a row
    at: int, route: str, key: str, operation: Any, into: int, out: int, outcome: str
) -> Heard:
    answered = out if outcome == "completed" else None
    return Heard(at / MICRO, route, key, operation, into or None, answered)


_LATELY = """
SELECT count(*), sum(input), sum(cached_input), sum(output), sum(duration), min(reserved_utc),
       max(reserved_utc)
  FROM (SELECT * FROM requests ORDER BY utc DESC LIMIT ?1)
 WHERE outcome = 'completed' AND NOT estimated AND model = ?2 AND input > 0 AND output > 0
   AND duration IS NOT NULL AND coalesce(operation, 'chat') <> 'embedding'
"""


def lately(db: sqlite3.Connection, model: str, most: int) -> Lately | None:
    """What of the last `most` settled requests was of a model; None where nothing was."""
    count, into, cached, out, busy, since, until = db.execute(_LATELY, (most, model)).fetchone()
    if not count:
        return None
    return Lately(count, into, cached, out, busy / MICRO, since / MICRO, until / MICRO)
