"""`tollway runs`: the receipt of a run, put together from the books."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tollway.cli.app import run
from tollway.guard.event import SecurityEvent
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.connections import Connection, Connections
from tollway.ledger.guarded.events import Events
from tollway.ledger.guarded.runs import Ending, Exit, Run, Runs
from tollway.sandbox.hosts import this_host

ENDING = Ending(
    code=0,
    why="exit",
    words="",
    seconds=1.25,
    peak=5 << 20,
    printed=3,
    exits={"models": Exit(2, 1500, 90), "egress": Exit(0, 0, 0)},
    kept={"/here/report\x1b[2J.md": (1234, "ab" * 32)},
    refused={"out/link": "is a link"},
    digests={"python3": "cd" * 32},
)
RUN = Run(
    task="AbCd1234",
    tenant="acme",
    key="k1",
    request="tidy up\x07",
    argv=("python3", "agent.py", "\x1b]0;title\x07"),
    tier="ns",
    isolates=("files, by a mount namespace",),
    leaves_open=("the kernel is shared",),
    ground="ef" * 32,
    mounts=("/data:/data",),
    tools=None,
    limits={"memory": 1},
    ledger="/nowhere/ledger.sqlite",
    began=1_790_000_000.0,
    host=this_host(),
)
CONNECTION = Connection(
    1.0, 0.5, RUN.task, "acme", "api.example", 443, "192.0.2.7", "GET", "/x\x1b[1m", "denied",
    "no rule fits", None, None, ("github",), None, 10, 0,
)  # fmt: skip


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardBook]:
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path))
    book = GuardBook(tmp_path / GUARD_BOOK)
    yield book
    book.close()


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(["runs", *words]) == 0
    return capsys.readouterr().out


def test_a_receipt_says_what_was_reached_called_used_and_kept(
    capsys: pytest.CaptureFixture[str], book: GuardBook
) -> None:
    runs = Runs(book)
    runs.begin(RUN)
    runs.end(RUN, ENDING, 2.0)
    Connections(book).add([CONNECTION])
    told = SecurityEvent(1.0, "tool", "denied", "not asked for", "desk/send_mail", task=RUN.task)
    Events(book).add([told, replace(told, concern="traffic")])
    text = said(capsys, "show", RUN.task)
    for words in (
        "Run AbCd1234 of acme: python3 agent.py",
        "ended: 0 (exit) after 1.25 s.",
        "memory: 5 MiB at most",
        "files, by a mount namespace",
        "the kernel is shared",
        "cd" * 32,
        "/data:/data",
        "Models: unknown, since the ledger cannot be read",
        "GET api.example:443/x",
        "with github",
        "desk/send_mail",
        "2 connections",
        "1,234 B",
        "is a link",
    ):
        assert words in text, words
    assert "\x1b" not in text
    assert "\x07" not in text
    facts = json.loads(said(capsys, "show", RUN.task, "--json"))
    assert facts["connections"][0]["host"] == "api.example"
    assert facts["tool_calls"][0]["place"] == "desk/send_mail"
    assert facts["ending"]["kept"] == {"/here/report\x1b[2J.md": [1234, "ab" * 32]}


def test_a_run_without_an_end_runs_or_was_killed_with_its_host(
    capsys: pytest.CaptureFixture[str], book: GuardBook
) -> None:
    living = msgspec.structs.replace(RUN, began=time.time())
    dead = msgspec.structs.replace(
        RUN, task="dead0000", host=msgspec.structs.replace(RUN.host, boot="another")
    )
    Runs(book).begin(living)
    Runs(book).begin(dead)
    text = said(capsys)
    assert "running" in text
    assert "killed with its host" in text
    assert "\x1b" not in text
    states = {it["task"]: it["state"] for it in json.loads(said(capsys, "list", "--json"))}
    assert states == {"AbCd1234": "running", "dead0000": "killed with its host"}
    assert "state: killed with its host" in said(capsys, "show", "dead0000")


def test_an_id_that_is_nearly_one_is_helped(
    capsys: pytest.CaptureFixture[str], book: GuardBook
) -> None:
    Runs(book).begin(RUN)
    assert run(["runs", "show", "AbCd1235"]) == 2
    assert 'Did you mean "AbCd1234"?' in capsys.readouterr().err
