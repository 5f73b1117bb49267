"""One connection to a source: HTTP/1.1 responses out of bytes, and requests into them.

Rules
1. What one read brought is handed on in one piece: no event waits for a later one, and events that
   came together cost one write.
2. A connection is kept only after an answer whose end was framed, with nothing behind it. Empty
   lines are nothing: llhttp passes over them, and no answer can hide in them.
3. A whole answer whose head this connection has had before is not parsed again.
"""

import asyncio
from typing import Final, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from tollway.dispatch.messages import FailureKind
from tollway.gateway.outbox import Outbox
from tollway.gateway.recurring import RecurringHead

MAX_HEAD: Final = 64 * 1024
"""Bytes of a response's head."""
ONE_WRITE: Final = 16 * 1024
_MOST_KNOWN: Final = 256 * 1024
"""Bytes of a body that one read may bring."""
_IN_VAIN: Final = 8
"""Heads that were remembered and did not come again, after which a connection remembers no more: a
source that numbers its answers, or one asked so seldom that its date has changed."""

KEPT_HEADERS: Final = frozenset(
    {
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"transfer-encoding",
        b"retry-after",
        b"openai-processing-ms",
        b"x-request-id",
    }
)
"""All that is kept of a response's headers."""


class Reply(Protocol):
    """Who is told what comes back. After `lost`, or `data` with `ended`, nothing follows."""

    def head(self, status: int, headers: dict[bytes, bytes]) -> None: ...
    def data(self, data: bytes, ended: bool) -> None: ...
    def lost(self, kind: FailureKind, detail: str) -> None: ...


class Call(Protocol):
    """The attempt that a connection works for."""

    head: bytes
    body: bytes
    reply: Reply
    connection: "UpstreamConnection | None"
    paused: bool

    def ended(self) -> None: ...
    def dropped(self, answered: bool, reused: bool, detail: str) -> None: ...
    def broken(self, detail: str) -> None: ...


class Pool(Protocol):
    """Where a connection belongs."""

    outbox: Outbox

    def release(self, connection: "UpstreamConnection") -> None: ...
    def winding(self, connection: "UpstreamConnection") -> None: ...
    def forget(self, connection: "UpstreamConnection") -> None: ...


class UpstreamConnection(asyncio.Protocol):
    """A connection to a source, with at most one call at a time."""

    __slots__ = (
        "_answered",
        "_call",
        "_complete",
        "_framed",
        "_headers",
        "_interim",
        "_keep",
        "_known",
        "_known_headers",
        "_parser",
        "_parts",
        "_pool",
        "_raw_head",
        "_status",
        "_told_head",
        "_transport",
        "_uses",
        "_vain",
        "_winding",
        "idle_since",
    )

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._call: Call | None = None
        self._uses = 0
        self._known: RecurringHead | None = None
        self._known_headers: dict[bytes, bytes] = {}
        self._vain = 0
        self._winding = False
        self.idle_since = 0.0
        self._expect_answer()

    def _expect_answer(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._parts: list[bytes] = []
        self._raw_head = 0
        self._status: int | None = None
        self._answered = self._framed = self._told_head = False
        self._interim = self._complete = self._keep = False

    def take(self, call: Call) -> bool:
        """Send the call's request, and work for it until its answer ends. False where the
        connection is closed, and nothing was sent."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        self._expect_answer()
        self._call = call
        self._uses += 1
        call.connection = self
        if call.paused:
            transport.pause_reading()
        outbox = self._pool.outbox
        if len(call.body) <= ONE_WRITE:
            outbox.write(transport, call.head + call.body)
        else:
            outbox.write(transport, call.head)
            outbox.write(transport, call.body)
        return True

    def abort(self) -> None:
        """Close at once; nobody is told."""
        self._call = None
        self._winding = False
        if self._transport is not None:
            self._transport.abort()

    def wind_down(self) -> None:
        """Nobody waits for the rest of this answer; once it has come the connection is free."""
        self._call = None
        self._winding = True
        self.resume()
        self._pool.winding(self)

    def pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    # --- the transport ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no asyncio.Transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._pool.forget(self)
        call, self._call = self._call, None
        if call is None:
            return
        if self._told_head and not self._framed and exc is None:
            call.ended()
            call.reply.data(b"", True)
        else:
            call.dropped(self._answered, self._uses > 1, str(exc) if exc else "closed by the peer")

    def data_received(self, data: bytes) -> None:
        if self._call is None and not self._winding:
            self.abort()  # nobody asked for this
            return
        fresh = not self._answered
        self._answered = True
        if fresh and self._known is not None and self._recognise(self._known, data):
            self._deliver()
            return
        if self._status is None:
            self._raw_head += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self._complete:
                self._give_up(f"not an HTTP/1.1 answer: {error}")
                return
            self._keep = False  # rule 2: something behind the end
        if self._status is None and self._raw_head > MAX_HEAD:
            self._give_up("the answer's head is too long")
        else:
            if fresh and self._keep and self._status == 200 and self._vain < _IN_VAIN:
                self._remember(data)
            self._deliver()

    def _remember(self, data: bytes) -> None:
        """Know the head of this whole answer again."""
        self._vain += 1
        self._known = RecurringHead.of(data, secret=False)
        self._known_headers = {
            name: value for name, value in self._headers.items() if name != b"content-length"
        }

    def _recognise(self, known: RecurringHead, data: bytes) -> bool:
        """Rule 3: whether `data` is a whole answer with the head that is known."""
        body = known.body_in(data, _MOST_KNOWN)
        if body is None:
            return False
        self._vain = 0
        self._status = 200
        self._headers = self._known_headers
        self._parts.append(body)
        self._complete = self._keep = self._framed = True
        return True

    def _deliver(self) -> None:
        """Hand on what the last read brought (rule 1)."""
        call = self._call
        if call is not None and not self._told_head:
            if self._status is None:
                return
            self._told_head = True
            call.reply.head(self._status, self._headers)
            if self._call is not call:
                return
        parts = self._parts
        if self._complete:
            self._call = None
            self._part_company()
            if call is not None:
                call.ended()
                call.reply.data(parts[0] if len(parts) == 1 else b"".join(parts), True)
        elif parts and call is not None:
            self._parts = []
            call.reply.data(parts[0] if len(parts) == 1 else b"".join(parts), False)

    def _part_company(self) -> None:
        """The answer is whole: keep the connection, or close it."""
        transport = self._transport
        self._winding = False
        if not self._keep or transport is None or transport.get_write_buffer_size():
            self.abort()
        else:
            transport.resume_reading()
            self._pool.release(self)

    def _give_up(self, detail: str) -> None:
        call = self._call
        self.abort()
        if call is not None:
            call.broken(detail)

    # --- the parser's callbacks ------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._complete:
            self._keep = False  # rule 2: something behind the end, and it looks like an answer

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in KEPT_HEADERS and not self._complete:
            self._headers[name] = value

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._complete:
            self._keep = False
        elif status < 200:
            self._interim = True
        else:
            self._status = status
            self._framed = b"content-length" in self._headers or b"chunked" in self._headers.get(
                b"transfer-encoding", b""
            )

    def on_body(self, body: bytes) -> None:
        if not self._complete:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            self._headers = {}
        elif not self._complete:
            self._complete = True
            # Valid here and nowhere else: read later it silently costs a connection a request.
            self._keep = self._parser.should_keep_alive()
