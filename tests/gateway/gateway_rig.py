"""Fakes around the data plane: a decider that follows a plan, books in memory, raw upstreams."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, ParamSpec, Self

import uvloop

from tollway.dispatch import messages as m
from tollway.fleet.objects import (
    BreakerTerms,
    Budget,
    Demand,
    Fleet,
    GatewaySettings,
    KeyTerms,
    Limits,
    Queue,
    RetryBudget,
    Route,
    Slo,
    Source,
    SourceTimeouts,
    Tenant,
)
from tollway.fleet.usage import Usage
from tollway.gateway.client import Front
from tollway.gateway.guarded.inspector import Inspector
from tollway.gateway.routes import Routes
from tollway.gateway.switchboard import Switchboard
from tollway.gateway.upstream import Origin
from tollway.ledger.keys import KeyRecord, key_digest
from tollway.ledger.ring import Claim, claim_of
from tollway.units import Bytes, Seconds

KEY = b"tw_abcdefgh_" + b"s" * 32


P = ParamSpec("P")


def live(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test on the loop that the gateway runs on."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        uvloop.run(test(*args, **kwargs))

    return run


SETTINGS = GatewaySettings(
    host="127.0.0.1",
    port=0,
    ledger="ledger.sqlite",
    admin_socket="gateway.sock",
    header_timeout=Seconds(0.3),
    body_timeout=Seconds(0.3),
    keep_alive=Seconds(0.5),
    write_timeout=Seconds(5.0),
    drain=Seconds(2.0),
    max_body=Bytes(1024 * 1024),
    max_header_bytes=Bytes(32 * 1024),
    max_headers=100,
    max_connections=1000,
    max_streams=1000,
    recording=None,
)
TIMEOUTS = SourceTimeouts(Seconds(1.0), Seconds(5.0), Seconds(0.3), Seconds(3.0))
BREAKER = BreakerTerms(Seconds(30), 5, 0.5, Seconds(10), 1, None, Seconds(5), None)


def source(name: str, url: str, **changes: object) -> Source:
    one = Source(name, "server", url, None, None, {}, TIMEOUTS, BREAKER, None, None, None, None)
    return replace(one, **changes)  # type: ignore[arg-type]


class PlanDecider:
    """Sends to the sources of a plan one after the other, and settles as dispatch does."""

    def __init__(self, plan: list[str]) -> None:
        self.plan = plan
        self.events: list[m.Event] = []
        self.on_content: list[m.Action] = []
        self._at: dict[str, int] = {}
        self._flowing: set[str] = set()

    def adopt(self, fleet: Fleet, now: float) -> list[m.Action]:
        return []

    def snapshot(self, now: float) -> dict[str, object]:
        return {"live": len(self._at)}

    def handle(self, event: m.Event, now: float) -> list[m.Action]:
        self.events.append(event)
        if isinstance(event, m.Arrived):
            self._at[event.request] = 0
            return [
                m.Reserve(event.request, event.key, "t", event.route, event.operation, 1, 1, 1, 0.0)
            ]
        if isinstance(event, m.Reserved):
            return [self._send(event.request)]
        if isinstance(event, m.ReserveFailed):
            return [m.Reject(event.request, 503, "ledger", "no ledger", 1.0)]
        if isinstance(event, m.Content):
            self._flowing.add(event.request)
            return list(self.on_content)
        if isinstance(event, m.Finished | m.Cancelled):
            return [self._settle(event.request, type(event).__name__)]
        if isinstance(event, m.Failed):
            return self._failed(event)
        return []

    def _failed(self, event: m.Failed) -> list[m.Action]:
        if event.request in self._flowing:
            end = m.EndWithError(event.request, event.kind, event.detail)
            return [end, self._settle(event.request, "failed")]
        if event.kind == "status" and event.status in (400, 401, 422):
            return [m.Relay(event.request, event.attempt), self._settle(event.request, "failed")]
        self._at[event.request] += 1
        if self._at[event.request] < len(self.plan):
            return [self._send(event.request)]
        reject = m.Reject(event.request, 502, "no_source", f"{event.kind}: {event.detail}")
        return [reject, self._settle(event.request, "failed")]

    def _send(self, request: str) -> m.Send:
        at = self._at[request]
        return m.Send(request, at + 1, self.plan[at], "m", "m-up", "standard")

    def _settle(self, request: str, code: str) -> m.Settle:
        self._at.pop(request)
        return m.Settle(
            request,
            "completed",
            code,
            None,
            None,
            None,
            "standard",
            Usage(),
            0,
            1,
            (),
            None,
            0,
            0,
        )

    def seen(self, kind: type) -> list[m.Event]:
        return [event for event in self.events if isinstance(event, kind)]


class MemoryBooks:
    """Books in memory, or fails when told to."""

    def __init__(self) -> None:
        self.settled: list[m.Settle] = []
        self.down: Exception | None = None

    def submit(self, item: m.Reserve | m.Settle) -> Exception | None:
        if isinstance(item, m.Settle):
            self.settled.append(item)
        return self.down


@dataclass
class Watch:
    """Remembers what was reported."""

    errors: list[BaseException] = field(default_factory=list)
    unpinned_words: list[tuple[str, bool]] = field(default_factory=list)

    def breaker_moved(self, action: m.BreakerMoved) -> None: ...
    def settled(self, action: m.Settle) -> None: ...
    def first_content(self, action: m.Send, seconds: float) -> None: ...
    def stream_ended(self, action: m.Send, meter: object) -> None: ...
    def sent(self, action: m.Send) -> None: ...
    def unpinned(self, action: m.Send, words: str, refused: bool) -> None:
        self.unpinned_words.append((words, refused))

    def unsettled(self, error: Exception) -> None: ...
    def failed(self, error: BaseException) -> None:
        self.errors.append(error)


class Rig:
    """A data plane on a port of its own, with nothing real behind it but its upstreams."""

    def __init__(self, settings: GatewaySettings = SETTINGS, plan: list[str] | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.loop = loop
        self.decider = PlanDecider(plan or ["a"])
        self.books = MemoryBooks()
        self.watch = Watch()
        self.fleet = Fleet(
            1,
            "",
            settings,
            Queue(10, Seconds(1), 10, Seconds(1)),
            RetryBudget(0.2, 3.0),
            {},
            {},
            {
                name: Route(
                    name, "m", (), (), (), Slo(None, None), Demand((), None), Seconds(9), "standard"
                )
                for name in ("chat", "other")
            },
            {"t": Tenant("t", Limits(), Budget(), None, "interactive")},
        )
        self.board = Switchboard(
            self.decider, self.books, self.watch, loop, time.monotonic, time.time
        )
        self.started = 1
        self.open_metrics = False
        self.halting = False
        self.inspector: Inspector | None = None
        self.codes: list[str] = []
        self.record = KeyRecord(KeyTerms("abcdefgh", "t"), "n", key_digest(KEY), 0.0)
        self.front = Front(
            Routes(self, "boot"), settings, time.monotonic, time.time, self.watch.failed
        )
        self.port = 0
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self.mocks: list[asyncio.Server] = []

    # State, for the routes
    def find_key(self, claim: Claim) -> KeyRecord | None:
        return self.record if claim == claim_of(KEY) else None

    def stopping(self) -> bool:
        return self.halting

    def not_ready(self) -> str | None:
        return "draining" if self.halting else None

    def metrics(self, done: Callable[[bytes], None]) -> None:
        done(b"metrics 1\n")

    def refused(self, code: str) -> None:
        self.codes.append(code)

    def failed(self, error: BaseException) -> None:
        self.watch.failed(error)

    def usage(self, key: str, tag: str | None, done: Callable[[bytes], None]) -> None:
        self.loop.call_soon(done, b'{"key":"%b"}' % key.encode())

    async def __aenter__(self) -> Self:
        self._server = await self.loop.create_server(self.front, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._sweeper = self.loop.create_task(self._sweep())
        return self

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            now = time.monotonic()
            self.front.sweep(now)
            self.board.sweep(now)

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._sweeper is not None
        self._server.close()
        self._sweeper.cancel()
        self.board.close()
        if self.inspector is not None:
            self.inspector.close()
        for connection in list(self.front.connections):
            connection.abort()
        for mock in self.mocks:
            mock.close()
        await asyncio.sleep(0)
        assert self.watch.errors == []

    def use(self, **urls: str) -> None:
        """Reach these sources."""
        self.board.use({name: Origin.of(source(name, url), None) for name, url in urls.items()})

    async def upstream(self, answer: "Answer") -> "Mock":
        """A raw upstream on a port of its own."""
        mock = Mock(answer)
        server = await asyncio.start_server(mock.serve, "127.0.0.1", 0, limit=64 * 1024 * 1024)
        self.mocks.append(server)
        mock.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        return mock

    async def connect(self) -> "Client":
        return Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=2**20))

    @asynccontextmanager
    async def client(self) -> "AsyncIterator[Client]":
        client = await self.connect()
        try:
            yield client
        finally:
            client.writer.close()

    async def until(self, what: Callable[[], bool], within: float = 5.0) -> None:
        """Let the loop turn until `what` holds."""
        async with asyncio.timeout(within):
            while not what():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.005)


@dataclass
class Seen:
    """A request as an upstream received it."""

    head: bytes
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()


Answer = Callable[[Seen], Awaitable[None]]


class Mock:
    """An upstream that says exactly the bytes it is told to."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.url = ""
        self.connections = 0
        self.seen: list[Seen] = []
        self.gone = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                seen = Seen(head, await reader.readexactly(length), reader, writer)
                self.seen.append(seen)
                await self.answer(seen)
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone += 1
        finally:
            writer.close()


@dataclass
class Got:
    """An answer as a client received it. `headers` has names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """A client that says exactly the bytes it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    def ask(
        self,
        body: bytes = b'{"model":"chat","messages":[{"role":"user","content":"hi"}]}',
        path: bytes = b"/v1/chat/completions",
        extra: bytes = b"",
    ) -> None:
        self.say(
            b"POST %b HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n%b"
            b"content-length: %d\r\n\r\n%b" % (path, KEY, extra, len(body), body)
        )

    def stream(self, extra: bytes = b"") -> None:
        self.ask(
            b'{"model":"chat","stream":true,"messages":[{"role":"user","content":"hi"}]}',
            extra=extra,
        )

    async def head(self) -> Got:
        raw = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        lines = raw.decode("latin-1").split("\r\n")
        pairs = (line.partition(": ")[::2] for line in lines[1:] if line)
        return Got(int(lines[0].split()[1]), {k.lower(): v for k, v in pairs}, b"")

    async def got(self) -> Got:
        """The next whole answer."""
        got = await self.head()
        if "content-length" in got.headers:
            got.body = await asyncio.wait_for(
                self.reader.readexactly(int(got.headers["content-length"])), 5
            )
        elif got.headers.get("transfer-encoding") == "chunked":
            got.body = await self.chunks()
        elif got.status != 204:
            got.body = await asyncio.wait_for(self.reader.read(-1), 5)
        return got

    async def chunks(self) -> bytes:
        parts = []
        while True:
            size = int(await asyncio.wait_for(self.reader.readuntil(b"\r\n"), 5), 16)
            data = await asyncio.wait_for(self.reader.readexactly(size + 2), 5)
            if not size:
                return b"".join(parts)
            parts.append(data[:-2])

    async def closed(self) -> bytes:
        """What still comes until the end of the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(-1), 5)
        except ConnectionResetError:
            return b""


def event(text: str) -> bytes:
    return (
        b'data: {"id":"1","object":"chat.completion.chunk","choices":'
        b'[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n' % text.encode()
    )


STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"
BODY = (
    b'{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant",'
    b'"content":"hello"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}'
)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def json_answer(body: bytes, status: str = "200 OK", extra: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n%b" % (
        status.encode(),
        extra,
        len(body),
        body,
    )


async def good_body(seen: Seen) -> None:
    await seen.say(json_answer(BODY))


async def good_stream(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("a")), chunk(event("b")), chunk(STOP), chunk(DONE) + LAST)
