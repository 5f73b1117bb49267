"""Opens the ledger's SQLite file, and puts what disk and database refuse into words."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tollway.ledger.migrate import schema_version
from tollway.ledger.state import make_database
from tollway.ledger.store import LedgerUnavailableError

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process's write, such as `tollway keys create`."""

_STEPS = 20_000
"""Instructions of the database between two looks at the clock: about a millisecond."""

LOG_LIMIT = 64 * 2**20
"""Bytes that the write-ahead log is cut back to once it has been folded in."""


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """What the disk or the database refuses, as an error with the mend in it."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise LedgerUnavailableError(
            f"{path}: the ledger cannot be used ({why}). Check the disk's free space, its health, "
            "and that this user may write the file and its folder."
        ) from error


class TooLongError(LedgerUnavailableError):
    """A question took longer than it may, and was broken off."""


@contextmanager
def within(db: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Break off what is asked of `db` inside once `seconds` have passed.

    Raises:
        TooLongError: they have.
    """
    end = time.monotonic() + seconds
    db.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        raise TooLongError(
            f"The ledger did not answer within {seconds:g} s. Ask for a shorter period."
        ) from None
    finally:
        db.set_progress_handler(None, 0)


def connect(path: Path, *, create: bool) -> sqlite3.Connection:
    """A connection in the ledger's mode; the file is made where it may be.

    Raises:
        WrongSchemaError: the file is no ledger, or a newer one.
    """
    if create:
        make_database(path)  # SQLite gives its own new files the mode of this one
    db = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=rw",
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,  # opened in one thread, then driven by the writer's
        cached_statements=256,
    )
    try:
        schema_version(db, str(path))
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute(f"PRAGMA journal_size_limit = {LOG_LIMIT}")
    except BaseException:
        db.close()
        raise
    return db
