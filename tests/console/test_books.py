"""The ledger for the console: read only, in time, and absent with a mend."""

import sqlite3
from pathlib import Path

import pytest

from tollway.console.books import Books
from tollway.errors import TollwayError
from tollway.ledger.database import TooLongError
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import SqliteLedger, open_for_gateway
from tollway.units import Seconds

_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    open_for_gateway(path).close()
    return path


async def test_a_question_is_answered_from_the_ledger(ledger: Path) -> None:
    books = Books(ledger)
    report = await books.read(lambda it: it.usage(UsageQuery()))
    assert report.total.requests == 0
    books.close()


async def test_a_question_that_takes_too_long_is_broken_off_and_the_next_is_answered(
    ledger: Path,
) -> None:
    books = Books(ledger)

    def endless(it: SqliteLedger) -> object:
        return it._db.execute(_ENDLESS).fetchone()  # pyright: ignore[reportPrivateUsage]

    with pytest.raises(TooLongError, match=r"within 0\.05 s. Ask for a shorter period"):
        await books.read(endless, Seconds(0.05))
    assert (await books.read(lambda it: it.usage(UsageQuery()))).total.requests == 0
    books.close()


async def test_nothing_can_be_written(ledger: Path) -> None:
    books = Books(ledger)

    def write(it: SqliteLedger) -> None:
        it._db.execute("DELETE FROM keys")  # pyright: ignore[reportPrivateUsage]

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await books.read(write)
    books.close()


async def test_without_a_ledger_the_mend_is_said_and_one_that_comes_later_is_read(
    tmp_path: Path,
) -> None:
    books = Books(tmp_path / "ledger.sqlite")
    with pytest.raises(TollwayError, match="tollway up"):
        await books.read(lambda it: it.usage(UsageQuery()))
    open_for_gateway(tmp_path / "ledger.sqlite").close()
    assert (await books.read(lambda it: it.usage(UsageQuery()))).total.requests == 0
    books.close()
