"""Ledgers as earlier releases left them."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from tollway.ledger.migrate import migrations

ROLLED_UP = ("days", "months", "day_sources")
"""What requests are rolled up into."""
_BY_TIER = 5
"""The migration that gave `days` a tier."""


def without(db: sqlite3.Connection, number: int) -> None:
    """Take back what the migrations from `number` on made."""
    held = dict(migrations())
    later = "".join(script for at, script in held.items() if at >= number)
    made = re.findall(r"^CREATE (VIEW|INDEX|TABLE) (\w+)", later, re.MULTILINE)
    for kind, name in reversed(made):
        db.execute(f"DROP {kind} IF EXISTS {name}")
    if number <= _BY_TIER:
        _without_tier(db, held[1])
    db.execute("DELETE FROM schema_version WHERE version >= ?", (number,))


def _without_tier(db: sqlite3.Connection, script: str) -> None:
    db.execute("ALTER TABLE days RENAME TO by_tier")
    made = re.search(r"CREATE TABLE days \(.*?\) WITHOUT ROWID", script, re.DOTALL)
    assert made is not None
    db.execute(made[0])
    names = [line[1] for line in db.execute("PRAGMA table_info(days)")]
    at = names.index("requests")
    keys, sums = ", ".join(names[:at]), ", ".join(f"sum({name})" for name in names[at:])
    db.execute(f"INSERT INTO days SELECT {keys}, {sums} FROM by_tier GROUP BY {keys}")
    db.execute("DROP TABLE by_tier")


def age(path: Path, number: int) -> None:
    """Make of a ledger one that has not seen the migrations from `number` on."""
    with closing(sqlite3.connect(path)) as db, db:
        without(db, number)
