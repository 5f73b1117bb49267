"""HTTP/1.1 as the gateway speaks it with clients: a request's head and body, answers as bytes.

Rules
1. A header that decides who is asking, what is asked or where the body ends may come once.
2. Whatever is refused is answered in the error shape of the dialect, with what to change.
3. What the gateway sends is built from bytes prepared at import: no formatting for each header.
"""

import re
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from tollway.ledger.keys import KeyRecord

STATUS_LINES: Mapping[int, bytes] = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}

WANTED_HEADERS: Final = frozenset(
    {
        b"authorization",
        b"x-api-key",
        b"x-goog-api-key",
        b"anthropic-version",
        b"anthropic-beta",
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"content-encoding",
        b"content-type",
        b"expect",
        b"traceparent",
        b"tracestate",
        b"x-tollway-tag",
        b"x-tollway-class",
        b"x-tollway-only",
    }
)
"""All that is kept of a request's headers; each may come once."""

JSON_HEADER: Final = b"content-type: application/json\r\n"
CHUNKED_HEADER: Final = b"transfer-encoding: chunked\r\n"
CLOSE_HEADER: Final = b"connection: close\r\n"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

_UNSAFE: Final = re.compile(rb"[^\x20-\x7e]")


class Refusal(Exception):  # noqa: N818 - it names a refusal, not a failure of ours
    """A request that is answered with an error. `headers` are whole lines, each with its CRLF;
    `close` says that what follows on the connection cannot be trusted or is not wanted."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: bytes = b"",
        *,
        param: str | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers
        self.param = param
        self.close = close


class Request:
    """One request of a client. `headers` holds only `WANTED_HEADERS`, names in lower case; `key` is
    whose request it is, once that is known, and `wish` what its head asks for beside that, in the
    words of whoever admitted it."""

    __slots__ = (
        "body_size",
        "headers",
        "http10",
        "keep_alive",
        "key",
        "method",
        "parts",
        "path",
        "query",
        "refusal",
        "target",
        "wish",
    )

    def __init__(self) -> None:
        self.method = b""
        self.target = b""
        self.path = b""
        self.query = b""
        self.http10 = False
        self.keep_alive = False
        self.headers: dict[bytes, bytes] = {}
        self.parts: list[bytes] = []
        self.body_size = 0
        self.refusal: Refusal | None = None
        self.key: KeyRecord | None = None
        self.wish: object = None

    def again(self, body: bytes) -> "Request":
        """A request with the same head, but for the length of its body, and no key yet."""
        request = Request()
        request.method = self.method
        request.path = self.path
        request.query = self.query
        request.keep_alive = True
        request.headers = self.headers
        request.wish = self.wish
        request.parts.append(body)
        return request

    def take_body(self) -> bytes:
        """The whole body, which the request does not keep any longer."""
        parts, self.parts = self.parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def body_expected(self) -> int | None:
        """The declared length of the body in bytes; None where it comes in chunks."""
        if b"transfer-encoding" in self.headers:
            return None
        return int(self.headers.get(b"content-length", b"0"))


def read_head(request: Request, max_body: int) -> None:
    """Check a head that the parser accepted, and fill `path` and `query`.

    Raises:
        Refusal: the head may not be acted on.
    """
    headers = request.headers
    if request.http10:
        if b"transfer-encoding" in headers:
            raise Refusal(400, "bad_request", "HTTP/1.0 has no transfer-encoding.", close=True)
    elif b"host" not in headers:
        raise Refusal(400, "bad_request", "A Host header is required, once.", close=True)
    if not request.target.startswith(b"/"):
        raise Refusal(400, "bad_request", "The request target must begin with `/`.", close=True)
    request.path, _, request.query = request.target.partition(b"?")
    if headers.get(b"transfer-encoding", b"chunked").strip().lower() != b"chunked":
        raise Refusal(
            400, "bad_request", "The only known transfer-encoding is chunked.", close=True
        )
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise Refusal(415, "unsupported_encoding", "Send the body without content-encoding.")
    if headers.get(b"expect", b"100-continue").strip().lower() != b"100-continue":
        raise Refusal(417, "expectation_failed", "The only known expectation is 100-continue.")
    expected = request.body_expected()
    if expected is not None and expected > max_body:
        raise too_large(max_body)


def too_large(max_body: int) -> Refusal:
    """The refusal of a body over the cap."""
    return Refusal(
        413, "body_too_large", f"The body is over {max_body} bytes; send a smaller one.", close=True
    )


def answer_head(
    status: int, headers: bytes, length: int | None, *, date: bytes, keep_alive: bool
) -> bytes:
    """The head of an answer. `length` None means that the caller's `headers` say where the body
    ends, or that the connection's end does; `date` is a whole header line."""
    line = STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status
    close = b"" if keep_alive else CLOSE_HEADER
    if length is None:
        return line + date + headers + close + b"\r\n"
    size = str(length).encode()
    return line + date + headers + b"content-length: " + size + b"\r\n" + close + b"\r\n"


def date_line(utc: float) -> bytes:
    """The `date` header line of a moment, in seconds since the epoch."""
    return f"date: {formatdate(utc, usegmt=True)}\r\n".encode()


def header_line(name: bytes, value: bytes | str) -> bytes:
    """One header line; what cannot stand in a header becomes `?`."""
    if isinstance(value, str):
        value = value.encode("ascii", "replace")
    return b"%b: %b\r\n" % (name, _UNSAFE.sub(b"?", value))


def retry_after_line(seconds: float | None) -> bytes:
    """`retry-after` in whole seconds, rounded up, at least one; nothing where there is no time."""
    return b"" if seconds is None else b"retry-after: %d\r\n" % max(1, -int(-seconds // 1))
