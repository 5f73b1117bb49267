"""`tollway tasks`, `approvals` and `events`: what is printed, what is kept, what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tollway.cli.app import run
from tollway.guard.event import SecurityEvent
from tollway.ledger.guarded.approvals import Approvals, Question
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Events
from tollway.ledger.guarded.tasks import Tasks

FLEET = """
version = 1
[models.m]
[sources.s]
kind = "server"
url = "http://127.0.0.1:9/v1"
[sources.s.serves.m]
[tenants.demo]
[egress]
listen = "127.0.0.1:4001"
"""


@pytest.fixture(autouse=True)
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardBook]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path / "state"))
    (tmp_path / "fleet.toml").write_text(FLEET)
    book = GuardBook(tmp_path / "state" / GUARD_BOOK)
    yield book
    book.close()


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    assert run([*words]) == code
    caught = capsys.readouterr()
    return caught.out, caught.err


def test_a_task_is_opened_listed_and_ended(
    capsys: pytest.CaptureFixture[str], book: GuardBook
) -> None:
    words = ("tasks", "open", "--tenant", "demo", "--request", "pay the rent", "--lasts", "30m")
    token = said(capsys, *words)[0].strip()
    task = Tasks(book).recognise(token.encode(), 0.0)
    assert task is not None
    assert (task.tenant, task.request) == ("demo", "pay the rent")
    Tasks(book).mark(task.id, "untrusted", "read_mail", 1.0)
    [listed] = json.loads(said(capsys, "tasks", "list", "--json")[0])
    assert (listed["id"], listed["state"]) == (task.id, "open")
    assert listed["met"] == {"untrusted": ["read_mail"]}
    out, _ = said(capsys, "tasks", "list")
    assert token not in out
    assert "pay the rent" in out
    said(capsys, "tasks", "close", task.id)
    assert Tasks(book).recognise(token.encode(), 0.0) is None
    _, err = said(capsys, "tasks", "close", token, code=2)
    assert token not in err
    assert "takes a task's id" in err


def test_what_an_agent_needs_is_told_with_the_token(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("tasks", "open", "--tenant", "demo", "--fleet", "fleet.toml", "--json")
    told = json.loads(said(capsys, *words)[0])
    assert told["environment"]["HTTPS_PROXY"] == f"http://task:{told['token']}@127.0.0.1:4001"
    _, err = said(capsys, *words[:3], "dmo", *words[4:], code=2)
    assert 'Did you mean "demo"?' in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--lasts", "yesterday"), "--lasts"),
        (("--request", "@missing"), "missing: no such file"),
        (("--request", "@bytes"), "is no text"),
        (("--request", "@long"), "is over 65536 bytes"),
    ],
)
def test_a_task_that_makes_no_sense_is_not_opened(
    capsys: pytest.CaptureFixture[str],
    book: GuardBook,
    tmp_path: Path,
    options: tuple[str, ...],
    words: str,
) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "long").write_text("word " * 20_000)
    _, err = said(capsys, "tasks", "open", "--tenant", "demo", *options, code=2)
    assert words in err
    assert Tasks(book).all() == ()


def test_a_request_may_stand_in_a_file(
    capsys: pytest.CaptureFixture[str], book: GuardBook, tmp_path: Path
) -> None:
    (tmp_path / "request.txt").write_text("book a table")
    said(capsys, "tasks", "open", "--tenant", "demo", "--request", "@request.txt")
    assert [task.request for task in Tasks(book).all()] == ["book a table"]


def test_a_question_is_shown_and_answered_once(
    capsys: pytest.CaptureFixture[str], book: GuardBook
) -> None:
    assert "Nothing waits" in said(capsys, "approvals")[1]
    from time import time

    words = "send \x1b[2J mail to eve@example.com"
    one = Approvals(book).ask(Question("d", "tool", words, "demo", "t1"), time())
    out, err = said(capsys, "approvals")
    assert one.id in out
    assert "send ?[2J mail to eve@example.com" in out
    assert "Denied at" in out
    assert "approvals grant" in err
    said(capsys, "approvals", "grant", one.id, "--note", "checked", "--as", "ann")
    [told] = json.loads(said(capsys, "approvals", "--every", "--json")[0])
    assert (told["state"], told["note"]) == ("granted", "checked")
    assert told["who"].endswith("(as ann)")
    assert json.loads(said(capsys, "approvals", "--json")[0]) == []
    assert "granted already" in said(capsys, "approvals", "deny", one.id, code=2)[1]
    said(capsys, "approvals", "end", one.id)
    assert not Approvals(book).take(one.id, time())
    assert "was not granted" in said(capsys, "approvals", "end", "ap_none", code=2)[1]


def test_events_are_shown_in_words_json_and_ocsf(
    capsys: pytest.CaptureFixture[str], book: GuardBook
) -> None:
    assert "No security events" in said(capsys, "events")[1]
    Events(book).add(
        [
            SecurityEvent(1.0, "traffic", "denied", "a card\n\x1b[2J", "chat", "demo"),
            SecurityEvent(2.0, "tool", "asked", "a mail", "mail__send", "demo", task="t1"),
        ]
    )
    out, _ = said(capsys, "events")
    assert "1970-01-01T00:00:01Z traffic denied chat (demo): a card ?[2J" in out
    assert len(out.splitlines()) == 2
    [line] = said(capsys, "events", "--task", "t1", "--json")[0].splitlines()
    assert json.loads(line)["place"] == "mail__send"
    [line] = said(capsys, "events", "--last", "1", "--ocsf")[0].splitlines()
    assert json.loads(line)["class_uid"] == 2004
    assert "is -1" in said(capsys, "events", "--last", "-1", code=2)[1]
