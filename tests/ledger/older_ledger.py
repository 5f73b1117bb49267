"""Ledgers as earlier releases left them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tollway.ledger.migrate import migrations

ROLLED_UP = ("days", "months", "day_sources")
"""The tables that requests are rolled up into."""


def without(db: sqlite3.Connection, number: int) -> None:
    """Take back what the migrations from `number` on made; all of them only add."""
    held = {script: at for at, script in migrations()}
    later = "".join(script for script, at in held.items() if at >= number)
    for kind in ("INDEX", "TABLE"):
        for line in later.splitlines():
            if line.startswith(f"CREATE {kind} "):
                db.execute(f"DROP {kind} {line.split()[2]}")
    db.execute("DELETE FROM schema_version WHERE version >= ?", (number,))


def age(path: Path, number: int) -> None:
    """Make of a ledger one that has not seen the migrations from `number` on."""
    with closing(sqlite3.connect(path)) as db, db:
        without(db, number)
