"""The writer thread, over a store that does as it is told."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import pytest
from ledger_records import Told, Turns, reserve, settle

from tollway.dispatch.messages import Reserve, Settle
from tollway.errors import TollwayError
from tollway.ledger.journal import HALF, Journal
from tollway.ledger.query import UsageQuery
from tollway.ledger.records import Batch, read_records
from tollway.ledger.sqlite import open_for_gateway, open_reader
from tollway.ledger.writer import LedgerWriter, Pace, SettleHeldError

QUICK = Pace(gather=0.0, first_retry=0.001, last_retry=0.002)
PATIENCE = 10.0


class Store:
    """Books into lists; waits at the gate, and fails while `broken`."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.booked: list[Reserve | Settle] = []
        self.gate = Event()
        self.gate.set()
        self.entered: SimpleQueue[int] = SimpleQueue()
        self.broken: Exception | None = None
        self.checkpoints = 0

    def take(self, batch: Batch) -> None:
        self.entered.put(len(batch))
        assert self.gate.wait(PATIENCE)
        if self.broken is not None:
            raise self.broken
        items = batch.items()
        self.batches.append([item.request for item in items])
        self.booked += items

    def checkpoint(self) -> None:
        self.checkpoints += 1


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def loop() -> Turns:
    return Turns()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal")
    yield journal
    journal.close()


@pytest.fixture
def writer(store: Store, loop: Turns, journal: Journal) -> Iterator[LedgerWriter]:
    writer = LedgerWriter(store, journal, loop, QUICK)
    writer.start()
    yield writer
    store.broken = None
    store.gate.set()
    writer.stop(PATIENCE)
    writer.join()


def close(writer: LedgerWriter, timeout: float = PATIENCE) -> int:
    writer.stop(timeout)
    return writer.join()


def test_a_reservation_is_safe_when_it_is_reported(
    writer: LedgerWriter, store: Store, journal: Journal
):
    told = Told()
    store.gate.clear()
    told.add("a", writer.submit(reserve("a")))
    assert told.told == [("a", None)]
    assert read_records(journal.records()) == [reserve("a")]


def test_what_gathers_is_booked_together(writer: LedgerWriter, store: Store, loop: Turns):
    store.gate.clear()
    writer.submit(reserve("first"))
    loop.turn()
    store.entered.get(timeout=PATIENCE)
    for number in range(50):
        writer.submit(reserve(f"r{number}"))
    assert writer.pending == 51
    store.gate.set()
    loop.until(lambda: not writer.pending)
    assert [len(batch) for batch in store.batches] == [1, 50]


def test_what_is_booked_leaves_the_journal(writer: LedgerWriter, journal: Journal, loop: Turns):
    for number in range(20):
        writer.submit(reserve(f"r{number}"))
        writer.submit(settle(f"r{number}"))
    loop.until(lambda: not writer.pending and not journal.records())


def test_a_reservation_that_does_not_fit_is_refused_and_nothing_of_it_kept(
    writer: LedgerWriter, journal: Journal
):
    told = Told()
    for name, changes in (
        ("money", {"amount": 2**62}),
        ("tokens", {"output_tokens": 2**70}),
        ("text", {"tag": "\ud800"}),
    ):
        told.add(name, writer.submit(reserve(name, **changes)))
    assert [type(why) for _, why in told.told] == [ValueError, OverflowError, UnicodeEncodeError]
    assert journal.records() == []
    assert writer.pending == 0


def test_a_settlement_that_no_journal_takes_is_held_and_booked(
    writer: LedgerWriter, store: Store, loop: Turns
):
    told = Told()
    told.add("odd", writer.submit(settle("odd", cost=2**70)))
    loop.until(lambda: not writer.pending)
    assert [type(why) for _, why in told.told] == [SettleHeldError]
    assert [item.request for item in store.booked] == ["odd"]


def test_while_the_store_is_down_reservations_fail_and_settlements_are_held_and_booked_later(
    writer: LedgerWriter, store: Store, loop: Turns
):
    told = Told()
    store.broken = OSError("disk full")
    told.add("safe", writer.submit(reserve("safe")))
    loop.until(lambda: writer.down is not None)
    told.add("r", writer.submit(reserve("r")))
    told.add("s", writer.submit(settle("s")))
    assert [(name, type(why)) for name, why in told.told] == [
        ("safe", type(None)),
        ("r", OSError),
        ("s", SettleHeldError),
    ]
    assert writer.pending == 2
    store.broken = None
    loop.until(lambda: not writer.pending and writer.down is None)
    told.add("later", writer.submit(reserve("later")))
    assert close(writer) == 0
    assert [item.request for item in store.booked] == ["safe", "s", "later"]


def test_a_settlement_takes_the_facts_of_its_failed_reservation_along(tmp_path: Path):
    loop, ledger = Turns(), open_for_gateway(tmp_path / "ledger.sqlite")
    booking = ledger.take
    broken = True

    def take(batch: Batch) -> None:
        if broken:
            raise OSError("disk full")
        booking(batch)

    ledger.take = take  # pyright: ignore[reportAttributeAccessIssue]
    writer = LedgerWriter(ledger, ledger.journal, loop, QUICK)
    writer.start()
    writer.submit(settle("other"))
    loop.until(lambda: writer.down is not None)
    writer.submit(reserve())
    writer.submit(settle(cost=0, outcome="cancelled"))
    assert writer.pending == 3
    broken = False
    assert close(writer) == 0
    rows = ledger.usage(UsageQuery(by=("tenant", "key"))).rows
    assert [row.group for row in rows] == [(None, None), ("demo", "key00001")]
    ledger.close()


def test_the_next_try_waits_longer_each_time_up_to_a_bound(
    store: Store, loop: Turns, journal: Journal
):
    writer = LedgerWriter(store, journal, loop, Pace(gather=0.0, first_retry=60.0))
    writer.start()
    store.broken = OSError("disk full")
    writer.submit(settle("a"))
    loop.until(lambda: writer.down is not None)
    for name in ("b", "c"):
        writer.submit(settle(name))
    assert store.entered.qsize() == 1
    assert writer.pending == 3
    assert close(writer, 0.0) == 3
    assert len(journal.records()) == 1, "what came after the failure is held in memory"


def test_what_was_not_booked_at_the_end_is_booked_by_the_next_gateway(tmp_path: Path):
    path = tmp_path / "ledger.sqlite"
    ledger = open_for_gateway(path)
    ledger.take = _disk_full  # pyright: ignore[reportAttributeAccessIssue]
    writer = LedgerWriter(ledger, ledger.journal, Turns(), QUICK)
    writer.start()
    for number in range(3):
        writer.submit(reserve(f"r{number}"))
        writer.submit(settle(f"r{number}"))
    assert close(writer, 0.0) == 6
    ledger.close()
    again = open_for_gateway(path)
    assert again.usage(UsageQuery()).total.completed == 3
    assert again.journal.records() == []
    again.close()


def _disk_full(_: Batch) -> None:
    raise OSError("disk full")


def test_closing_books_everything_that_was_submitted(store: Store, loop: Turns, journal: Journal):
    writer = LedgerWriter(store, journal, loop, Pace(gather=60.0))
    writer.start()
    for number in range(95):
        writer.submit(settle(f"r{number}"))
    assert close(writer) == 0
    assert len(store.booked) == 95
    assert store.checkpoints == 1
    assert journal.records() == []


def test_nothing_can_be_submitted_after_closing(writer: LedgerWriter):
    close(writer)
    with pytest.raises(TollwayError, match="closed"):
        writer.submit(reserve())


def test_a_closed_loop_loses_no_settlement(store: Store, journal: Journal):
    class Closed(Turns):
        def call_soon_threadsafe(self, callback: object, *args: object) -> None:
            raise RuntimeError("Event loop is closed")

    writer = LedgerWriter(store, journal, Closed(), QUICK)
    writer.start()
    writer.submit(settle("a"))
    writer.submit(settle("b"))
    assert close(writer) == 0
    assert len(store.booked) == 2


def test_a_crowded_journal_is_not_waited_for(store: Store, loop: Turns, journal: Journal):
    writer = LedgerWriter(store, journal, loop, Pace(gather=60.0))
    writer.start()
    count = 0
    while not store.entered.qsize() and count < HALF:
        writer.submit(reserve(f"r{count}"))
        count += 1
    loop.until(lambda: writer.pending < count)
    assert close(writer) == 0


def test_a_full_journal_refuses_reservations_and_holds_settlements(
    store: Store, loop: Turns, tmp_path: Path
):
    journal = Journal(tmp_path / "small", half=2000)
    writer = LedgerWriter(store, journal, loop, QUICK)
    writer.start()
    store.gate.clear()
    told = Told()
    for number in range(40):
        told.add(f"r{number}", writer.submit(reserve(f"r{number}")))
        told.add(f"s{number}", writer.submit(settle(f"r{number}")))
    refused = [name for name, why in told.told if isinstance(why, TollwayError)]
    assert "r39" in refused
    assert "s39" in refused
    assert ("r0", None) in told.told
    store.gate.set()
    assert close(writer) == 0
    assert {item.request for item in store.booked if isinstance(item, Settle)} == {
        f"r{number}" for number in range(40)
    }
    journal.close()


def test_a_reader_sees_what_was_safe_when_it_opened(tmp_path: Path):
    path = tmp_path / "ledger.sqlite"
    with closing(open_for_gateway(path)) as ledger:
        loop = Turns()
        writer = LedgerWriter(ledger, ledger.journal, loop, Pace(gather=0.01))
        writer.start()
        writer.submit(reserve())
        writer.submit(settle())
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(lambda: _completed(path))
            loop.until(lambda: not ledger.journal.records())
            assert reading.result(PATIENCE) == 1
        assert close(writer) == 0


def _completed(path: Path) -> int:
    with closing(open_reader(path)) as reader:
        return reader.usage(UsageQuery()).total.completed


def test_the_log_is_folded_in_after_so_many_items(store: Store, loop: Turns, journal: Journal):
    writer = LedgerWriter(store, journal, loop, Pace(gather=0.0, checkpoint=10))
    writer.start()
    for number in range(10):
        writer.submit(reserve(f"r{number}"))
    loop.until(lambda: not writer.pending)
    close(writer)
    assert store.checkpoints == 2
