"""The journal: what it took is there again, whole, whatever became of its writer."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.ledger.journal import Journal, JournalFullError, turns_of

HALF = 512
steps = st.lists(st.one_of(st.binary(min_size=1, max_size=60), st.sampled_from(["turn", "clear"])))


def reopened(path: Path) -> list[bytes]:
    journal = Journal(path, HALF)
    try:
        return journal.records()
    finally:
        journal.close()


@given(steps)
def test_what_was_taken_and_not_cleared_is_there_again_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[bytes | str]
) -> None:
    path = tmp_path_factory.mktemp("j") / "journal"
    journal = Journal(path, HALF)
    older: list[bytes] = []
    newer: list[bytes] = []
    for step in steps:
        if step == "turn":
            if not older:
                journal.turn()
                older, newer = newer, []
        elif step == "clear":
            journal.clear_other()
            older = []
        else:
            assert isinstance(step, bytes)
            try:
                journal.append(step)
            except JournalFullError:
                continue
            newer.append(step)
        assert journal.records() == older + newer
    journal.close()
    assert reopened(path) == older + newer


@given(st.integers(0, HALF - 1), st.integers(1, 255))
def test_a_damaged_record_ends_what_is_believed(
    tmp_path_factory: pytest.TempPathFactory, at: int, flip: int
) -> None:
    path = tmp_path_factory.mktemp("j") / "journal"
    journal = Journal(path, HALF)
    written = [bytes([number]) * 20 for number in range(1, 10)]
    for record in written:
        journal.append(record)
    journal.close()
    data = bytearray(path.read_bytes())
    data[at] ^= flip
    path.write_bytes(data)
    found = reopened(path)
    assert found == written[: len(found)]
    if at >= 8 + 30 * len(written):
        assert found == written


def test_records_of_an_earlier_turn_do_not_come_back(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path, HALF)
    for record in (b"old one", b"old two", b"old six"):
        journal.append(record)
    journal.clear()
    assert turns_of(path) == (0, 0)
    journal.append(b"new one")
    journal.close()
    assert reopened(path) == [b"new one"]
    assert turns_of(path) == (2, 0)


def test_a_full_half_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", HALF)
    for _ in range(4):
        journal.append(b"x" * 100)
    with pytest.raises(JournalFullError, match="does not keep up"):
        journal.append(b"x" * 100)
    journal.append(b"y")
    assert journal.records() == [b"x" * 100] * 4 + [b"y"]
    journal.close()


def test_a_journal_is_for_its_owner_alone_and_as_large_as_it_will_ever_be(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    assert path.stat().st_mode & 0o777 == 0o600
    size = path.stat().st_blocks * 512
    journal.append(b"x" * 100_000)
    assert path.stat().st_blocks * 512 == size >= path.stat().st_size
    journal.close()


def test_no_journal_holds_nothing(tmp_path: Path) -> None:
    assert turns_of(tmp_path / "none") == (0, 0)
