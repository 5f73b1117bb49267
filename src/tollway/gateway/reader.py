"""Requests out of a client's bytes: llhttp, with the caps and the refusals that it leaves to us.

Rules
1. No I/O and no clock: bytes in, whole requests out, in the order of the connection.
2. After a violation of the protocol the reader is deaf: what follows cannot be trusted.
3. A request that its head already dooms is refused before its body is kept.
"""

from collections.abc import Callable
from typing import NoReturn

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from tollway.fleet.objects import GatewaySettings
from tollway.gateway.http import WANTED_HEADERS, Refusal, Request, read_head, too_large

READ_IN_VAIN = 64 * 1024
"""A refused body up to this size is read and dropped, so that the connection can be kept."""
MAX_PIPELINED = 64
"""Requests that may arrive in one read before an answer to the first: a read is 256 KiB at most."""


class RequestReader:
    """Parses one connection. `admit` judges a head and raises `Refusal`."""

    __slots__ = (
        "_admit",
        "_done",
        "_fault",
        "_head_size",
        "_header_count",
        "_parser",
        "_raw_head",
        "_request",
        "_settings",
        "deaf",
        "in_head",
        "wants_continue",
    )

    def __init__(self, settings: GatewaySettings, admit: Callable[[Request], None]) -> None:
        self._settings = settings
        self._admit = admit
        self._parser = HttpRequestParser(self)
        self._request = Request()
        self._done: list[Request] = []
        self._fault: Refusal | None = None
        self._raw_head = self._head_size = self._header_count = 0
        self.in_head = True
        self.deaf = False
        self.wants_continue = False

    def feed(self, data: bytes) -> list[Request]:
        """The requests that `data` completes. One that broke a rule has its `refusal`."""
        if self.deaf:
            return []
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
        return done

    def begun(self) -> bool:
        """Whether a part of the next request has arrived."""
        return not self.in_head or self._raw_head > 0 or bool(self._request.target)

    def refuse(self, refusal: Refusal) -> Request:
        """Give up the request that is being read, and with it all that follows (rule 2)."""
        refusal.close = True
        request = self._request
        request.refusal = refusal
        request.keep_alive = False
        request.parts.clear()
        self._done.append(request)
        self.deaf = True
        return request

    # --- the parser's callbacks ------------------------------------------------------------------

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
        request.http10 = self._parser.get_http_version() != "1.1"
        try:
            read_head(request, self._settings.max_body)
            self._admit(request)
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
        request.parts.append(body)

    def on_message_complete(self) -> None:
        request = self._request
        # Valid here and nowhere else: llhttp forgets it with the next byte.
        request.keep_alive = self._parser.should_keep_alive()
        self._request = Request()
        self.in_head = True
        self.wants_continue = False
        self._raw_head = self._head_size = self._header_count = 0
        if len(self._done) >= MAX_PIPELINED:
            self._fail(Refusal(400, "bad_request", "Too many pipelined requests."))
        self._done.append(request)


def _head_too_large() -> Refusal:
    return Refusal(431, "headers_too_large", "Send fewer or shorter headers.")


def _repeated(name: bytes) -> Refusal:
    return Refusal(400, "bad_request", f"The header {name.decode()} may come once.")
