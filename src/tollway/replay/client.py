"""A load generator's HTTP client: kept connections, streamed answers, little work for each byte.

Rules
1. A connection carries one request at a time, and is used again only if the answer allows it.
2. An idle connection older than `MAX_IDLE` is closed instead of used: the server may be closing it.
3. Only the host that the client was made for is ever connected to; redirects are not followed.
"""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpResponseParser

from tollway.errors import TollwayError
from tollway.fleet.quantities import MalformedError, is_loopback
from tollway.fleet.quantities import url as read_url
from tollway.replay.answer import Answer

MAX_IDLE = 10.0
CONNECT_TIMEOUT = 10.0


class NoAnswerError(Exception):
    """No answer, or not a whole one; the text is a word for reports (`connect`, `cut`, ...)."""


class _Connection(asyncio.Protocol):
    """One connection. `answer` is what arrives for the request in flight."""

    __slots__ = ("_over", "_parser", "_transport", "answer", "idle_since", "reusable")

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._over: asyncio.Future[None] | None = None
        self.answer: Answer | None = None
        self.reusable = False
        self.idle_since = 0.0

    async def ask(self, request: bytes, answer: Answer) -> None:
        """Send one request and wait for the whole answer.

        Raises:
            NoAnswerError: the connection ended first.
        """
        if self._transport is None:
            raise NoAnswerError("reset")
        self.answer = answer
        self.reusable = False
        self._parser = HttpResponseParser(self)
        self._over = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            await self._over
        finally:
            self._over = None
            self.answer = None

    def close(self) -> None:
        """End the connection, and the request on it."""
        if self._transport is not None:
            self._transport.abort()

    # --- the transport ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            self._fail("malformed")
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.reusable = False
        begun = self.answer is not None and self.answer.status > 0
        self._fail("cut" if begun else "reset")

    def _fail(self, why: str) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_exception(NoAnswerError(why))

    # --- the parser ---

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.answer is not None:
            self.answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self.answer is not None:
            self.answer.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        if self.answer is not None:
            self.answer.feed(body)

    def on_message_complete(self) -> None:
        # Valid only inside this callback; read later it is always False.
        self.reusable = self._parser.should_keep_alive()
        if self.answer is not None:
            self.answer.end()
        if self._over is not None and not self._over.done():
            self._over.set_result(None)


class Client:
    """Requests to one base URL (`http://127.0.0.1:8400`), over as many connections as there are
    requests in flight. `unix` is a socket to connect to instead of the URL's host.

    Raises:
        TollwayError: the URL is not one, or holds more than scheme, host, port and path.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        unix: Path | None = None,
    ) -> None:
        try:
            parts = urlsplit(read_url(base_url))
        except MalformedError as error:
            raise TollwayError(f"--url {error}") from error
        self._secure = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self._secure else 80)
        self.prefix = parts.path.removesuffix("/v1")
        lines = [f"host: {parts.netloc}", *(f"{k}: {v}" for k, v in (headers or {}).items())]
        self._head = "".join(f"{line}\r\n" for line in lines)
        self._tls = ssl.create_default_context() if self._secure else None
        self._unix = unix
        self._idle: list[_Connection] = []

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can be meant."""
        return is_loopback(self.host)

    async def ask(
        self,
        method: str,
        path: str,
        answer: Answer,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send one request; `answer` fills as bytes arrive, and keeps what came when this raises.

        Raises:
            NoAnswerError: no whole answer came.
        """
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = (
            f"{method} {self.prefix}{path} HTTP/1.1\r\n{self._head}{more}"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        connection = await self._connection()
        try:
            await connection.ask(head.encode("latin-1") + body, answer)
        except BaseException:
            connection.close()
            raise
        if connection.reusable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close the connections that wait for a request."""
        while self._idle:
            self._idle.pop().close()

    async def _connection(self) -> _Connection:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - MAX_IDLE
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and connection.idle_since > oldest:
                return connection
            connection.close()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                return await self._connect(loop)
        except TimeoutError:
            raise NoAnswerError("connect_timeout") from None
        except ssl.SSLError:
            raise NoAnswerError("tls") from None
        except OSError:
            raise NoAnswerError("connect") from None

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> _Connection:
        if self._unix is not None:
            _, made = await loop.create_unix_connection(_Connection, str(self._unix))
        else:
            _, made = await loop.create_connection(_Connection, self.host, self.port, ssl=self._tls)
        return made
