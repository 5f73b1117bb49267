"""What the guard did, kept.

Rules
1. Events are written beside the road, by a thread, in the order in which they were told.
2. One that cannot be written is counted and said, and stops no traffic.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import cast

import msgspec

from tollway.errors import TollwayError
from tollway.guard.event import SecurityEvent
from tollway.guard.ocsf import ocsf_line
from tollway.ledger.guarded.book import GuardBook
from tollway.ledger.state import FILE_MODE

_decode = msgspec.json.Decoder(SecurityEvent).decode


class Events:
    """The security events of one state folder."""

    def __init__(self, book: GuardBook) -> None:
        self._book = book

    def add(self, events: list[SecurityEvent]) -> None:
        """Keep them.

        Raises:
            GuardBookError: none is kept.
        """
        rows = [
            (it.at, it.concern, it.outcome, it.tenant, it.task, it.request,
             msgspec.json.encode(it).decode())
            for it in events
        ]  # fmt: skip
        with self._book.change() as db:
            db.executemany("INSERT INTO events VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", rows)

    def read(
        self, task: str | None = None, after: int = 0, most: int = 1000
    ) -> list[tuple[int, SecurityEvent]]:
        """Events with their numbers, from the first after `after`, of one task or of all."""
        wanted = "SELECT number, body FROM events WHERE number > ?1 AND (?2 IS NULL OR task = ?2)"
        rows = self._book.read(f"{wanted} ORDER BY number LIMIT ?3", (after, task, most))
        return [(cast("int", number), _decode(cast("str", body))) for number, body in rows]

    def last(self, most: int, task: str | None = None) -> list[tuple[int, SecurityEvent]]:
        """The latest events with their numbers, in order, of one task or of all."""
        wanted = "SELECT number, body FROM events WHERE ?1 IS NULL OR task = ?1"
        rows = self._book.read(f"{wanted} ORDER BY number DESC LIMIT ?2", (task, most))
        return [(cast("int", n), _decode(cast("str", body))) for n, body in reversed(rows)]


class Teller:
    """Writes events beside the road; `ocsf` is a file that gets each as a line of OCSF too."""

    def __init__(
        self, book: GuardBook, say: Callable[[str], None], ocsf: Path | None = None
    ) -> None:
        """`say` is told, from another thread, of what cannot be written.

        Raises:
            TollwayError: `ocsf` cannot be written.
        """
        self._events = Events(book)
        self._say = say
        self._told: SimpleQueue[SecurityEvent | None] = SimpleQueue()
        self._failing = False
        self._lines: int | None = None
        if ocsf is not None:
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._lines = os.open(ocsf, flags, FILE_MODE)
            except OSError as error:
                raise TollwayError(
                    f"{ocsf}: security events cannot be written there: {error.strerror}. "
                    "Name another file in guard.events."
                ) from error
        self._thread = Thread(target=self._run, name="security-events", daemon=True)
        self._thread.start()

    def tell(self, event: SecurityEvent) -> None:
        """Have an event written; returns at once."""
        self._told.put(event)

    def close(self, patience: float = 5.0) -> None:
        """Write what waits."""
        self._told.put(None)
        self._thread.join(patience)
        if self._lines is not None and not self._thread.is_alive():
            os.close(self._lines)

    def _run(self) -> None:
        while (event := self._told.get()) is not None:
            events = [event]
            while not self._told.empty() and len(events) < 1000:
                more = self._told.get()
                if more is None:
                    self._write(events)
                    return
                events.append(more)
            self._write(events)

    def _write(self, events: list[SecurityEvent]) -> None:
        short = [replace(it, words=it.words[:2000], place=it.place[:400]) for it in events]
        try:
            self._events.add(short)
            if self._lines is not None:
                _write_all(self._lines, b"".join(map(ocsf_line, short)))
            self._failing = False
        except (OSError, TollwayError) as error:
            if not self._failing:
                self._say(f"guard: security events are lost: {error}")
            self._failing = True


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
