"""A gateway's death at any moment: what was reported is in the books, once."""

import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from ledger_records import NOON

from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_for_gateway, open_reader

LIVES = 12


def live_and_die(path: Path, life: int, lines: int) -> list[str]:
    """Run until `lines` lines were reported, kill, and return all that was reported."""
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("crashing.py")), str(path), f"life{life}"],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    with child, child.stdout:
        seen = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        seen += child.stdout.readlines()
    # The kill may have cut the last line.
    return [line.decode().strip() for line in seen if line.endswith(b"\n")]


def test_whatever_was_reported_before_a_kill_is_booked_exactly_once(tmp_path: Path):
    path = tmp_path / "ledger.sqlite"
    reserved: set[str] = set()
    settled: set[str] = set()
    for life in range(LIVES):
        for line in live_and_die(path, life, random.randrange(1, 400)):
            word, name = line.split()
            if word == "reserved":
                reserved.add(name)
            elif word == "settled":
                assert name not in settled
                settled.add(name)
        open_reader(path).close()  # books what the journal has
        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            open_now = {name for (name,) in db.execute("SELECT request FROM reservations")}
            booked = [name for (name,) in db.execute("SELECT request FROM requests")]
        db.close()
        assert len(booked) == len(set(booked))
        assert not open_now & set(booked)
        assert reserved <= open_now | set(booked)
        assert settled <= set(booked)

    ledger = open_for_gateway(path)
    left = ledger.usage(UsageQuery()).open_count
    reconciled = ledger.reconcile(NOON)
    assert (reconciled.count, reconciled.amount) == (left, left * 1_000_000)
    report = ledger.usage(UsageQuery())
    exact = ledger.usage(UsageQuery(by=("hour",)))
    assert report.open_count == 0
    assert report.total == exact.total
    assert report.total.completed >= len(settled)
    assert report.total.cost == report.total.completed + 1_000_000 * report.total.abandoned
    ledger.close()
    assert len(reserved) > LIVES
