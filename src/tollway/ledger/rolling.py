"""Sums that the ledger keeps beside its rows, added to by the transaction that settles.

Rules
1. `days` has every settlement from then on. `months` and `day_sources` have the days that are over,
   once each; a settlement that comes for such a day is added to them at once.
2. A day stays open while the next one goes on, so that hardly anything comes late.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from tollway.ledger.rows import DAY, MICRO

_COUNTS: Final = [
    "requests",
    "completed",
    "failed",
    "cancelled",
    "refused",
    "abandoned",
    "estimated",
    "unbilled",
    "input",
    "cached_input",
    "cache_write",
    "output",
    "reasoning",
    "cost_micro",
    "cost_rest",
]
_KEPT: Final = ", ".join(f"{name} = {name} + excluded.{name}" for name in _COUNTS)


def _added(keys: str) -> str:
    return f"ON CONFLICT ({keys}) DO UPDATE SET {_KEPT}"


_DAY_KEYS: Final = "day, tenant, key, route, source, model, tier"

ROLL_UP: Final = f"""
INSERT INTO days
SELECT day, coalesce(tenant, ''), coalesce(key, ''), coalesce(route, ''), coalesce(source, ''),
       coalesce(model, ''), coalesce(tier, ''), requests, requests * (outcome IS 'completed'),
       requests * (outcome IS 'failed'), requests * (outcome IS 'cancelled'),
       requests * (outcome IS 'refused'), requests * (outcome IS 'abandoned'), estimated, unbilled,
       input, cached_input, cache_write, output, reasoning, cost_micro, cost_rest
  FROM (SELECT utc / {DAY} AS day, label, count(*) AS requests, sum(estimated) AS estimated,
               sum(cost = 0 AND input + output > 0) AS unbilled, sum(input) AS input,
               sum(cached_input) AS cached_input, sum(cache_write) AS cache_write,
               sum(output) AS output, sum(reasoning) AS reasoning,
               sum((cost - failed_cost) / {MICRO}) AS cost_micro,
               sum((cost - failed_cost) % {MICRO}) AS cost_rest
          FROM settled WHERE id > ? GROUP BY 1, 2) AS added
  JOIN labels ON labels.id = added.label
 WHERE true
{_added(_DAY_KEYS)}
"""  # noqa: S608 - constants of this file only
"""For the settlements after a given id."""

ROLL_UP_FAILED: Final = f"""
INSERT INTO days
SELECT utc / {DAY}, coalesce(tenant, ''), coalesce(key, ''), coalesce(route, ''),
       coalesce(source, ''), coalesce(model, ''), coalesce(tier, ''),
       0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, sum(cost / {MICRO}), sum(cost % {MICRO})
  FROM failed_entries WHERE id > ?
 GROUP BY 1, 2, 3, 4, 5, 6, 7
{_added(_DAY_KEYS)}
"""  # noqa: S608 - constants of this file only
"""For their attempts that failed and cost money."""

_BOOKED_DAYS: Final = f"""
SELECT day, (SELECT min(utc + 0) / {DAY} FROM settled WHERE id > ?1),
       (SELECT max(utc + 0) / {DAY} FROM settled WHERE id > ?1) FROM rolled
"""  # noqa: S608 - constants of this file only
"""The first day that long periods lack, and the first and last of the settlements after an id."""

_MONTH: Final = "{0} + 1 - strftime('%d', {0} * 86400, 'unixepoch')"
_LONG: Final = (
    ("months", "month", _MONTH, ("tenant", "key", "route", "source", "model", "tier")),
    ("day_sources", "day", "{0}", ("route", "source", "model")),
)
"""What long periods are answered from: a table, its time, how that is made of a day, its words."""


def _closing(table: str, time: str, made: str, names: Sequence[str]) -> str:
    words = ", ".join(names)
    sums = ", ".join(f"sum({name})" for name in _COUNTS)
    groups = ", ".join(str(at + 1) for at in range(len(names) + 1))
    return f"""
INSERT INTO {table}_rolled
SELECT {made.format("day")}, {words}, {sums}
  FROM days WHERE day >= (SELECT day FROM rolled) AND day < ? GROUP BY {groups}
{_added(f"{time}, {words}")}
"""  # noqa: S608 - constants of this file only


def _late_sql(table: str, time: str, made: str, names: Sequence[str]) -> str:
    words = ", ".join(f"coalesce({name}, '')" for name in names)
    return f"""
INSERT INTO {table}_rolled
SELECT {made.format(f"(utc / {DAY})")}, {words}, requests, outcome IS 'completed',
       outcome IS 'failed', outcome IS 'cancelled', outcome IS 'refused', outcome IS 'abandoned',
       estimated, unbilled, input, cached_input, cache_write, output, reasoning,
       cost / {MICRO}, cost % {MICRO}
  FROM entries WHERE id > ? AND utc / {DAY} < (SELECT day FROM rolled)
{_added(f"{time}, {', '.join(names)}")}
"""  # noqa: S608 - constants of this file only


_LATE: Final = tuple(_late_sql(*one) for one in _LONG)
"""Settlements after an id, of days that are in the sums of long periods already."""

_CLOSE_DAYS: Final = (
    *(_closing(*one) for one in _LONG),
    "UPDATE rolled SET day = ?",
)
"""Days before a given one into the sums of long periods."""


def roll_up(db: sqlite3.Connection, last: int, *, failed: bool) -> None:
    """Add what was settled after the settlement `last`; `failed` says that attempts of it may have
    failed and cost money."""
    db.execute(ROLL_UP, (last,))
    if failed:
        db.execute(ROLL_UP_FAILED, (last,))
    opened, first, latest = db.execute(_BOOKED_DAYS, (last,)).fetchone()
    if first is None:  # all of it was in the books already
        return
    if first < opened:
        for statement in _LATE:
            db.execute(statement, (last,))
    if latest - 1 > opened:
        for statement in _CLOSE_DAYS:
            db.execute(statement, (latest - 1,))
