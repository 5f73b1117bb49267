"""Predictions beside what happened, in the ledger's file: written and read by commands only.

Rules
1. Reading scores waits for no gateway and makes no ledger: without one, nobody was scored.
"""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from tollway.ledger import sqlite_scores
from tollway.ledger.database import connect, in_words
from tollway.ledger.migrate import schema_version
from tollway.ledger.sqlite import open_for_keys, open_reader
from tollway.simulator.scores import Score, Served

SINCE_SCHEMA = 4


def served(path: Path, since: float, until: float) -> list[Served]:
    """What sources were sent from `since` to before `until`, UTC seconds, by when they were.

    Raises:
        TollwayError: there is no ledger of this version.
    """
    open_reader(path).close()  # what the journal holds is in the books now
    with in_words(path), closing(connect(path, create=False)) as db:
        return sqlite_scores.served(db, since, until)


def keep_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write scores, beside a live gateway or without one; one that is there is left as it is.

    Raises:
        TollwayError: the ledger cannot be written.
    """
    open_for_keys(path).close()  # migrated if need be
    with in_words(path), closing(connect(path, create=False)) as db:
        sqlite_scores.keep(db, scores)


def read_scores(path: Path) -> list[Score]:
    """Every score, by day (rule 1).

    Raises:
        TollwayError: the file is no ledger, or a newer one.
    """
    if not path.is_file():
        return []
    with in_words(path), closing(connect(path, create=False)) as db:
        if schema_version(db, str(path)) < SINCE_SCHEMA:
            return []
        return sqlite_scores.read(db)
