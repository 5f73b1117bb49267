"""What one turn of the loop has to write, written together at its end.

Rules
1. A write to a process that sleeps costs waking it up, which is a third of a request's CPU on one
   machine. Writes that follow each other closely wake it once.
2. What is written to one transport goes out in its order.
3. Whoever closes a transport that it has written to calls `flush` first.
4. No more than `MOST` waits: a transport can say that it is full only of what it was given, and one
   turn may read many times that from a source that is fast.
"""

import asyncio
from typing import Protocol

MOST = 64 * 1024
"""Bytes that wait for the end of the turn."""


class Sink(Protocol):
    """A transport that is written to."""

    def write(self, data: bytes) -> None: ...
    def is_closing(self) -> bool: ...
    def abort(self) -> None: ...


class Outbox:
    """Collects writes until the turn of the loop ends."""

    __slots__ = ("_loop", "_size", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._size = 0
        self._waiting: list[tuple[Sink, bytes]] = []

    def write(self, transport: Sink, data: bytes) -> None:
        """Write `data`, which is not empty, when the turn ends."""
        waiting = self._waiting
        if not waiting:
            self._loop.call_soon(self.flush)
        waiting.append((transport, data))
        self._size += len(data)
        if self._size > MOST:
            self.flush()

    def flush(self) -> None:
        """Write now what waits. Harmless where nothing does."""
        waiting, self._waiting = self._waiting, []
        self._size = 0
        for transport, data in waiting:
            if transport.is_closing():
                continue
            try:
                transport.write(data)
            except RuntimeError:  # its sending half is closed: nobody else may suffer from it
                transport.abort()
