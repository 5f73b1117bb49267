"""The writer thread, over a store that does as it is told."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import pytest
from ledger_records import Told, reserve, settle

from tollway.dispatch.messages import Reserve, Settle
from tollway.errors import TollwayError
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_for_gateway
from tollway.ledger.writer import LedgerWriter, Pace, Report, SettleHeldError

QUICK = Pace(spacing=0.0, first_retry=0.001, last_retry=0.002)
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
        self.misfits: set[str] = set()
        self.checkpoints = 0

    def book(self, items: Sequence[Reserve | Settle]) -> dict[int, Exception]:
        self.entered.put(len(items))
        assert self.gate.wait(PATIENCE)
        if self.broken is not None:
            raise self.broken
        bad = [at for at, item in enumerate(items) if item.request in self.misfits]
        self.batches.append([item.request for item in items])
        self.booked += [item for at, item in enumerate(items) if at not in bad]
        return {at: ValueError("does not fit") for at in bad}

    def checkpoint(self) -> None:
        self.checkpoints += 1


class Loop:
    """Stands for the event loop: runs what it was handed when it is asked to."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[tuple[Callable[[Report], None], Report]] = SimpleQueue()

    def call_soon(self, function: Callable[[Report], None], report: Report) -> None:
        self.calls.put((function, report))

    def turn(self) -> int:
        """Wait for one call, make it, and say how many items it reported."""
        function, report = self.calls.get(timeout=PATIENCE)
        function(report)
        return len(report)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def writer(store: Store, loop: Loop) -> Iterator[LedgerWriter]:
    writer = LedgerWriter(store, loop.call_soon, QUICK)
    writer.start()
    yield writer
    store.broken = None
    store.gate.set()
    writer.close(PATIENCE)


def test_what_waits_is_committed_together_and_reported_in_one_call(
    writer: LedgerWriter, store: Store, loop: Loop
):
    told = Told()
    store.gate.clear()
    writer.submit(reserve("first"), told.to("first"))
    store.entered.get(timeout=PATIENCE)
    for number in range(50):
        writer.submit(reserve(f"r{number}"), told.to(f"r{number}"))
    assert writer.pending == 51
    store.gate.set()
    assert (loop.turn(), loop.turn()) == (1, 50)
    assert [len(batch) for batch in store.batches] == [1, 50]
    assert told.told == [(name, None) for name in ["first", *(f"r{n}" for n in range(50))]]
    assert writer.pending == 0


def test_a_reservation_is_reported_only_after_its_commit(
    writer: LedgerWriter, store: Store, loop: Loop
):
    store.gate.clear()
    writer.submit(reserve(), Told().to("r1"))
    store.entered.get(timeout=PATIENCE)
    assert loop.calls.empty()
    store.gate.set()
    loop.turn()
    assert [item.request for item in store.booked] == ["r1"]


def test_an_item_that_does_not_fit_is_reported_alone(
    writer: LedgerWriter, store: Store, loop: Loop
):
    told = Told()
    store.misfits = {"bad"}
    store.gate.clear()
    writer.submit(reserve("zero"), told.to("zero"))
    store.entered.get(timeout=PATIENCE)
    for name in ("a", "bad", "b"):
        writer.submit(settle(name), told.to(name))
    store.gate.set()
    loop.turn()
    loop.turn()
    assert [(name, type(why)) for name, why in told.told] == [
        ("zero", type(None)),
        ("a", type(None)),
        ("bad", ValueError),
        ("b", type(None)),
    ]


def test_while_the_store_is_down_reservations_fail_and_settlements_are_held_and_booked_later(
    writer: LedgerWriter, store: Store, loop: Loop
):
    told = Told()
    store.broken = OSError("disk full")
    writer.submit(reserve("r"), told.to("r"))
    loop.turn()
    writer.submit(settle("s"), told.to("s"))
    loop.turn()
    assert [(name, type(why)) for name, why in told.told] == [
        ("r", OSError),
        ("s", SettleHeldError),
    ]
    assert writer.pending == 1
    assert writer.down is store.broken
    store.broken = None
    writer.submit(reserve("later"), told.to("later"))
    while not store.booked:
        store.entered.get(timeout=PATIENCE)
    assert writer.close(PATIENCE) == 0
    assert [item.request for item in store.booked if isinstance(item, Settle)] == ["s"]
    assert [name for name, _ in told.told] == ["r", "s"]


def test_a_settlement_takes_the_facts_of_its_failed_reservation_along(tmp_path: Path):
    loop, ledger = Loop(), open_for_gateway(tmp_path / "ledger.sqlite")
    booking = ledger.book
    broken = True

    def book(items: Sequence[Reserve | Settle]) -> dict[int, Exception]:
        if broken:
            raise OSError("disk full")
        return booking(items)

    ledger.book = book  # pyright: ignore[reportAttributeAccessIssue]
    writer = LedgerWriter(ledger, loop.call_soon, QUICK)
    writer.start()
    writer.submit(reserve(), lambda _: None)
    writer.submit(settle(cost=0, outcome="cancelled"), lambda _: None)
    while writer.pending != 1 or not loop.calls.empty():
        loop.turn()
    broken = False
    assert writer.close(PATIENCE) == 0
    (row,) = ledger.usage(UsageQuery(by=("tenant", "key"))).rows
    assert row.group == ("demo", "key00001")
    ledger.close()


def test_the_next_try_waits_longer_each_time_up_to_a_bound(store: Store, loop: Loop):
    writer = LedgerWriter(store, loop.call_soon, Pace(first_retry=60.0))
    writer.start()
    store.broken = OSError("disk full")
    for name in ("a", "b", "c"):
        writer.submit(settle(name), lambda _: None)
        loop.turn()
    assert store.entered.qsize() == 1
    assert writer.pending == 3
    assert writer.close(0.0) == 3


def test_closing_books_everything_that_was_submitted(store: Store, loop: Loop):
    writer = LedgerWriter(store, loop.call_soon, Pace(spacing=0.05, batch=10))
    writer.start()
    for number in range(95):
        writer.submit(settle(f"r{number}"), lambda _: None)
    assert writer.close(PATIENCE) == 0
    assert len(store.booked) == 95
    assert max(map(len, store.batches)) <= 10
    assert store.checkpoints == 1


def test_nothing_can_be_submitted_after_closing(writer: LedgerWriter):
    writer.close(PATIENCE)
    with pytest.raises(TollwayError, match="closed"):
        writer.submit(reserve(), lambda _: None)


def test_a_closed_loop_loses_no_settlement(store: Store):
    def closed(*_: object) -> None:
        raise RuntimeError("Event loop is closed")

    writer = LedgerWriter(store, closed, QUICK)
    writer.start()
    writer.submit(settle("a"), lambda _: None)
    writer.submit(settle("b"), lambda _: None)
    assert writer.close(PATIENCE) == 0
    assert len(store.booked) == 2


def test_one_callback_that_raises_keeps_nothing_from_the_others(
    writer: LedgerWriter, store: Store, loop: Loop
):
    told = Told()
    store.gate.clear()
    writer.submit(reserve("zero"), told.to("zero"))
    store.entered.get(timeout=PATIENCE)

    def raising(_: Exception | None) -> None:
        raise KeyError("a bug")

    writer.submit(reserve("a"), raising)
    writer.submit(reserve("b"), told.to("b"))
    store.gate.set()
    loop.turn()
    with pytest.raises(ExceptionGroup):
        loop.turn()
    assert told.told == [("zero", None), ("b", None)]


def test_the_log_is_folded_in_after_so_many_items_and_after_their_report(store: Store, loop: Loop):
    writer = LedgerWriter(store, loop.call_soon, Pace(spacing=0.0, checkpoint=10))
    writer.start()
    for number in range(10):
        writer.submit(reserve(f"r{number}"), lambda _: None)
    reported = 0
    while reported < 10:
        reported += loop.turn()
    writer.close(PATIENCE)
    assert store.checkpoints == 2
