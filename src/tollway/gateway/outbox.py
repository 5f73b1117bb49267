"""What one turn of the loop has to write, written together at its end.

Rules
1. A write to a process that sleeps costs waking it up, which is a third of a request's CPU on one
   machine. Writes that follow each other closely wake it once.
2. What is written to one transport goes out in its order.
3. Whoever closes a transport that it has written to calls `flush` first.
"""

import asyncio
from typing import Protocol


class Sink(Protocol):
    """A transport that is written to."""

    def write(self, data: bytes) -> None: ...
    def is_closing(self) -> bool: ...


class Outbox:
    """Collects writes until the turn of the loop ends."""

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[Sink, bytes]] = []

    def write(self, transport: Sink, data: bytes) -> None:
        """Write `data`, which is not empty, when the turn ends."""
        waiting = self._waiting
        if not waiting:
            self._loop.call_soon(self.flush)
        waiting.append((transport, data))

    def flush(self) -> None:
        """Write now what waits. Harmless where nothing does."""
        waiting, self._waiting = self._waiting, []
        for transport, data in waiting:
            if not transport.is_closing():
                transport.write(data)
