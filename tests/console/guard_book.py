"""A guard's book with something in it: questions, runs, connections, events."""

import time
from contextlib import closing
from pathlib import Path

from tollway.guard.event import Concern, Direction, Evidence, Outcome, SecurityEvent
from tollway.ledger.guarded.approvals import Approval, Approvals, Question
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.connections import Connection, Connections
from tollway.ledger.guarded.events import Events
from tollway.ledger.guarded.runs import Ending, Exit, Host, Run, Runs

HOSTILE = "<script>document.title='taken'</script>\u202eevil\u2066 \x1b[2J\u200b done"
"""Text of an agent: markup, a bidirectional override, an escape for terminals, a hidden space."""


def ask(state: Path, name: str, words: str = HOSTILE, concern: Concern = "tool") -> Approval:
    """A question that waits."""
    facts = {
        "tool": {"server": "mail", "tool": f"send_{name}",
                 "arguments": {"body": "x" * 900, "to": HOSTILE}},
        "traffic": {"route": "chat", "sources": ["one"], "key": "key_1", "detectors": ["iban"]},
        "egress": {"method": "POST", "scheme": "https", "host": "api.example.com", "port": 443,
                   "path": "/v1/things", "bytes": 1200, "found": ["iban"]},
        "package": {"kind": "pypi", "name": name, "version": "1.2", "digests": ["a", "b"],
                    "rules": ["age"]},
    }[concern]  # fmt: skip
    question = Question(name, concern, words, "team", "t_1", facts)
    with closing(GuardBook(state / GUARD_BOOK)) as book:
        return Approvals(book).ask(question, time.time())


def find(state: Path, approval: str) -> Approval:
    with closing(GuardBook(state / GUARD_BOOK)) as book:
        found = Approvals(book).find(approval)
    assert found is not None
    return found


def run(state: Path, task: str = "t_1", ledger: str = "ledger.sqlite") -> Run:
    """A run that has ended, with a connection and a refusal."""
    made = Run(
        task=task, tenant="team", key="key_1", request="Tidy the inbox", argv=("agent", HOSTILE),
        tier="ns", isolates=("the network",), leaves_open=("the kernel",), ground="0" * 64,
        mounts=(), tools=None, limits={}, ledger=str(state / ledger), began=time.time() - 60,
        host=Host(1, 1, "boot"),
    )  # fmt: skip
    ending = Ending(0, "exited", "", 12.5, 1 << 26, 10, {"models": Exit(3, 100, 2000)},
                    {"out/report.txt": (12, "ab" * 32)}, {"out/link": "a link"}, {})  # fmt: skip
    with closing(GuardBook(state / GUARD_BOOK)) as book:
        Runs(book).begin(made)
        over = Runs(book).end(made, ending, time.time())
        Connections(book).add([_connection(task)])
        Events(book).add([
            SecurityEvent(time.time(), "tool", "denied", f"mail.send: {HOSTILE}", "mail.send",
                          "team", None, task)
        ])  # fmt: skip
    return over


def _connection(task: str) -> Connection:
    return Connection(
        time.time(), 0.2, task, "team", "api.example.com", 443, "192.0.2.1", "GET", "/v1", "denied",
        "no rule names it", None, None, (), None, 321, 12,
    )  # fmt: skip


def events(state: Path, at: float) -> None:
    """Three decisions about data: two denied going out, one changed coming in."""
    found = (Evidence("iban", "secret", (), "DE89\u2026"),)
    rows: list[tuple[Outcome, Direction]] = [
        ("denied", "out"),
        ("denied", "out"),
        ("changed", "in"),
    ]
    told = [
        SecurityEvent(at, "traffic", outcome, "The request holds an IBAN.", "chat", "team", "key_1",
                      None, "req_1", "no-iban", None, found, direction)
        for outcome, direction in rows
    ]  # fmt: skip
    with closing(GuardBook(state / GUARD_BOOK)) as book:
        Events(book).add(told)
