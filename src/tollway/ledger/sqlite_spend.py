"""What was spent on whole UTC days, out of the daily sums: fewer of them than `usage`, and quicker.

Rules
1. What a caller names reaches SQL as a parameter, or picks a column out of a fixed dict.
2. Sums are those of `usage` for the same question, to the pico-dollar.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from tollway.ledger.query import UsageQuery
from tollway.ledger.rows import DAY, MICRO, micros

_COLUMNS = {name: name for name in ("day", "tenant", "key", "route", "source", "model")}
_FILTERS = ("tenant", "key", "route", "source", "model")
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Spend:
    """A group: the value of each dimension (None: unknown; a day as 2026-11-30), requests, tokens,
    and pico-dollars."""

    group: tuple[str | None, ...]
    requests: int
    completed: int
    input: int
    cached_input: int
    output: int
    cost: int


def total(rows: Iterable[Spend]) -> Spend:
    """The exact sum."""
    sums = [0] * 6
    for row in rows:
        amounts = (row.requests, row.completed, row.input, row.cached_input, row.output, row.cost)
        sums = [one + more for one, more in zip(sums, amounts, strict=True)]
    return Spend((), *sums)


def spend(db: sqlite3.Connection, wanted: UsageQuery) -> list[Spend]:
    """The groups, by day where that is the first dimension, else the dearest first. The moments of
    the question are whole days, and it names no tag.

    Raises:
        ValueError: they are not, or it does.
    """
    where, values = ["1"], []
    for sign, moment in ((">=", wanted.since), ("<", wanted.until)):
        if moment is not None:
            day, rest = divmod(micros(moment), DAY)
            if rest:
                raise ValueError(f"{moment} is within a day")
            where.append(f"day {sign} ?")
            values.append(day)
    if wanted.tag is not None:
        raise ValueError("the daily sums know of no tags")
    for name in _FILTERS:
        if getattr(wanted, name) is not None:
            where.append(f"{name} = ?")
            values.append(getattr(wanted, name))
    columns = "".join(f"{_COLUMNS[name]}, " for name in wanted.by)
    groups = ", ".join(map(str, range(1, len(wanted.by) + 1)))
    found = db.execute(
        f"SELECT {columns}sum(requests), sum(completed), sum(input), sum(cached_input), "  # noqa: S608
        "sum(output), sum(cost_micro), sum(cost_rest) FROM days "
        f"WHERE {' AND '.join(where)}" + (f" GROUP BY {groups}" if groups else ""),
        values,
    )
    width = len(wanted.by)
    rows = [_row(wanted.by, line, width) for line in found if line[width] is not None]
    if wanted.by[:1] == ("day",):
        return sorted(rows, key=_words)
    return sorted(rows, key=lambda row: (-row.cost, _words(row)))


def _row(by: tuple[str, ...], line: tuple[int, ...], width: int) -> Spend:
    group = tuple(
        date.fromordinal(_EPOCH + value).isoformat() if name == "day" else (str(value) or None)
        for name, value in zip(by, line[:width], strict=True)
    )
    *counts, micro, rest = line[width:]
    return Spend(group, *counts, cost=micro * MICRO + rest)


def _words(row: Spend) -> tuple[str, ...]:
    return tuple(word or "" for word in row.group)
