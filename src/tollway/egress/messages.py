"""HTTP/1.1 out of bytes: heads, bodies and ends; what can be read in two ways is refused.

Rules
1. llhttp reads, strictly: no bare line feeds, no folded headers, no length beside chunks, no two
   lengths. What it leaves to us is refused here.
2. What is sent on is written anew from what was read, never copied.
3. Trailers are counted and dropped.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from httptools import (
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
    HttpResponseParser,
)

Headers = tuple[tuple[bytes, bytes], ...]

_ONCE = frozenset(
    (b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding",
     b"authorization", b"proxy-authorization", b"expect", b"upgrade")
)  # fmt: skip
"""Headers of a request that may come once: who asks, what, and where it ends."""
HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate",
     b"proxy-authorization", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"http2-settings",
     b"alt-svc", b"proxy-authentication-info")
)  # fmt: skip
"""Headers that are for the next hop only; Alt-Svc would lead a client around the proxy."""


class MessageError(Exception):
    """What came is no message that may be acted on; the text says why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request or an answer. `length` is what the body's framing says: None for
    chunks, or for all that comes until the end of an answer's connection."""

    method: str
    target: bytes
    status: int
    http10: bool
    headers: Headers
    length: int | None
    chunked: bool

    def values(self, name: bytes) -> list[bytes]:
        """The values of a header."""
        return [value for key, value in self.headers if key.lower() == name]

    def value(self, name: bytes) -> bytes:
        """The value of a header that may come once; empty where it is missing."""
        return next(iter(self.values(name)), b"")


@dataclass(frozen=True, slots=True)
class Caps:
    """The most of a head that is read."""

    bytes: int
    headers: int


Event = Head | bytes | Literal["end"]


class MessageReader:
    """Reads one peer's messages, one after the other."""

    def __init__(self, kind: Literal["request", "answer"], caps: Caps, *, strict: bool) -> None:
        """`strict` False, in tests, lets pass what rule 1 leaves to us."""
        self._kind = kind
        self._caps = caps
        self._strict = strict
        self._parser = HttpRequestParser(self) if kind == "request" else HttpResponseParser(self)
        self._events: deque[Event] = deque()
        self._fault: MessageError | None = None
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._size = self._raw = 0
        self._in_head = True
        self.rest = b""
        """What came behind the head of a CONNECT."""
        self.begun = False
        """Whether a part of the next message has come."""
        self.keep_alive = False
        """Whether the peer keeps the connection behind the message that ended last."""

    def next(self) -> Event | None:
        """The next event; None where more bytes are needed.

        Raises:
            MessageError: what came is refused. What follows is not read.
        """
        if self._events:
            return self._events.popleft()
        if self._fault is not None:
            raise self._fault
        return None

    def idle(self) -> bool:
        """Whether nothing has come behind the last message."""
        return not self.begun and not self._events and self._fault is None

    def feed(self, data: bytes) -> None:
        """Read on."""
        if self._fault is not None:
            return
        if self._in_head:
            self.begun = True
            self._raw += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._upgraded(data[upgrade.args[0] :])
        except HttpParserError as error:
            found = error.__context__
            known = found if isinstance(found, MessageError) else None
            self._fault = known or MessageError(400, f"Not strict HTTP/1.1: {error}.")
        if self._in_head and self._raw > self._caps.bytes and self._fault is None:
            self._fault = _too_large()

    def _upgraded(self, rest: bytes) -> None:
        """A CONNECT, which llhttp calls an upgrade once its head is whole; any other is refused."""
        while self._events and not isinstance(self._events[-1], Head):
            self._events.pop()
        head = self._events[-1] if self._events else None
        if isinstance(head, Head) and head.method == "CONNECT":
            self.rest = rest
            self._fault = MessageError(400, "A tunnel ends the requests of its connection.")
            return
        if head is not None:
            self._events.pop()
        self._fault = MessageError(400, "Upgrades (WebSocket, HTTP/2) are not let through.")

    # --- the parser's callbacks ------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._target, self._headers, self._size = b"", [], 0
        self._in_head = self.begun = True

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._grow(len(name) + len(value) + 4)
        self._headers.append((name, value))
        if len(self._headers) > self._caps.headers:
            raise _too_large()

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._caps.bytes:
            raise _too_large()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._raw = 0
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise MessageError(505, f"HTTP/{version} is not spoken here. Use HTTP/1.1.")
        method = status = None
        if isinstance(self._parser, HttpRequestParser):
            method = self._parser.get_method().decode("ascii", "replace")
        else:
            status = self._parser.get_status_code()
        headers = tuple(self._headers)
        self._headers = []
        length, chunked = _framing(headers, version, request=method is not None)
        if self._strict and method is not None:
            _refuse_repeated(headers)
        http10 = version == "1.0"
        self._events.append(
            Head(method or "", self._target, status or 0, http10, headers, length, chunked)
        )

    def on_body(self, body: bytes) -> None:
        self._events.append(body)

    def on_message_complete(self) -> None:
        # Valid here and nowhere else: llhttp forgets it with the next byte.
        self.keep_alive = self._parser.should_keep_alive()
        self._in_head, self.begun, self._raw = True, False, 0
        self._events.append("end")


def _framing(headers: Headers, version: str, *, request: bool) -> tuple[int | None, bool]:
    """How long the body is, and whether it comes in chunks."""
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    codings = [value for name, value in headers if name.lower() == b"transfer-encoding"]
    if codings:
        if len(codings) > 1 or codings[0].strip().lower() != b"chunked" or lengths:
            raise MessageError(400, "The only transfer-encoding is chunked, without a length.")
        if version == "1.0":
            raise MessageError(400, "HTTP/1.0 has no transfer-encoding.")
        return None, True
    if len(lengths) > 1:
        raise MessageError(400, "Content-Length may come once.")
    if lengths:
        if not lengths[0].strip().isdigit():
            raise MessageError(400, "Content-Length is not a number.")
        return int(lengths[0]), False
    return (0 if request else None), False


def _refuse_repeated(headers: Headers) -> None:
    seen: set[bytes] = set()
    for name, _ in headers:
        key = name.lower()
        if key in _ONCE and key in seen:
            raise MessageError(400, f"The header {key.decode()} may come once.")
        seen.add(key)


def _too_large() -> MessageError:
    return MessageError(431, "Send fewer or shorter headers.")


_OVERRIDING = frozenset(
    (
        b"x-http-method-override", b"x-http-method", b"x-method-override", b"x-original-url",
        b"x-rewrite-url", b"x-forwarded-uri",
    )
)  # fmt: skip


def carried(headers: Headers, dropped: Iterable[bytes] = ()) -> Headers:
    """The headers that go on: without those of the hop, those that Connection names, those that
    have some servers take another method or path than was judged, and `dropped`."""
    listed = b",".join(value for name, value in headers if name.lower() == b"connection")
    named = {word.strip().lower() for word in listed.split(b",")}
    away = HOP_BY_HOP | _OVERRIDING | named | set(dropped)
    return tuple((name, value) for name, value in headers if name.lower() not in away)


def written(first: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A head as bytes.

    Raises:
        MessageError: something in it would end a line.
    """
    lines = [first, *(name + b": " + value for name, value in headers)]
    if any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines):
        raise MessageError(400, "A header holds the end of a line.")
    return b"\r\n".join((*lines, b"", b""))


def chunk(data: bytes) -> bytes:
    """A chunk of a body; nothing for nothing, which would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


LAST_CHUNK = b"0\r\n\r\n"
