"""Bytes to and from one peer, in the clear or through TLS, each step with its deadline.

Rules
1. Nothing waits without a deadline: a step that takes longer raises `TimeoutError`.
2. TLS runs over memory, so that what comes before it can be looked at, and what it says refused.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Protocol

from tollway.units import Seconds

READ = 64 * 1024
"""Bytes that one read brings, at most."""


_LINGER = 1.0
_MOST_READ = 64


class Channel(Protocol):
    """A peer. `read` gives nothing at its end. `farewell` says that nothing more comes, and reads
    for a moment what still does, so that the last answer is not lost to a reset."""

    async def read(self, within: Seconds) -> bytes: ...
    async def write(self, data: bytes, within: Seconds) -> None: ...
    async def farewell(self) -> None: ...
    async def close(self) -> None: ...
    def abort(self) -> None: ...


class PlainChannel:
    """A TCP connection or a Unix socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, within: Seconds) -> bytes:
        async with asyncio.timeout(within):
            return await self._reader.read(READ)

    async def write(self, data: bytes, within: Seconds) -> None:
        self._writer.write(data)
        async with asyncio.timeout(within):
            await self._writer.drain()

    async def farewell(self) -> None:
        with suppress(OSError, TimeoutError):
            self._writer.write_eof()
            async with asyncio.timeout(_LINGER):
                for _ in range(_MOST_READ):
                    if not await self._reader.read(READ):
                        return

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    def abort(self) -> None:
        """Cut the connection off, so that the peer sees no proper end."""
        self._writer.transport.abort()


class ServerSide(ssl.SSLObject):
    """The proxy's end of a client's TLS. `asked` is the name in its hello, None where it named
    none."""

    asked: str | None = None


class TlsChannel:
    """TLS over another channel."""

    def __init__(self, inner: Channel, context: ssl.SSLContext, name: str | None = None) -> None:
        """`name` is whose certificate is asked for; None for the server's end."""
        self._inner = inner
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self._in, self._out, server_side=name is None, server_hostname=name
        )

    async def handshake(self, within: Seconds, begun: bytes = b"") -> None:
        """Shake hands. `begun` is what was read of the peer's hello already.

        Raises:
            ssl.SSLError: the peer does not speak TLS as it should.
            EOFError: the peer has left.
        """
        self._in.write(begun)
        async with asyncio.timeout(within):
            while True:
                try:
                    self.tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await self._flush(within)
                    await self._more(within)
                except ssl.SSLError:
                    with suppress(OSError):
                        await self._flush(within)  # the alert says why
                    raise
            await self._flush(within)

    async def read(self, within: Seconds) -> bytes:
        async with asyncio.timeout(within):
            while True:
                try:
                    data = self.tls.read(READ)
                except ssl.SSLWantReadError:
                    await self._flush(within)
                    try:
                        await self._more(within)
                    except EOFError:  # cut off, not ended: the message's own framing tells
                        return b""
                except ssl.SSLZeroReturnError:
                    return b""
                else:
                    await self._flush(within)
                    return data

    async def write(self, data: bytes, within: Seconds) -> None:
        view = memoryview(data)
        while view:
            written = self.tls.write(view[:READ])
            view = view[written:]
            await self._flush(within)

    async def farewell(self) -> None:
        await self._end()
        await self._inner.farewell()

    async def close(self) -> None:
        await self._end()
        await self._inner.close()

    def abort(self) -> None:
        self._inner.abort()

    async def _end(self) -> None:
        with suppress(ssl.SSLError):
            self.tls.unwrap()
        with suppress(OSError, TimeoutError):
            await self._flush(Seconds(_LINGER))

    async def _flush(self, within: Seconds) -> None:
        data = self._out.read()
        if data:
            await self._inner.write(data, within)

    async def _more(self, within: Seconds) -> None:
        data = await self._inner.read(within)
        if not data:
            raise EOFError
        self._in.write(data)
