"""The upstream's side: one pool of connections for each source, and one `Call` for each attempt.

Rules
1. A connection is given out last in, first out, and closed after a few idle seconds.
2. A kept connection that the server closes before it answers anything is replaced once, by a fresh
   one: that is the race of every keep-alive, and no failure of the source.
3. Bytes that nobody asked for end a connection; an answer is never taken for the next request's.
4. Names are resolved anew for each connection; redirects and proxies are not followed.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from tollway import __version__
from tollway.dispatch.messages import FailureKind
from tollway.fleet.objects import Dialect, Operation, Source
from tollway.gateway.outbox import Outbox
from tollway.gateway.wire import Reply, UpstreamConnection

IDLE_EXPIRY: Final = 4.0
"""Seconds; uvicorn, and so vLLM and SGLang, and Node close kept connections after 5."""
MAX_IDLE: Final = 512
_PATHS: dict[tuple[Dialect, Operation], str] = {
    ("openai", "chat"): "/chat/completions",
    ("openai", "completion"): "/completions",
    ("openai", "embedding"): "/embeddings",
    ("responses", "chat"): "/responses",
    ("anthropic", "chat"): "/messages",
}
ANTHROPIC_VERSION: Final = "2023-06-01"
"""The version of Anthropic's API that is spoken where the client names none."""


class Call:
    """One attempt on the wire: from asking for a connection until the answer's end."""

    __slots__ = ("body", "connection", "head", "over", "paused", "reply", "retried", "upstream")

    def __init__(self, upstream: "Upstream", reply: Reply, head: bytes, body: bytes) -> None:
        self.upstream = upstream
        self.reply = reply
        self.head = head
        self.body = body
        self.connection: UpstreamConnection | None = None
        self.over = False
        self.paused = False
        self.retried = False

    def forget_request(self) -> None:
        """Its answer has begun: what was asked is not said again, and may be long."""
        self.head = self.body = b""

    def close(self) -> None:
        """Give the attempt up: the source is told at once, by the end of the connection."""
        self.over = True
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.abort()

    def let_go(self) -> None:
        """The answer's content is whole: what is left of its framing is awaited without us."""
        self.over = True
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.wind_down()

    def pause(self) -> None:
        """Stop reading: the client is slower than the source."""
        self.paused = True
        if self.connection is not None:
            self.connection.pause()

    def resume(self) -> None:
        """Read again."""
        self.paused = False
        if self.connection is not None:
            self.connection.resume()

    # Called by the connection.

    def ended(self) -> None:
        """The connection has delivered the whole answer and is no longer this call's."""
        self.over = True
        self.connection = None

    def dropped(self, answered: bool, reused: bool, detail: str) -> None:
        """The connection went away before the answer was whole."""
        self.connection = None
        if self.over:
            return
        if reused and not answered and not self.retried:
            self.retried = True
            self.upstream.dial(self)
            return
        self.over = True
        self.reply.lost("cut" if answered else "refused", detail)

    def broken(self, detail: str) -> None:
        """What came back is not HTTP, or not such as can be relayed."""
        self.connection = None
        if not self.over:
            self.over = True
            self.reply.lost("malformed", detail)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a source is, with all that is slow to find out already found out."""

    source: Source
    secret: str | None
    tls: ssl.SSLContext | None

    @staticmethod
    def of(source: Source, secret: str | None) -> "Origin":
        """Reads certificates from disk.

        Raises:
            OSError, ssl.SSLError: `ca_file` cannot be read.
        """
        if not source.base_url.startswith("https:"):
            return Origin(source, secret, None)
        # Not create_default_context: that one honours SSLKEYLOGFILE, and so writes session keys.
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        if source.ca_file is None:
            tls.load_default_certs()
        else:
            tls.load_verify_locations(cafile=source.ca_file)
        tls.set_alpn_protocols(["http/1.1"])
        return Origin(source, secret, tls)


class Upstream:
    """One source as the gateway reaches it."""

    def __init__(
        self, origin: Origin, loop: asyncio.AbstractEventLoop, clock: Callable[[], float]
    ) -> None:
        self.origin = origin
        self.source = origin.source
        self.clock = clock
        self.retired = False
        self.opened = 0
        url = urlsplit(self.source.base_url)
        self._host = url.hostname or ""
        self._port = url.port or (443 if origin.tls else 80)
        self._loop = loop
        self.outbox = Outbox(loop)
        self._idle: list[UpstreamConnection] = []
        self._dialling: dict[Call, tuple[asyncio.Task[None], float]] = {}
        self._winding: set[UpstreamConnection] = set()
        self._prefix = url.path.rstrip("/")
        self._rest = {
            it: _request_rest(url.netloc, it, origin.secret) for it in self.source.dialects
        }
        self._heads = {
            way: f"POST {self._prefix}{path}".encode() + self._rest[way[0]]
            for way, path in _PATHS.items()
            if way[0] in self._rest
        }

    @property
    def idle(self) -> int:
        """Connections kept open without work."""
        return len(self._idle)

    def head(self, dialect: Dialect, operation: Operation) -> bytes:
        """The beginning of a request's head, in a dialect that the source speaks and whose path
        says nothing of the model."""
        return self._heads[dialect, operation]

    def gemini_head(self, model: str, stream: bool) -> bytes:
        """The same for Gemini, whose path names the model."""
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        path = f"POST {self._prefix}/models/{quote(model, safe='')}:{method}"
        return path.encode() + self._rest["gemini"]

    def open(self, begun: bytes, extra: bytes, body: bytes, reply: Reply) -> Call:
        """Send a request whose head has `begun`. `extra` is header lines, each with its CRLF. The
        reply may be told of a failure only after this has returned."""
        size = str(len(body)).encode()
        head = begun + b"content-length: " + size + b"\r\n" + extra + b"\r\n"
        call = Call(self, reply, head, body)
        while self._idle:
            if self._idle.pop().take(call):
                return call
        self.dial(call)
        return call

    def dial(self, call: Call) -> None:
        """Give the call a fresh connection."""
        due = self.clock() + self.source.timeouts.connect
        self._dialling[call] = (self._loop.create_task(self._connect(call)), due)

    async def _connect(self, call: Call) -> None:
        tls = self.origin.tls
        try:
            _, connection = await self._loop.create_connection(
                lambda: UpstreamConnection(self),
                self._host,
                self._port,
                ssl=tls,
                server_hostname=self._host if tls else None,
            )
        except ssl.SSLError as error:
            self._unreached(call, "tls", error.reason or "TLS handshake failed")
        except socket.gaierror as error:
            self._unreached(call, "dns", error.strerror or "name not resolved")
        except OSError as error:
            self._unreached(call, "refused", error.strerror or type(error).__name__)
        else:
            self._dialling.pop(call, None)
            self.opened += 1
            if call.over:
                self.release(connection)
            elif not connection.take(call):
                call.dropped(False, True, "closed while connecting")

    def _unreached(self, call: Call, kind: FailureKind, detail: str) -> None:
        self._dialling.pop(call, None)
        if not call.over:
            call.over = True
            call.reply.lost(kind, detail)

    def release(self, connection: UpstreamConnection) -> None:
        """Take a connection back that has no work."""
        if self._winding:
            self._winding.discard(connection)
        if self.retired or len(self._idle) >= MAX_IDLE:
            connection.abort()
        else:
            connection.idle_since = self.clock()
            self._idle.append(connection)

    def winding(self, connection: UpstreamConnection) -> None:
        """The connection still has the end of an answer to read; it gets a moment for that."""
        connection.idle_since = self.clock()
        self._winding.add(connection)

    def forget(self, connection: UpstreamConnection) -> None:
        """The connection is closed."""
        self._winding.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def sweep(self, now: float) -> None:
        """Close what has been idle for too long, and end what takes too long to connect."""
        while self._idle and self._idle[0].idle_since + IDLE_EXPIRY <= now:
            self._idle.pop(0).abort()
        for connection in [c for c in self._winding if c.idle_since + 1.0 <= now]:
            self._winding.discard(connection)
            connection.abort()
        late = [(call, task) for call, (task, due) in self._dialling.items() if due <= now]
        for call, task in late:
            task.cancel()
            self._unreached(call, "connect_timeout", "no connection in time")

    def retire(self) -> None:
        """The source is no longer declared: keep nothing for later; what runs may end."""
        self.retired = True
        while self._idle:
            self._idle.pop().abort()

    def quiet(self) -> bool:
        """Whether nothing is left that `sweep` must look at."""
        return not (self._idle or self._winding or self._dialling)

    def close(self) -> None:
        """End everything, running calls excepted: those belong to their exchanges."""
        self.retire()
        for connection in list(self._winding):
            connection.abort()
        for task, _ in list(self._dialling.values()):
            task.cancel()
        self._dialling.clear()


_CREDENTIALS: dict[Dialect, str] = {
    "openai": "authorization: Bearer {}\r\n",
    "responses": "authorization: Bearer {}\r\n",
    "anthropic": "x-api-key: {}\r\n",
    "gemini": "x-goog-api-key: {}\r\n",
}


def _request_rest(netloc: str, dialect: Dialect, secret: str | None) -> bytes:
    """A head from behind its path on."""
    host = netloc.rpartition("@")[2]
    credential = _CREDENTIALS[dialect].format(secret) if secret else ""
    return (
        f" HTTP/1.1\r\nhost: {host}\r\n"
        f"user-agent: tollway/{__version__}\r\naccept-encoding: identity\r\n"
        f"content-type: application/json\r\n{credential}"
    ).encode()
