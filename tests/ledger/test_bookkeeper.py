"""The process that books: as good as booking here, and gone with its gateway."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest
from ledger_records import reserve, settle, unjournalled

from tollway.ledger.bookkeeper import Bookkeeper
from tollway.ledger.query import UsageQuery
from tollway.ledger.records import Batch, encode
from tollway.ledger.sqlite import SqliteLedger, open_for_gateway, open_reader
from tollway.ledger.store import LedgerUnavailableError

GATEWAY = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from ledger_records import reserve, unjournalled
from tollway.ledger.bookkeeper import Bookkeeper
from tollway.ledger.sqlite import open_for_gateway
bookkeeper = Bookkeeper(open_for_gateway(Path({path!r})))
bookkeeper.take(unjournalled(reserve()))
print(bookkeeper.pid, flush=True)
time.sleep(60)
"""


def settled(path: Path) -> int:
    with closing(open_reader(path)) as reader:
        return reader.usage(UsageQuery()).total.requests


@pytest.fixture
def ledger(tmp_path: Path):
    with closing(open_for_gateway(tmp_path / "ledger.sqlite")) as ledger:
        yield ledger


def test_what_it_is_handed_is_in_the_books(ledger: SqliteLedger):
    with closing(Bookkeeper(ledger)) as bookkeeper:
        items = [*(reserve(f"r{n}") for n in range(300)), *(settle(f"r{n}") for n in range(300))]
        bookkeeper.take(unjournalled(*items))
        bookkeeper.checkpoint()
        assert settled(ledger.path) == 300
        bookkeeper.take(unjournalled())


def test_records_are_handed_over_as_the_journal_has_them(ledger: SqliteLedger):
    for n in range(300):
        ledger.journal.append(encode(reserve(f"r{n}")))
        ledger.journal.append(encode(settle(f"r{n}")))
    batch = Batch([settle("held")], ledger.journal.turn())
    assert len(batch) == 601
    with closing(Bookkeeper(ledger)) as bookkeeper:
        bookkeeper.take(batch)
        ledger.journal.clear()
        assert settled(ledger.path) == 301


def test_what_cannot_be_handed_over_is_kept_in_words_and_the_rest_is_booked(ledger: SqliteLedger):
    with closing(Bookkeeper(ledger)) as bookkeeper:
        bookkeeper.take(
            unjournalled(settle("a"), settle("odd", cost=2**70), settle("b"), settle(code="\ud800"))
        )
        assert settled(ledger.path) == 2
    kept = ledger._db.execute("SELECT count(*) FROM unbooked").fetchone()[0]  # pyright: ignore[reportPrivateUsage]
    assert kept == 2


def test_an_item_that_does_not_fit_costs_no_other(ledger: SqliteLedger):
    with closing(Bookkeeper(ledger)) as bookkeeper:
        bookkeeper.take(unjournalled(settle("a"), settle("bad", cost=2**63), settle("b")))
        assert settled(ledger.path) == 2


def test_one_that_dies_is_a_failed_transaction_and_is_replaced(ledger: SqliteLedger):
    with closing(Bookkeeper(ledger)) as bookkeeper:
        bookkeeper.take(unjournalled(reserve()))
        assert bookkeeper.pid is not None
        os.kill(bookkeeper.pid, signal.SIGKILL)
        with pytest.raises(LedgerUnavailableError, match="started again"):
            bookkeeper.take(unjournalled(settle()))
        bookkeeper.take(unjournalled(settle()))
        assert settled(ledger.path) == 1


def test_a_transaction_that_fails_says_why(ledger: SqliteLedger):
    with closing(Bookkeeper(ledger)) as bookkeeper:
        bookkeeper.take(unjournalled(reserve()))
        ledger._db.execute("DROP TABLE reservations")  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(LedgerUnavailableError, match="no such table"):
            bookkeeper.take(unjournalled(reserve("r2")))


def test_it_has_no_secrets_and_ends_with_its_gateway_and_not_before(tmp_path: Path):
    path = tmp_path / "ledger.sqlite"
    code = GATEWAY.format(tests=str(Path(__file__).parent), path=str(path))
    gateway = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env={**os.environ, "PROVIDER_KEY": "sk-secret"},
    )
    with gateway:
        assert gateway.stdout is not None
        pid = int(gateway.stdout.readline())
        assert b"sk-secret" not in Path(f"/proc/{pid}/environ").read_bytes()
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        assert Path(f"/proc/{pid}").exists()
        gateway.kill()
    with closing(open_for_gateway(path)) as again:
        assert again.reconcile(1_800_014_400.0).count == 1
    give_up = monotonic() + 10
    while Path(f"/proc/{pid}").exists() and monotonic() < give_up:
        sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()
