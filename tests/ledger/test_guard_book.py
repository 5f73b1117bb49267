"""What the guard remembers: tasks and their marks, questions and their answers, events."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tollway.errors import TollwayError
from tollway.guard.event import Evidence, SecurityEvent
from tollway.guard.ocsf import ocsf
from tollway.ledger.guarded.approvals import Approvals, CrowdedError, Question
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook, GuardBookError
from tollway.ledger.guarded.events import Events, Teller
from tollway.ledger.guarded.tasks import Tasks

ASKED = Question("d1", "tool", "send a mail to bob@example.com", "acme", "t1", {"tool": "send"})
DENIED = SecurityEvent(
    1000.5, "traffic", "denied", "an API key", "chat", "acme", evidence=(Evidence("aws", "secret"),)
)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[GuardBook]:
    book = GuardBook(tmp_path / "state" / GUARD_BOOK)
    yield book
    book.close()


def test_only_its_owner_may_read_it(book: GuardBook) -> None:
    assert stat.S_IMODE(book.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(book.path.parent.stat().st_mode) == 0o700


def test_a_file_of_something_else_and_a_newer_book_are_refused(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("these are just words, and a good many of them" * 40)
    with pytest.raises(GuardBookError, match="cannot be used"):
        GuardBook(tmp_path / "words")
    book = GuardBook(tmp_path / GUARD_BOOK)
    with book.change() as db:
        db.execute("PRAGMA user_version = 99")
    book.close()
    with pytest.raises(GuardBookError, match="version 99"):
        GuardBook(tmp_path / GUARD_BOOK)


def test_a_task_is_known_by_its_token_until_it_ends(book: GuardBook) -> None:
    tasks = Tasks(book)
    task, token = tasks.open("acme", 100.0, 60.0, "pay the rent", "key12345")
    assert tasks.recognise(token.encode(), 101.0) == task
    assert token.encode() not in book.path.read_bytes()
    for wrong in (b"", b"tt_", token.encode()[:-1] + b"!", token.encode() + b"x", b"\xff" * 300):
        assert tasks.recognise(wrong, 101.0) is None
    assert tasks.recognise(token.encode(), 160.0) is None
    assert tasks.find(task.id, 101.0) == task
    assert tasks.close(task.id, 102.0)
    assert not tasks.close(task.id, 103.0)
    assert tasks.recognise(token.encode(), 103.0) is None
    assert tasks.find(task.id, 103.0) is None
    assert [it.closed for it in tasks.all()] == [102.0]


def test_a_mark_is_never_taken_back(book: GuardBook) -> None:
    tasks = Tasks(book)
    tasks.mark("t1", "untrusted", "read_mail", 2.0)
    tasks.mark("t1", "untrusted", "fetch", 1.0)
    tasks.mark("t1", "untrusted", "read_mail", 3.0)
    assert tasks.marks("t1") == {"untrusted": ("fetch", "read_mail")}
    assert tasks.marks("t2") == {}


def test_silence_denies(book: GuardBook) -> None:
    approvals = Approvals(book)
    one = approvals.ask(ASKED, 100.0)
    assert one.state(699.0) == "pending"
    assert one.state(700.0) == "silent"
    assert not approvals.take(one.id, 650.0)
    with pytest.raises(TollwayError, match="nobody answered in time"):
        approvals.decide(one.id, True, "ann", 700.0)


def test_who_asks_the_same_again_gets_the_same_question(book: GuardBook) -> None:
    approvals = Approvals(book)
    one = approvals.ask(ASKED, 100.0)
    assert approvals.ask(ASKED, 200.0).id == one.id
    assert approvals.ask(replace(ASKED, digest="d2"), 200.0).id != one.id
    assert approvals.ask(ASKED, 701.0).id != one.id


def test_an_approval_is_used_up_and_names_who_gave_it(book: GuardBook) -> None:
    approvals = Approvals(book)
    one = approvals.ask(ASKED, 100.0)
    decided = approvals.decide(one.id, True, "ann", 110.0, "seen the mail")
    assert (decided.who, decided.note, decided.state(111.0)) == ("ann", "seen the mail", "granted")
    with pytest.raises(TollwayError, match="granted already"):
        approvals.decide(one.id, False, "bob", 111.0)
    assert approvals.take(one.id, 112.0)
    assert not approvals.take(one.id, 113.0)
    assert approvals.ask(ASKED, 114.0).id != one.id


def test_an_approval_ends_with_its_time_and_by_hand(book: GuardBook) -> None:
    approvals = Approvals(book)
    often = replace(ASKED, uses=None)
    one = approvals.ask(often, 100.0)
    approvals.decide(one.id, True, "ann", 110.0)
    assert approvals.take(one.id, 111.0)
    assert approvals.take(one.id, 3709.0)
    assert not approvals.take(one.id, 3710.0)
    two = approvals.ask(often, 4000.0)
    approvals.decide(two.id, True, "ann", 4001.0)
    assert approvals.end(two.id)
    assert not approvals.take(two.id, 4002.0)


def test_a_denial_stands_and_an_unknown_id_is_helped(book: GuardBook) -> None:
    approvals = Approvals(book)
    one = approvals.ask(ASKED, 100.0)
    approvals.decide(one.id, False, "ann", 110.0)
    assert approvals.ask(ASKED, 3000.0).state(3000.0) == "denied"
    assert approvals.ask(ASKED, 3710.0).state(3710.0) == "pending"
    with pytest.raises(TollwayError, match="is not the id of one"):
        approvals.decide("ap_nope", True, "ann", 110.0)


def test_only_so_many_questions_of_one_tenant_wait(book: GuardBook) -> None:
    approvals = Approvals(book)
    for number in range(3):
        approvals.ask(replace(ASKED, digest=f"d{number}", most=3), 100.0)
    assert approvals.ask(replace(ASKED, digest="d1", most=3), 101.0).state(101.0) == "pending"
    with pytest.raises(CrowdedError, match="3 questions of this tool wait"):
        approvals.ask(replace(ASKED, digest="d9", most=3), 101.0)
    approvals.ask(replace(ASKED, digest="d9", most=3, tenant="other"), 101.0)
    approvals.ask(replace(ASKED, digest="d9", most=3), 800.0)


def test_a_second_process_sees_what_the_first_decided(book: GuardBook) -> None:
    one = Approvals(book).ask(ASKED, 100.0)
    other = GuardBook(book.path)
    Approvals(other).decide(one.id, True, "ann", 110.0)
    assert Approvals(book).take(one.id, 111.0)
    assert not Approvals(other).take(one.id, 111.0)
    other.close()


def test_events_are_kept_in_order_and_as_ocsf(book: GuardBook, tmp_path: Path) -> None:
    lines = tmp_path / "events.jsonl"
    teller = Teller(book, pytest.fail, lines)
    for number in range(50):
        teller.tell(replace(DENIED, task=f"t{number % 2}", words=str(number)))
    teller.close()
    kept = Events(book).read()
    assert [it.words for _, it in kept] == [str(number) for number in range(50)]
    assert len(Events(book).read(task="t1")) == 25
    assert [n for n, _ in Events(book).last(3)] == [48, 49, 50]
    told = [msgspec.json.decode(line) for line in lines.read_bytes().splitlines()]
    assert [it["message"] for it in told] == [str(number) for number in range(50)]
    assert stat.S_IMODE(lines.stat().st_mode) == 0o600


def test_events_that_cannot_be_kept_are_said_once(book: GuardBook) -> None:
    said: list[str] = []
    book.close()
    teller = Teller(book, said.append)
    teller.tell(DENIED)
    teller.close()
    assert len(said) == 1
    assert "security events are lost" in said[0]


def test_what_one_process_writes_outlasts_another_that_opens_and_closes_the_book(
    book: GuardBook,
) -> None:
    Events(book).add([DENIED])
    GuardBook(book.path)  # a second one of this process, as a gateway's doors have
    program = "import sys, pathlib; from tollway.ledger.guarded.book import GuardBook as B; "
    program += "B(pathlib.Path(sys.argv[1])).close()"
    subprocess.run([sys.executable, "-c", program, str(book.path)], check=True)
    Events(book).add([DENIED])
    other = GuardBook(book.path)
    assert len(Events(other).read()) == 2
    other.close()
    count = "import sys, sqlite3; print(sqlite3.connect(sys.argv[1]).execute("
    count += "'SELECT count(*) FROM events').fetchone()[0])"
    told = subprocess.run(
        [sys.executable, "-c", count, str(book.path)], check=True, capture_output=True, text=True
    )
    assert told.stdout == "2\n"


def test_an_event_in_ocsf_says_class_action_and_what_was_found() -> None:
    told = ocsf(DENIED)
    assert (told["class_uid"], told["type_uid"], told["category_uid"]) == (2006, 200601, 2)
    assert (told["action"], told["disposition"], told["severity"]) == ("Denied", "Blocked", "High")
    assert told["time"] == 1_000_500
    assert told["finding_info"]["types"] == ["aws"]
    assert told["data_security"]["detection_pattern"] == "aws"
    assert ocsf(replace(DENIED, concern="tool"))["class_uid"] == 2004
