"""Requests out of a client's bytes: llhttp, with the caps and the refusals that it leaves to us.

Rules
1. No I/O and no clock: bytes in, whole requests out, in the order of the connection.
2. After a violation of the protocol the reader is deaf: what follows cannot be trusted.
3. A request that its head already dooms is refused before its body is kept.
4. A head that this connection has sent before, byte for byte but for the digits of its
   `content-length`, is not parsed again. Whose key it holds is looked up every time.
"""

from typing import Final, NoReturn, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from tollway.fleet.objects import GatewaySettings
from tollway.gateway.http import WANTED_HEADERS, Refusal, Request, read_head, too_large
from tollway.gateway.recurring import RecurringHead

READ_IN_VAIN: Final = 64 * 1024
"""A refused body up to this size is read and dropped, so that the connection can be kept."""
LARGEST_BODIES: Final = 16
"""So many bodies of the largest size, or as many bytes of smaller ones, may be arriving at once,
over all connections: what is not whole yet is held before any limit of its sender is asked."""
MAX_PIPELINED: Final = 64
"""Requests that may arrive in one read before an answer to the first: a read is 256 KiB at most."""


class Judge(Protocol):
    """Who says whether a request may go on. Both raise `Refusal`."""

    def admit(self, request: Request) -> None:
        """Judge a head before its body is read."""

    def readmit(self, request: Request, first: Request) -> None:
        """Judge a request whose head equals that of `first`, which was admitted."""


class Arriving:
    """Bytes of bodies that are not whole yet, over all connections: as many as in so many `bodies`
    of the largest size may be."""

    __slots__ = ("bodies", "held")

    def __init__(self, bodies: int = LARGEST_BODIES) -> None:
        self.bodies = bodies
        self.held = 0


class RequestReader:
    """Parses one connection. `admit` judges a head and raises `Refusal`."""

    __slots__ = (
        "_arriving",
        "_between",
        "_done",
        "_fault",
        "_first",
        "_head_size",
        "_header_count",
        "_held",
        "_judge",
        "_known",
        "_parser",
        "_raw_head",
        "_request",
        "_settings",
        "deaf",
        "in_head",
        "wants_continue",
    )

    def __init__(self, settings: GatewaySettings, judge: Judge, arriving: Arriving) -> None:
        self._settings = settings
        self._arriving = arriving
        self._held = 0
        self._judge = judge
        self._parser = HttpRequestParser(self)
        self._request = Request()
        self._done: list[Request] = []
        self._fault: Refusal | None = None
        self._raw_head = self._head_size = self._header_count = 0
        self._between = True
        self._known: RecurringHead | None = None
        self._first: Request | None = None
        self.in_head = True
        self.deaf = False
        self.wants_continue = False

    def feed(self, data: bytes) -> list[Request]:
        """The requests that `data` completes. One that broke a rule has its `refusal`."""
        if self.deaf:
            return []
        fresh = self._between and not self._raw_head
        if fresh and self._known is not None and self._first is not None:
            body = self._known.body_in(data, self._settings.max_body)
            if body is not None:
                return [self._again(self._first, body)]
        if self.in_head:
            self._raw_head += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._done = []
            self.refuse(Refusal(400, "bad_request", "Upgrades and tunnels are not served."))
        except HttpParserError as error:
            self.refuse(self._fault or Refusal(400, "bad_request", f"Not HTTP/1.1: {error}."))
        else:
            if self.in_head and self._raw_head > self._settings.max_header_bytes:
                self.refuse(_head_too_large())
        done, self._done = self._done, []
        if fresh and self._between and len(done) == 1 and _may_recur(done[0]):
            self._known = RecurringHead.of(data, secret=True)
            self._first = done[0]
        return done

    def _again(self, first: Request, body: bytes) -> Request:
        """Rule 4."""
        request = first.again(body)
        try:
            self._judge.readmit(request, first)
        except Refusal as refusal:
            request.refusal = refusal
            request.parts.clear()
        return request

    def begun(self) -> bool:
        """Whether a part of the next request has arrived."""
        return not self._between or self._raw_head > 0

    def refuse(self, refusal: Refusal) -> Request:
        """Give up the request that is being read, and with it all that follows (rule 2)."""
        refusal.close = True
        self.let_go()
        request = self._request
        request.refusal = refusal
        request.keep_alive = False
        request.parts.clear()
        self._done.append(request)
        self.deaf = True
        return request

    def let_go(self) -> None:
        """What was held of a body is whole, or given up."""
        self._arriving.held -= self._held
        self._held = 0

    # --- the parser's callbacks ------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._between = False

    def on_url(self, url: bytes) -> None:
        self._request.target += url
        self._grow_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        if self._header_count > self._settings.max_headers:
            self._fail(_head_too_large())
        self._grow_head(len(name) + len(value) + 4)
        if not self.in_head:
            return  # trailers say nothing that is acted on
        name = name.lower()
        if name in WANTED_HEADERS:
            headers = self._request.headers
            if name in headers:
                self._fail(_repeated(name))
            headers[name] = value

    def _grow_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > self._settings.max_header_bytes:
            self._fail(_head_too_large())

    def _fail(self, refusal: Refusal) -> NoReturn:
        self._fault = refusal
        raise refusal

    def on_headers_complete(self) -> None:
        request = self._request
        self.in_head = False
        request.method = self._parser.get_method()
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):  # llhttp takes 0.9 and 2.0 in this form too
            self._fail(_another_version(version))
        request.http10 = version == "1.0"
        try:
            read_head(request, self._settings.max_body)
            self._judge.admit(request)
        except Refusal as refusal:
            expected = request.body_expected()
            if refusal.close or expected is None or expected > READ_IN_VAIN:
                self._fail(refusal)
            if b"expect" in request.headers:
                self._fail(refusal)
            request.refusal = refusal
            return
        if b"expect" in request.headers and not request.http10:
            self.wants_continue = True

    def on_body(self, body: bytes) -> None:
        request = self._request
        if request.refusal is not None:
            return
        request.body_size += len(body)
        if request.body_size > self._settings.max_body:
            self._fail(too_large(self._settings.max_body))
        self._held += len(body)
        self._arriving.held += len(body)
        if self._arriving.held > self._arriving.bodies * self._settings.max_body:
            self._fail(_too_much_at_once())
        request.parts.append(body)

    def on_message_complete(self) -> None:
        self.let_go()
        request = self._request
        # Valid here and nowhere else: llhttp forgets it with the next byte.
        request.keep_alive = self._parser.should_keep_alive()
        self._request = Request()
        self.in_head = self._between = True
        self.wants_continue = False
        self._raw_head = self._head_size = self._header_count = 0
        if len(self._done) >= MAX_PIPELINED:
            self._fail(Refusal(400, "bad_request", "Too many pipelined requests."))
        self._done.append(request)


def _may_recur(request: Request) -> bool:
    """Whether its head is all that is needed to understand the next one like it."""
    plain = request.keep_alive and not request.http10 and b"expect" not in request.headers
    return plain and request.refusal is None


def _another_version(version: str) -> Refusal:
    return Refusal(400, "bad_request", f"HTTP/{version} is not spoken here. Use HTTP/1.1.")


def _head_too_large() -> Refusal:
    return Refusal(431, "headers_too_large", "Send fewer or shorter headers.")


def _too_much_at_once() -> Refusal:
    return Refusal(
        503,
        "too_many_bodies",
        "Too many request bodies are arriving at once; try again in a moment.",
        b"retry-after: 1\r\n",
    )


def _repeated(name: bytes) -> Refusal:
    return Refusal(400, "bad_request", f"The header {name.decode()} may come once.")
