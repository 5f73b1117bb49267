"""The ledger for the console: read only, in time, and absent with a mend."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from tollway.console.books import Books
from tollway.console.turns import ASKER
from tollway.errors import TollwayError
from tollway.ledger.database import TooLongError
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import SqliteLedger, open_for_gateway
from tollway.units import Seconds

_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


Asked = list[asyncio.Task[str]]


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


async def _asked(books: Books, who: str, ask: Callable[[SqliteLedger], str], times: int) -> Asked:
    """Questions of one session."""
    ASKER.set(who)
    return [asyncio.create_task(books.read(ask)) for _ in range(times)]


@pytest.mark.parametrize("who", ["other", "greedy"])
async def test_who_asks_much_waits_behind_who_asks_little(ledger: Path, who: str) -> None:
    """The control is the same session: its own questions come in the order they were asked in."""
    books, go, order = Books(ledger), Event(), list[str]()

    def wait(_: SqliteLedger) -> str:
        go.wait(20)
        order.append("much")
        return "much"

    def note(_: SqliteLedger) -> str:
        order.append("little")
        return "little"

    much = await asyncio.create_task(_asked(books, "greedy", wait, 12))
    await asyncio.sleep(0)
    little = await asyncio.create_task(_asked(books, who, note, 1))
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*much, *little)
    assert order.index("little") <= (3 if who == "other" else 12)
    assert (order.index("little") > 9) is (who == "greedy")
    books.close()


async def test_who_leaves_keeps_its_turn_until_its_question_is_over(ledger: Path) -> None:
    """Else asking and leaving, over and over, would fill the readers."""
    books, go, order = Books(ledger), Event(), list[str]()

    def wait(_: SqliteLedger) -> str:
        go.wait(20)
        order.append("left")
        return "left"

    leaving = await asyncio.create_task(_asked(books, "greedy", wait, 4))
    await asyncio.sleep(0.05)
    for one in leaving:
        one.cancel()
    await asyncio.sleep(0)
    assert books._turns.asked == 2  # pyright: ignore[reportPrivateUsage]
    go.set()
    await asyncio.gather(*leaving, return_exceptions=True)
    assert all(one.cancelled() for one in leaving)
    assert order == ["left", "left"]  # those that had no reader yet were never asked
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
