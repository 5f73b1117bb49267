"""Usage out of SQLite: from what is rolled up where that can answer, else from the requests.

Rules
1. What a caller names reaches SQL as a parameter, or picks an expression out of a fixed dict.
2. Money is added up as micro-dollars and the rest below them, and joined in Python.
"""

import sqlite3
from collections.abc import Sequence

from tollway.errors import FaultsFound, unknown
from tollway.ledger.query import DIMENSIONS, Totals, UsageQuery, UsageReport, UsageRow
from tollway.ledger.rolled import FILTERS, add, one_state, summed
from tollway.ledger.rows import MICRO, micros

_EXACT = {
    "tenant": "tenant",
    "key": "key",
    "model": "model",
    "source": "source",
    "route": "route",
    "tag": "tag",
    "day": f"strftime('%Y-%m-%d', utc / {MICRO}, 'unixepoch')",
    "month": f"strftime('%Y-%m', utc / {MICRO}, 'unixepoch')",
    "hour": f"strftime('%Y-%m-%dT%H:00Z', utc / {MICRO}, 'unixepoch')",
    "operation": "operation",
    "tier": "tier",
    "outcome": "outcome",
}
_FILTERS = (*FILTERS, "tag")
_OF_RESERVATIONS = ("tenant", "key", "route", "tag")
_TIMES = ("day", "month", "hour")

_SAME = ["input", "cached_input", "cache_write", "output", "reasoning"]
_OUTCOMES = ["completed", "failed", "cancelled", "refused", "abandoned"]
_SUMS_ROLLED_UP = (
    *("requests", *_OUTCOMES, "estimated", "unbilled", *_SAME, "cost_micro", "cost_rest"),
)
_SUMS_EXACT = ", ".join(
    [
        "coalesce(sum(requests), 0)",
        *(f"coalesce(sum(outcome IS '{outcome}'), 0)" for outcome in _OUTCOMES),
        *(f"coalesce(sum({name}), 0)" for name in ["estimated", "unbilled", *_SAME]),
        f"coalesce(sum(cost / {MICRO}), 0)",
        f"coalesce(sum(cost % {MICRO}), 0)",
    ]
)


def report(db: sqlite3.Connection, query: UsageQuery) -> UsageReport:
    """Group, add up, and sort: by time where the first dimension is one, else the dearest first.

    Raises:
        FaultsFound: `query.by` names no dimension.
    """
    return reports(db, [query])[0]


def reports(db: sqlite3.Connection, queries: Sequence[UsageQuery]) -> list[UsageReport]:
    """A report of each question, all of one state of the ledger. Raises as `report`."""
    named = dict.fromkeys(name for query in queries for name in query.by)
    wrong = [unknown(name, DIMENSIONS, "--by") for name in named if name not in _EXACT]
    if wrong:
        raise FaultsFound(wrong)
    # All reads see one state, so that a request is either settled or open.
    with one_state(db):
        return [_report(db, query) for query in queries]


def _report(db: sqlite3.Connection, query: UsageQuery) -> UsageReport:
    found = summed(db, query, _SUMS_ROLLED_UP)
    width = len(query.by)
    if found is None:
        found = {}
        add(found, db.execute(*_statement(query)), width)
    if not width and not found:
        found[()] = [0] * len(_SUMS_ROLLED_UP)
    open_count, open_amount = reserved(db, query)
    groups = [UsageRow(group, _totals(sums)) for group, sums in found.items()]
    if width and query.by[0] in _TIMES:
        groups.sort(key=lambda row: _words(row.group))
    else:
        groups.sort(key=lambda row: (-row.totals.cost, _words(row.group)))
    total = Totals.of(row.totals for row in groups) if groups else Totals()
    return UsageReport(query.by, tuple(groups), total, open_count, open_amount)


def reserved(db: sqlite3.Connection, query: UsageQuery) -> tuple[int, int]:
    """How many reservations are open, and their sum in pico-dollars."""
    where, values = _conditions(query, _OF_RESERVATIONS)
    count, micro, rest = db.execute(
        f"SELECT count(*), coalesce(sum(amount / {MICRO}), 0), "  # noqa: S608 - rule 1
        f"coalesce(sum(amount % {MICRO}), 0) FROM reservations WHERE {where}",
        values,
    ).fetchone()
    return count, micro * MICRO + rest


def _statement(query: UsageQuery) -> tuple[str, list[object]]:
    where, values = _conditions(query, _FILTERS)
    for sign, moment in ((">=", query.since), ("<", query.until)):
        if moment is not None:
            where += f" AND utc {sign} ?"
            values.append(micros(moment))
    chosen = [_EXACT[name] for name in query.by]
    columns = ", ".join([*chosen, _SUMS_EXACT])
    sql = f"SELECT {columns} FROM entries WHERE {where}"  # noqa: S608 - rule 1
    if chosen:
        sql += " GROUP BY " + ", ".join(map(str, range(1, len(chosen) + 1)))
    return sql, values


def _conditions(query: UsageQuery, names: tuple[str, ...]) -> tuple[str, list[object]]:
    wanted = [(name, getattr(query, name)) for name in names if getattr(query, name) is not None]
    return " AND ".join(["1", *(f"{name} = ?" for name, _ in wanted)]), [v for _, v in wanted]


def _totals(sums: Sequence[int]) -> Totals:
    *counts, micro, rest = sums
    return Totals(*counts, cost=micro * MICRO + rest)


def _words(group: tuple[str | None, ...]) -> tuple[str, ...]:
    return tuple(value or "" for value in group)
