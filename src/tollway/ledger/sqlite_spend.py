"""What was spent on whole UTC days: fewer sums than `usage`, and quicker.

Rules
1. Sums are those of `usage` for the same question, to the pico-dollar.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from tollway.ledger.query import UsageQuery
from tollway.ledger.rolled import one_state, summed
from tollway.ledger.rows import MICRO

_SUMS = ("requests", "completed", "input", "cached_input", "output", "cost_micro", "cost_rest")


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
    with one_state(db):
        found = summed(db, wanted, _SUMS)
    if found is None:
        raise ValueError(f"the ledger's sums of whole days and months do not answer {wanted}")
    rows = [
        Spend(group, *counts, cost=micro * MICRO + rest)
        for group, (*counts, micro, rest) in found.items()
    ]
    if wanted.by[:1] == ("day",):
        return sorted(rows, key=_words)
    return sorted(rows, key=lambda row: (-row.cost, _words(row)))


def _words(row: Spend) -> tuple[str, ...]:
    return tuple(word or "" for word in row.group)
