"""Runs: which command a task was, in what sandbox, how it ended, and what was kept of it.

Rules
1. A run is written down before anything of it runs, and once more at its end. One that has no end
   and whose host process is gone was killed with it.
2. What the task did on its way (connections, decisions, cost) is in its own tables, by the task.
"""

from collections.abc import Iterator, Mapping
from typing import cast

import msgspec

from tollway.ledger.guarded.book import GuardBook


class Host(msgspec.Struct, frozen=True):
    """The process that holds a sandbox. `started` is in clock ticks since the boot `boot`: a
    process id alone may be another's by now."""

    pid: int
    started: int
    boot: str


class Exit(msgspec.Struct, frozen=True):
    """What went over one exit: connections, and bytes out of the sandbox and back."""

    connections: int
    out: int
    back: int


class Ending(msgspec.Struct, frozen=True):
    """How a run ended. `code` is what `tollway run` exited with; `why` as `sandbox.order.Why`;
    `peak` bytes of memory; `printed` bytes; `kept` sizes and SHA-256 by path; `refused` what was
    not kept, with the reason; `digests` are SHA-256 of the program and of what was mounted, by
    path, of what could be read."""

    code: int
    why: str
    words: str
    seconds: float
    peak: int | None
    printed: int
    exits: Mapping[str, Exit]
    kept: Mapping[str, tuple[int, str]]
    refused: Mapping[str, str]
    digests: Mapping[str, str]


class Run(msgspec.Struct, frozen=True):
    """One run. `began` is UTC seconds. `ground` is the digest of what a command finds in its
    sandbox; `mounts` are what was shown or copied in, as it was asked for; `tools` those that were
    allowed, None for all; `ledger` is the file that its cost is in."""

    task: str
    tenant: str
    key: str | None
    request: str | None
    argv: tuple[str, ...]
    tier: str
    isolates: tuple[str, ...]
    leaves_open: tuple[str, ...]
    ground: str
    mounts: tuple[str, ...]
    tools: tuple[str, ...] | None
    limits: Mapping[str, float]
    ledger: str
    began: float
    host: Host
    ending: Ending | None = None


_decode = msgspec.json.Decoder(Run).decode


class Runs:
    """The runs of one state folder."""

    def __init__(self, book: GuardBook) -> None:
        self._book = book

    def begin(self, run: Run) -> None:
        """Write a run down.

        Raises:
            GuardBookError: it is not written, and may not run.
        """
        values = (run.task, run.tier, run.began, msgspec.json.encode(run).decode())
        with self._book.change() as db:
            db.execute("INSERT INTO runs VALUES (?, ?, ?, NULL, ?)", values)

    def end(self, run: Run, ending: Ending, utc: float) -> Run:
        """Write down how it ended; returns the run with it.

        Raises:
            GuardBookError: it is not written.
        """
        over = msgspec.structs.replace(run, ending=ending)
        values = (utc, msgspec.json.encode(over).decode(), run.task)
        with self._book.change() as db:
            db.execute("UPDATE runs SET ended = ?, body = ? WHERE task = ?", values)
        return over

    def find(self, task: str) -> Run | None:
        """The run of a task."""
        rows = self._book.read("SELECT body FROM runs WHERE task = ?", (task,))
        return next(_runs(rows), None)

    def last(self, most: int) -> list[Run]:
        """The latest runs, the latest first."""
        wanted = "SELECT body FROM runs ORDER BY began DESC LIMIT ?"
        return list(_runs(self._book.read(wanted, (most,))))


def _runs(rows: list[tuple[object, ...]]) -> Iterator[Run]:
    return (_decode(cast("str", body)) for (body,) in rows)
