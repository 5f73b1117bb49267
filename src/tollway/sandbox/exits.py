"""The ways out of a sandbox: each connection to an exit's port is led to its Unix socket.

Rules
1. Bytes are relayed as they are, both ways, each way to its own end; who is at the other end is
   settled by the socket and by nothing that the sandbox sends.
2. At most `Limits.connections` are open at once over all exits; one more is closed at once.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tollway.sandbox.defences import ALL, Defences
from tollway.sandbox.order import Limits

CHUNK = 1 << 16


class Reader(Protocol):
    """What comes from one side: `asyncio.StreamReader`, or a tier's own channel."""

    async def read(self, n: int, /) -> bytes: ...


class Writer(Protocol):
    """What goes to one side: `asyncio.StreamWriter`, or a tier's own channel."""

    def write(self, data: bytes, /) -> None: ...
    async def drain(self) -> None: ...
    def write_eof(self) -> None: ...
    def close(self) -> None: ...


class Exits:
    """All exits of one sandbox, with what went over each: bytes `out` of the sandbox and `back`
    into it, and `connections`, those refused included; by port."""

    def __init__(self, exits: Mapping[int, Path], limits: Limits, defences: Defences = ALL) -> None:
        self._sockets = dict(exits)
        self._most = limits.connections if defences.channel else None
        self._open: set[asyncio.Task[None]] = set()
        self.out = dict.fromkeys(exits, 0)
        self.back = dict.fromkeys(exits, 0)
        self.connections = dict.fromkeys(exits, 0)

    async def lead(self, port: int, reader: Reader, writer: Writer) -> None:
        """Relay one connection to the end. Returns once both ways are over; never raises but for
        being cancelled. `writer` is closed then."""
        self.connections[port] += 1
        task = asyncio.current_task()
        if task is None or (self._most is not None and len(self._open) >= self._most):
            writer.close()
            return
        self._open.add(task)
        try:
            with suppress(OSError, EOFError):
                await self._relay(port, reader, writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def close(self) -> None:
        """Break off every connection."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _relay(self, port: int, reader: Reader, writer: Writer) -> None:
        far, onward = await asyncio.open_unix_connection(self._sockets[port])
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_pour(reader, onward, self.out, port))
                ways.create_task(_pour(far, writer, self.back, port))
        except* OSError:
            pass  # one way broke: both are over, as on a connection without a relay
        finally:
            onward.transport.abort()


async def _pour(source: Reader, sink: Writer, tally: dict[int, int], port: int) -> None:
    while data := await source.read(CHUNK):
        tally[port] += len(data)
        sink.write(data)
        await sink.drain()
    sink.write_eof()
