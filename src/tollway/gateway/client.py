"""The client's side of the gateway: one `asyncio.Protocol` for each connection.

Rules
1. Requests on one connection are answered in their order; a pipelined one waits for its turn.
2. A client that closes its half of the connection has left, and what runs for it is ended.
3. After a violation of the protocol the connection is answered once, then closed.
4. Closing is lingering: the answer is not destroyed by a reset because the client still sends.
5. No connection has a timer of its own: `Front.sweep` looks at all deadlines.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Final, Protocol

from tollway.fleet.objects import GatewaySettings
from tollway.gateway.http import (
    CHUNKED_HEADER,
    CONTINUE,
    JSON_HEADER,
    LAST_CHUNK,
    Refusal,
    Request,
    answer_head,
    date_line,
)
from tollway.gateway.outbox import Outbox
from tollway.gateway.reader import Arriving, RequestReader

HIGH_WATER: Final = 64 * 1024
"""Bytes waiting for a client above which the upstream is no longer read."""
LINGER: Final = 2.0
"""Seconds that a refused client may go on sending before the connection is dropped (nginx: 5)."""
ONE_WRITE: Final = 16 * 1024
"""Below this, copying a chunk behind its size is cheaper than handing over three buffers."""

IDLE, HEAD, BODY, ANSWER, LINGERING = range(5)
"""What a connection is doing, which says what its deadline means."""


class Listener(Protocol):
    """Who is told when the client of a running request leaves, or stops and resumes reading."""

    def client_gone(self) -> None: ...
    def client_paused(self) -> None: ...
    def client_resumed(self) -> None: ...


class App(Protocol):
    """What stands behind the client's side."""

    def admit(self, request: Request) -> None:
        """Judge a head before its body is read; raises `Refusal`."""

    def readmit(self, request: Request, first: Request) -> None:
        """Judge one whose head equals that of `first`, which was admitted; raises `Refusal`."""

    def start(self, connection: "ClientConnection", request: Request) -> None:
        """Begin to answer a whole request; raises `Refusal`."""

    def error_body(self, refusal: Refusal, request: Request | None) -> bytes: ...


class Front:
    """What all client connections share: settings, clocks, the app, and themselves."""

    def __init__(
        self,
        app: App,
        settings: GatewaySettings,
        clock: Callable[[], float],
        utc: Callable[[], float],
        failed: Callable[[BaseException], None],
    ) -> None:
        self.app = app
        self.settings = settings
        self.clock = clock
        self.failed = failed
        self.connections: set[ClientConnection] = set()
        self.draining = False
        self.arriving = Arriving()
        self._utc = utc
        self.date = date_line(utc())
        self.outbox = Outbox(asyncio.get_running_loop())

    def sweep(self, now: float) -> None:
        """End what has waited too long. Call about twice a second."""
        self.date = date_line(self._utc())
        for connection in [each for each in self.connections if each.deadline <= now]:
            connection.expired()

    def drain(self) -> None:
        """Keep no connection alive any longer; those that wait for a request are closed."""
        self.draining = True
        for connection in list(self.connections):
            connection.close_if_idle()

    def __call__(self) -> "ClientConnection":
        return ClientConnection(self)


class ClientConnection(asyncio.Protocol):
    """One client connection: parses requests, and serialises answers to them."""

    __slots__ = (
        "_chunked",
        "_current",
        "_front",
        "_paused",
        "_phase",
        "_pumping",
        "_reader",
        "_transport",
        "_waiting",
        "deadline",
        "listener",
        "peer",
    )

    def __init__(self, front: Front) -> None:
        self._front = front
        self._reader = RequestReader(front.settings, front.app, front.arriving)
        self._transport: asyncio.Transport | None = None
        self._waiting: list[Request] = []  # a deque takes 600 bytes of every idle connection
        self._current: Request | None = None
        self._phase = HEAD
        self._paused = False
        self._pumping = False
        self._chunked = False
        self.listener: Listener | None = None
        self.deadline = inf
        self.peer: object = None

    # --- the transport ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        front = self._front
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no asyncio.Transport
        self.peer = transport.get_extra_info("peername")
        self._transport.set_write_buffer_limits(high=HIGH_WATER)  # type: ignore[union-attr]
        self.deadline = front.clock() + front.settings.header_timeout
        crowded = len(front.connections) >= front.settings.max_connections
        front.connections.add(self)
        if crowded:
            self._refuse_unread(Refusal(503, "too_many_connections", "Try again in a moment."))

    def connection_lost(self, exc: Exception | None) -> None:
        self._front.connections.discard(self)
        self._reader.let_go()
        self._transport = None
        self._waiting.clear()
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.client_gone()

    def eof_received(self) -> None:
        """Rule 2: returning None lets the transport close itself."""

    def pause_writing(self) -> None:
        self._paused = True
        self.deadline = self._front.clock() + self._front.settings.write_timeout
        if self.listener is not None:
            self.listener.client_paused()

    def resume_writing(self) -> None:
        self._paused = False
        if self._phase == ANSWER:
            self.deadline = inf
            if self.listener is not None:
                self.listener.client_resumed()
        else:
            self._enter(self._phase)
            self._pump()

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        requests = reader.feed(data)
        if len(requests) == 1 and self._current is None and not (self._waiting or self._paused):
            if self._transport is not None and self._phase != LINGERING:
                self._start(requests[0])
        elif requests:
            self._waiting.extend(requests)
            self._pump()
            if self._waiting and self._transport is not None:
                self._transport.pause_reading()
        elif self._current is None:
            self._await_rest()
            if reader.wants_continue and self._transport is not None:
                reader.wants_continue = False
                self._front.outbox.write(self._transport, CONTINUE)

    # --- deadlines -------------------------------------------------------------------------------

    def _enter(self, phase: int) -> None:
        self._phase = phase
        if self._paused:
            return
        front, settings = self._front, self._front.settings
        if phase == ANSWER:
            self.deadline = inf
        elif phase == IDLE:
            self.deadline = front.clock() + settings.keep_alive
        elif phase == HEAD:
            self.deadline = front.clock() + settings.header_timeout
        elif phase == BODY:
            self.deadline = front.clock() + settings.body_timeout
        else:
            self.deadline = front.clock() + LINGER

    def _await_rest(self) -> None:
        """Move to the phase that what has arrived of the next request stands for."""
        reader = self._reader
        phase = IDLE if not reader.begun() else HEAD if reader.in_head else BODY
        if phase != self._phase:
            self._enter(phase)

    def expired(self) -> None:
        """The deadline has passed."""
        transport = self._transport
        if transport is None:
            return
        self._front.outbox.flush()
        if self._paused or self._phase == LINGERING:
            transport.abort()
        elif self._reader.begun():
            late = "header" if self._phase == HEAD else "body"
            self._refuse_unread(Refusal(408, "request_timeout", f"The {late} took too long."))
        else:
            transport.close()

    def close_if_idle(self) -> None:
        """Close the connection where no request of it is being received or answered."""
        idle = self._current is None and not self._waiting and not self._reader.begun()
        if idle and self._transport is not None:
            self._front.outbox.flush()
            self._transport.close()

    def _refuse_unread(self, refusal: Refusal) -> None:
        """Refuse a request that has not arrived whole."""
        self._waiting.append(self._reader.refuse(refusal))
        self._pump()

    # --- the order of answers --------------------------------------------------------------------

    def _pump(self) -> None:
        """Start the next request where its turn has come (rule 1)."""
        if self._pumping:
            return
        self._pumping = True
        while self._current is None and self._waiting and not self._paused:
            if self._transport is None or self._phase == LINGERING:
                break
            self._start(self._waiting.pop(0))
        self._pumping = False
        if not self._waiting and self._transport is not None:
            self._transport.resume_reading()

    def _start(self, request: Request) -> None:
        self._current = request
        self._phase = ANSWER
        self.deadline = inf
        try:
            if request.refusal is not None:
                raise request.refusal
            self._front.app.start(self, request)
        except Refusal as refusal:
            self.refuse(refusal)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end in silence
            self._front.failed(error)
            self.refuse(Refusal(500, "internal_error", "The gateway failed.", close=True))

    def _finished(self, *, keep: bool) -> None:
        """The current request has its whole answer."""
        refused = self._current is not None and self._current.refusal is not None
        self._current = None
        self.listener = None
        if self._transport is None:
            return
        if keep:
            if self._reader.begun():
                self._await_rest()
            else:
                self._enter(IDLE)
            if self._waiting:
                self._pump()
            return
        self._front.outbox.flush()
        self._waiting.clear()
        if refused:
            self._enter(LINGERING)
            self._reader.deaf = True
            self._transport.resume_reading()
            self._transport.write_eof()
        else:
            self._transport.close()

    # --- answers ---------------------------------------------------------------------------------

    def refuse(self, refusal: Refusal) -> None:
        """Answer the current request with an error."""
        if self._current is not None:
            self._current.refusal = refusal
        body = self._front.app.error_body(refusal, self._current)
        self.respond(refusal.status, JSON_HEADER + refusal.headers, body, close=refusal.close)

    def respond(self, status: int, headers: bytes, body: bytes, close: bool = False) -> None:
        """Answer the current request with a whole body."""
        request = self._current
        if self._transport is None or request is None:
            return
        keep = request.keep_alive and not close and not self._front.draining
        length = None if status == 204 else len(body)
        head = answer_head(status, headers, length, date=self._front.date, keep_alive=keep)
        outbox = self._front.outbox
        if request.method == b"HEAD" or not body:
            outbox.write(self._transport, head)
        elif len(body) <= ONE_WRITE:
            outbox.write(self._transport, head + body)
        else:
            outbox.write(self._transport, head)
            outbox.write(self._transport, body)
        self._finished(keep=keep)

    def begin(self, status: int, headers: bytes, length: int | None = None) -> None:
        """Start an answer whose body follows through `send` and `end`. Where its `length` in bytes
        is unknown it is sent in chunks, or to the end of the connection for HTTP/1.0."""
        request = self._current
        if self._transport is None or request is None:
            return
        self._chunked = length is None and not request.http10
        if self._front.draining or (length is None and request.http10):
            request.keep_alive = False
        if self._chunked:
            headers = headers + CHUNKED_HEADER
        head = answer_head(
            status, headers, length, date=self._front.date, keep_alive=request.keep_alive
        )
        self._front.outbox.write(self._transport, head)

    def send(self, data: bytes) -> None:
        """Send a part of the body. `data` is not empty."""
        transport = self._transport
        if transport is None:
            return
        if not self._chunked:
            self._front.outbox.write(transport, data)
        elif len(data) <= ONE_WRITE:
            self._front.outbox.write(transport, b"%x\r\n%b\r\n" % (len(data), data))
        else:
            for part in (b"%x\r\n" % len(data), data, b"\r\n"):
                self._front.outbox.write(transport, part)

    def end(self) -> None:
        """End the body that `begin` started."""
        request = self._current
        if self._transport is None or request is None:
            return
        if self._chunked:
            self._front.outbox.write(self._transport, LAST_CHUNK)
        self._finished(keep=request.keep_alive)

    def abort(self) -> None:
        """Break the answer off, so that the client cannot take it for a whole one."""
        self.listener = None
        if self._transport is not None:
            self._front.outbox.flush()
            self._transport.abort()
