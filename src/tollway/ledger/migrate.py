"""Brings a database to the schema that this version knows.

Rules
1. Migrations are numbered SQL files, applied in order, each in one transaction with its number.
2. A schema newer than the newest known file is refused: reading it by older rules could lie.
"""

import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib import resources

from tollway.errors import TollwayError


class WrongSchemaError(TollwayError):
    """The file is not a ledger, or is one of another version of Tollway."""


@cache
def migrations() -> tuple[tuple[int, str], ...]:
    """(number, SQL) of every known migration, in order."""
    folder = resources.files("tollway.ledger").joinpath("migrations")
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple((int(name[:4]), folder.joinpath(name).read_text("utf-8")) for name in files)


def schema_version(db: sqlite3.Connection, place: str) -> int:
    """The number of the last migration applied; 0 for an empty database.

    Raises:
        WrongSchemaError: the file holds something else than a ledger, or a newer ledger.
    """
    try:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
    except sqlite3.DatabaseError as error:
        raise WrongSchemaError(
            f"{place}: cannot be read as a ledger ({error}). "
            "Name the right file, or move this one away to begin a new ledger."
        ) from error
    if not tables:
        return 0
    if "schema_version" not in tables:
        raise WrongSchemaError(
            f"{place}: is a SQLite database of something else. Name another file for the ledger."
        )
    found = db.execute("SELECT max(version) FROM schema_version").fetchone()[0]
    known = migrations()[-1][0]
    if found > known:
        raise WrongSchemaError(
            f"{place}: has schema {found}; this version of Tollway knows up to {known}. "
            "Upgrade Tollway, or name another ledger."
        )
    return found


def is_current(db: sqlite3.Connection, place: str) -> bool:
    """Whether no migration is left to apply."""
    return schema_version(db, place) == migrations()[-1][0]


def migrate(db: sqlite3.Connection, place: str) -> None:
    """Apply every migration that is missing."""
    for number, script in migrations():
        db.execute("BEGIN IMMEDIATE")
        try:
            if schema_version(db, place) < number:
                _apply(db, number, script)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _apply(db: sqlite3.Connection, number: int, script: str) -> None:
    # Not executescript: that one commits first, and the number must go in with the change.
    for statement in _statements(script):
        db.execute(statement)
    db.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY)")
    db.execute("INSERT INTO schema_version VALUES (?)", (number,))


def _statements(script: str) -> Iterator[str]:
    held = ""
    for line in script.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            yield held
            held = ""
    if held.strip():
        yield held
