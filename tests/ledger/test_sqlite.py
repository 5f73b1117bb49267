"""What only the SQLite store promises: files, locks, schemas, full disks."""

import sqlite3
import stat
from pathlib import Path

import pytest
from ledger_records import NOON, Told, Turns, reserve, settle

from tollway.errors import TollwayError
from tollway.ledger import labels, rolling, rows
from tollway.ledger.lock import LedgerInUseError
from tollway.ledger.migrate import WrongSchemaError, migrations
from tollway.ledger.query import UsageQuery
from tollway.ledger.records import Batch
from tollway.ledger.ring import KeyRing
from tollway.ledger.sqlite import open_for_gateway, open_for_keys, open_reader
from tollway.ledger.store import LedgerUnavailableError
from tollway.ledger.writer import LedgerWriter, Pace, SettleHeldError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.sqlite"


def test_only_one_gateway_holds_a_ledger(path: Path):
    first = open_for_gateway(path)
    with pytest.raises(LedgerInUseError) as refused:
        open_for_gateway(path)
    assert f"{path}.lock" in str(refused.value)
    assert "tollway down" in str(refused.value)
    first.close()
    open_for_gateway(path).close()


def test_a_refused_gateway_leaves_the_lock_with_its_holder(path: Path):
    first = open_for_gateway(path)
    for _ in range(2):
        with pytest.raises(LedgerInUseError):
            open_for_gateway(path)
    first.close()


def test_what_holds_money_and_keys_is_for_its_owner_alone(path: Path):
    ledger = open_for_gateway(path)
    ledger.book([reserve()])
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert {"ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite.lock"} <= set(modes)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    ledger.close()


def test_readers_and_keys_work_beside_a_live_gateway(path: Path):
    gateway = open_for_gateway(path)
    reader, keys = open_reader(path), open_for_keys(path)
    gateway.book([reserve(), settle(cost=5)])
    assert reader.usage(UsageQuery()).total.cost == 5
    ring = KeyRing(reader)
    assert not ring.changed()
    gateway.book([reserve("r2")])
    assert not ring.changed()
    assert not keys.revoke_key("nobody", NOON)
    for ledger in (reader, keys, gateway):
        ledger.close()


def test_a_reader_cannot_write(path: Path):
    open_for_gateway(path).close()
    reader = open_reader(path)
    with pytest.raises(LedgerUnavailableError):
        reader.book([reserve()])
    reader.close()


def test_a_missing_ledger_is_named_and_not_made_by_a_reader(path: Path):
    with pytest.raises(TollwayError, match="no ledger here"):
        open_reader(path)
    assert not path.exists()


def test_a_newer_schema_is_refused_with_the_mend(path: Path):
    open_for_gateway(path).close()
    newer = migrations()[-1][0] + 1
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO schema_version VALUES (?)", (newer,))
    db.close()
    for opener in (open_for_gateway, open_reader, open_for_keys):
        with pytest.raises(WrongSchemaError, match=rf"schema {newer}.*Upgrade Tollway"):
            opener(path)


def test_a_database_of_something_else_is_left_as_it_is(path: Path):
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE invoices (id)")
    db.close()
    before = path.read_bytes()
    for opener in (open_for_gateway, open_reader, open_for_keys):
        with pytest.raises(WrongSchemaError, match="something else"):
            opener(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_as_it_is(path: Path):
    path.parent.mkdir()
    path.write_text("these are not the books\n" * 100)
    before = path.read_bytes()
    with pytest.raises(WrongSchemaError, match="cannot be read as a ledger"):
        open_for_gateway(path)
    assert path.read_bytes() == before


def test_migrations_are_numbered_without_a_gap():
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_full_disk_fails_the_batch_whole_and_the_next_one_after_the_mend_succeeds(path: Path):
    ledger = open_for_gateway(path)
    db = ledger._db  # pyright: ignore[reportPrivateUsage]
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 2}")
    batch = [reserve(f"r{number}", tag="x" * 60) for number in range(500)]
    with pytest.raises(LedgerUnavailableError, match="full"):
        ledger.book(batch)
    assert ledger.usage(UsageQuery()).open_count == 0
    db.execute("PRAGMA max_page_count = 1000000")
    assert ledger.book(batch) == {}
    assert ledger.usage(UsageQuery()).open_count == 500
    ledger.close()


def test_settlements_held_through_a_full_disk_are_booked_exactly_once(path: Path):
    ledger = open_for_gateway(path)
    db = ledger._db  # pyright: ignore[reportPrivateUsage]
    names = [f"r{number}" for number in range(300)]
    ledger.book([reserve(name) for name in names])
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 2}")
    failures, booking = [], ledger.take

    def take(batch: Batch) -> None:
        if len(failures) == 3:
            db.execute("PRAGMA max_page_count = 1000000")
        try:
            booking(batch)
        except LedgerUnavailableError as error:
            failures.append(error)
            raise

    ledger.take = take  # pyright: ignore[reportAttributeAccessIssue]
    told = Told()
    loop = Turns()
    writer = LedgerWriter(ledger, ledger.journal, loop, Pace(0.0, 0.001, 0.001))
    for name in names[:200]:
        told.add(name, writer.submit(settle(name, cost=1)))
    writer.start()
    loop.until(lambda: writer.down is not None)
    for name in names[200:]:
        told.add(name, writer.submit(settle(name, cost=1)))
    loop.until(lambda: not writer.pending)
    writer.stop(10.0)
    assert writer.join() == 0
    assert len(failures) == 3
    assert [name for name, _ in told.told] == names
    assert any(isinstance(why, SettleHeldError) for _, why in told.told)
    report = ledger.usage(UsageQuery(tenant="demo"))
    assert (report.total.requests, report.total.cost, report.open_count) == (300, 300, 0)
    ledger.close()


def test_a_folder_where_the_ledger_should_be_is_an_error_in_words(path: Path):
    path.mkdir(parents=True)
    for opener in (open_for_gateway, open_for_keys):
        with pytest.raises(LedgerUnavailableError, match="Is a directory"):
            opener(path)


def test_a_settlement_that_does_not_fit_is_kept_in_words(path: Path):
    ledger = open_for_gateway(path)
    for _ in range(2):
        ledger.book([settle("odd", cost=2**70, code="\ud800")])
    kept = ledger._db.execute("SELECT item, why FROM unbooked").fetchall()  # pyright: ignore[reportPrivateUsage]
    assert len(kept) == 1
    assert "odd" in kept[0][0]
    assert str(2**70) in kept[0][0]
    ledger.close()


def test_every_batch_size_is_booked_whole(path: Path):
    ledger = open_for_gateway(path)
    seen = 0
    for size in (1, 2, 3, 63, 64, 65, 127, 130):
        names = [f"r{size}-{number}" for number in range(size)]
        ledger.book([reserve(name) for name in names])
        ledger.book([settle(name, cost=1) for name in names])
        seen += size
        assert ledger.usage(UsageQuery(tenant="demo")).total.cost == seen
    ledger.close()


@pytest.mark.parametrize(
    "statement",
    [rows.asked_statement(2), rows.RESERVE, rows.SETTLE, rows.CLOSE, rolling.ROLL_UP, labels.FIND],
)
def test_booking_scans_no_table(path: Path, statement: str):
    ledger = open_for_gateway(path)
    db = ledger._db  # pyright: ignore[reportPrivateUsage]
    count = 10 if statement == rows.RESERVE else statement.count("?")
    plan = db.execute("EXPLAIN QUERY PLAN " + statement, [None] * count).fetchall()
    words = [line[3] for line in plan]
    assert {line for line in words if line.startswith("SCAN")} <= {
        "SCAN CONSTANT ROW",
        "SCAN added",
    }
    ledger.close()
