"""The guard's database, beside the ledger: small, and shared by every process of one state folder.

Rules
1. Each call is one short transaction; any process and any thread may make it.
2. What is approved, denied or tainted is on the disk before anything acts on it.
3. A book of a newer version is refused.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from tollway.errors import TollwayError
from tollway.ledger.state import make_database, make_state_folder

GUARD_BOOK = "guard.sqlite"
"""Its name in the state folder."""

_BUSY = 5.0

_SCHEMA = """
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, key TEXT, request TEXT, digest BLOB NOT NULL,
    opened REAL NOT NULL, expires REAL NOT NULL, closed REAL
) STRICT, WITHOUT ROWID;
CREATE TABLE marks (
    task TEXT NOT NULL, mark TEXT NOT NULL, origin TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (task, mark, origin)
) STRICT, WITHOUT ROWID;
CREATE TABLE approvals (
    id TEXT PRIMARY KEY, digest TEXT NOT NULL, concern TEXT NOT NULL, tenant TEXT, task TEXT,
    words TEXT NOT NULL, facts TEXT NOT NULL, asked REAL NOT NULL, silent REAL NOT NULL,
    granted INTEGER, decided REAL, who TEXT, note TEXT, holds REAL, uses INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_digest ON approvals (digest, asked);
CREATE TABLE events (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, concern TEXT NOT NULL, outcome TEXT NOT NULL,
    tenant TEXT, task TEXT, request TEXT, body TEXT NOT NULL
) STRICT;
CREATE INDEX events_task ON events (task, number) WHERE task IS NOT NULL;
CREATE TABLE sentinels (
    digest BLOB PRIMARY KEY, task TEXT NOT NULL, secret TEXT NOT NULL, minted REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE connections (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, lasted REAL NOT NULL, task TEXT NOT NULL,
    tenant TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL, address TEXT, method TEXT,
    path TEXT, outcome TEXT NOT NULL, why TEXT NOT NULL, rule TEXT, approval TEXT,
    secrets TEXT NOT NULL, status INTEGER, sent INTEGER NOT NULL, received INTEGER NOT NULL
) STRICT;
CREATE INDEX connections_task ON connections (task, number);
"""
_RUNS = """
CREATE TABLE runs (
    task TEXT PRIMARY KEY, tier TEXT NOT NULL, began REAL NOT NULL, ended REAL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_began ON runs (began);
"""
_STEPS = (_SCHEMA, _RUNS)
"""What each version adds to the one before."""
_VERSION = len(_STEPS)


class GuardBookError(TollwayError):
    """The guard's database cannot be used."""


class GuardBook:
    """An open database. `path` is where it lies."""

    def __init__(self, path: Path) -> None:
        """Open it; it is made, for its owner alone, where it is not there yet.

        Raises:
            GuardBookError: it cannot be opened, is something else, or of a newer version.
        """
        self.path = path
        self._lock = Lock()
        make_state_folder(path.parent)
        try:
            make_database(path)
            self._db = sqlite3.connect(
                path, timeout=_BUSY, isolation_level=None, check_same_thread=False
            )
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path, error) from error

    def _prepare(self) -> None:
        db = self._db
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")
        found: int = db.execute("PRAGMA user_version").fetchone()[0]
        if found == 0 and db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise GuardBookError(f"{self.path}: is no book of the guard. Move it away.")
        if found > _VERSION:
            raise GuardBookError(
                f"{self.path}: has version {found}; this Tollway knows up to {_VERSION}. "
                "Upgrade Tollway."
            )
        if found < _VERSION:
            for statement in "".join(_STEPS[found:]).strip().split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {_VERSION}")
        db.execute("COMMIT")

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction that writes.

        Raises:
            GuardBookError: the disk or another process does not let it.
        """
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                    self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise _unusable(self.path, error) from error

    def read(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """The rows that a SELECT gives.

        Raises:
            GuardBookError: it cannot be read.
        """
        with self._lock:
            try:
                return self._db.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise _unusable(self.path, error) from error

    def close(self) -> None:
        with self._lock:
            self._db.close()


def _unusable(path: Path, error: Exception) -> GuardBookError:
    why = error.strerror if isinstance(error, OSError) else str(error)
    return GuardBookError(
        f"{path}: the guard's book cannot be used ({why}). Check the disk's free space, and that "
        "this user may write the file and its folder."
    )
