"""The host's side of a guest's port, which is hostile: streams for asyncio, every buffer bounded.

Rules
1. Anything malformed ends the link; so does a guest that leaves. `lost` says why.
2. What a guest sends is taken no faster than its reader takes it, and while the guest does not take
   what it is sent, nothing is read of it.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tollway.sandbox.vm.guest.mux import CONTROL, DATA, END, FIRST, OPEN, RESET, Malformed, Mux

STDIN, STDOUT, STDERR, FILES = 1, 2, 3, 4
_READ = 128 << 10


class Incoming:
    """What comes on a stream, for `asyncio.StreamReader`'s users."""

    def __init__(self, number: int, link: "Link") -> None:
        self._number, self._link = number, link
        self._buffer = bytearray()
        self._more = asyncio.Event()
        self._over = self._broken = False

    async def read(self, n: int, /) -> bytes:
        """Up to n bytes; empty at the end.

        Raises:
            ConnectionResetError: the stream broke.
        """
        while not self._buffer and not self._over:
            self._more.clear()
            await self._more.wait()
        if not self._buffer and self._broken:
            raise ConnectionResetError
        data = bytes(self._buffer[:n])
        del self._buffer[:n]
        self._link.grant(self._number, len(data))
        return data

    def put(self, data: bytes) -> None:
        """More has come; the mux has held it against the window."""
        self._buffer += data
        self._more.set()

    def end(self, *, broken: bool) -> None:
        """No more comes."""
        self._over, self._broken = True, self._broken or broken
        self._more.set()


class Outgoing:
    """What goes on a stream, for `asyncio.StreamWriter`'s users."""

    def __init__(self, number: int, link: "Link") -> None:
        self._number, self._link = number, link
        self._pending = bytearray()
        self.room = asyncio.Event()
        self.broken = False

    def write(self, data: bytes, /) -> None:
        """Send later."""
        self._pending += data

    async def drain(self) -> None:
        """Send all that was written, as the other side lets it.

        Raises:
            ConnectionResetError: the stream broke.
        """
        while self._pending:
            if self.broken:
                raise ConnectionResetError
            sent = self._link.send(self._number, self._pending)
            del self._pending[:sent]
            if sent:
                await self._link.flushed()
            else:
                self.room.clear()
                await self.room.wait()

    def write_eof(self) -> None:
        """No more goes."""
        self._link.end(self._number)

    def close(self) -> None:
        """Both ways are over; what is not over is broken off."""
        self._link.reset(self._number)


class Link:
    """All streams of one guest. `told` gets its control messages, `opened` its connections."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        told: Callable[[dict[str, Any]], None],
        opened: Callable[[int, Incoming, Outgoing], None],
        connections: int,
    ) -> None:
        # A connection that was broken off here counts until the guest has answered.
        self._mux = Mux((STDIN, STDOUT, STDERR, FILES), most=2 * connections + 16, opens=False)
        self._told, self._opened = told, opened
        self.incoming: dict[int, Incoming] = {}
        self.outgoing: dict[int, Outgoing] = {}
        for number in (STDIN, STDOUT, STDERR, FILES):
            self._add(number)
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reader, self._writer = reader, writer

    async def serve(self) -> None:
        """Read until the end, whose reason `lost` then holds. Never raises but for cancelling."""
        why = "the machine ended"
        try:
            while data := await self._reader.read(_READ):
                for event in self._mux.feed(data):
                    self._happened(*event)
                if self._mux.replies:
                    self._writer.write(bytes(self._mux.replies))
                    self._mux.replies.clear()
                await self._writer.drain()
        except Malformed as error:
            why = f"its guest broke the channel's rules: {error}"
        except OSError:
            pass
        finally:
            self._finish(why)
            self._writer.transport.abort()

    def _finish(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)
        for incoming in self.incoming.values():
            incoming.end(broken=True)
        for outgoing in self.outgoing.values():
            outgoing.broken = True
            outgoing.room.set()

    def say(self, **message: Any) -> None:
        """Send a control message."""
        self._write(self._mux.data(CONTROL, json.dumps(message).encode()))

    def send(self, number: int, data: bytes | bytearray) -> int:
        """Send as much as there is room for; how much that was."""
        room = self._mux.room(number)
        if room:
            self._write(self._mux.data(number, bytes(data[:room])))
        return min(room, len(data))

    async def flushed(self) -> None:
        """Wait until the guest has taken most of what was sent.

        Raises:
            ConnectionResetError: it has ended.
        """
        if self.lost.done():
            raise ConnectionResetError
        await self._writer.drain()

    def grant(self, number: int, amount: int) -> None:
        """So much was taken of a stream."""
        self._write(self._mux.grant(number, amount))

    def end(self, number: int) -> None:
        """No more goes on a stream."""
        self._write(self._mux.end(number))
        self._tidy(number)

    def reset(self, number: int) -> None:
        """Break a stream off, if it is not over."""
        self._write(self._mux.reset(number))
        self._broken(number)

    def buffered(self) -> int:
        """Bytes that wait for the guest to take them."""
        return self._writer.transport.get_write_buffer_size()

    def _write(self, data: bytes) -> None:
        if data and not self.lost.done():
            self._writer.write(data)

    def _add(self, number: int) -> None:
        self.incoming[number] = Incoming(number, self)
        self.outgoing[number] = Outgoing(number, self)

    def _happened(self, number: int, kind: int, payload: bytes) -> None:
        if number == CONTROL:
            self._heard(payload)
        elif kind == OPEN:
            if not payload.isdigit() or len(payload) > 5:
                raise Malformed("a connection to no port")
            self._add(number)
            self._opened(int(payload), self.incoming[number], self.outgoing[number])
        elif kind == DATA:
            self.incoming[number].put(payload)
        elif kind == END:
            self.incoming[number].end(broken=False)
            self._tidy(number)
        elif kind == RESET:
            self._broken(number)
        else:
            self.outgoing[number].room.set()

    def _heard(self, payload: bytes) -> None:
        try:
            message = json.loads(payload)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("is"), str):
            raise Malformed("a message that is none")
        self._told(message)

    def _broken(self, number: int) -> None:
        incoming, outgoing = self.incoming.get(number), self.outgoing.get(number)
        if incoming is not None and outgoing is not None:
            incoming.end(broken=True)
            outgoing.broken = True
            outgoing.room.set()
        self._tidy(number, gone=True)

    def _tidy(self, number: int, *, gone: bool = False) -> None:
        """Forget a connection that is over; who reads or writes it still has its own hold."""
        if number >= FIRST and (gone or number not in self._mux.streams):
            self.incoming.pop(number, None)
            self.outgoing.pop(number, None)
