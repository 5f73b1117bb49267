"""An answer on its way back: searched for secrets, and written anew for the client.

Rules
1. Whatever of a secret comes back is replaced by the task's own sentinel before it is passed on, in
   heads and bodies, across chunks.
2. A body that cannot be read cannot be searched: it is refused, not passed on.
3. An answer that is cut off is cut off for the client too, never ended as if it were whole.
"""

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from tollway.egress.messages import (
    Head,
    Headers,
    MessageError,
    carried,
    written,
)
from tollway.egress.verdict import Passed
from tollway.guard.reflection import Filter

HELD = 256 * 1024
"""A searched body up to this size is held, so that its length can be told."""
_STEP = 256 * 1024
_LARGEST_GROWTH = 200
_GRANTED = 8 << 20
"""A packed body may grow to this size, and beyond it by `_LARGEST_GROWTH`."""
_WINDOWS = {b"gzip": 47, b"x-gzip": 47, b"deflate": 47}


class Inflating:
    """Unpacks gzip and zlib, a bounded piece at a time; also several streams in a row."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._inflate = zlib.decompressobj(bits)
        self._taken = self._made = 0
        self.ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What a piece unpacks to.

        Raises:
            MessageError: it is not packed so, or it grows without end.
        """
        self._taken += len(data)
        while data:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(self._bits)
            try:
                made = self._inflate.decompress(data, _STEP)
            except zlib.error:
                raise MessageError(502, "The answer is not packed as its head says.") from None
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
            self._made += len(made)
            if self._made > _GRANTED + _LARGEST_GROWTH * self._taken:
                raise MessageError(502, "The answer unpacks without end.")
            if made:
                yield made
        self.ended = self._inflate.eof


class Answer:
    """How one answer is passed on."""

    def __init__(self, head: Head, passed: Passed, *, no_body: bool) -> None:
        """Raises:
        MessageError: it cannot be searched.
        """
        self._head = head
        self._no_body = no_body
        search = passed.reflections
        self._filter = None if search is None else Filter(search, passed.instead)
        self._headers = head.headers
        self._inflating: Inflating | None = None
        self._aside: Inflating | None = None
        self._aside_filter = None if search is None else Filter(search, passed.instead)
        self._first = self._empty = True
        self.reflected: set[str] = set()
        if search is not None:
            self._headers = self._searched_headers(passed)
            self._refuse_parts()
            if not no_body:
                self._inflating = self._unpacking()

    def _searched_headers(self, passed: Passed) -> Headers:
        return tuple(
            (self._replaced(name, passed), self._replaced(value, passed))
            for name, value in self._head.headers
        )

    def _replaced(self, text: bytes, passed: Passed) -> bytes:
        if passed.reflections is None:
            return text
        once = Filter(passed.reflections, passed.instead)
        out = once.feed(text) + once.end()
        self.reflected |= once.seen
        return out

    def _refuse_parts(self) -> None:
        if self._head.status == 206 or self._head.value(b"content-range"):
            raise MessageError(502, "A part of an answer was not asked for, and is not searched.")

    def _unpacking(self) -> Inflating | None:
        codings = b",".join(self._head.values(b"content-encoding")).lower()
        words = [word.strip() for word in codings.split(b",") if word.strip()]
        packed = [word for word in words if word != b"identity"]
        if not packed:
            return None
        if len(packed) > 1 or packed[0] not in _WINDOWS:
            said = b", ".join(packed).decode("ascii", "replace")[:40]
            raise MessageError(502, f"The answer is packed ({said}) and cannot be searched.")
        return Inflating(_WINDOWS[packed[0]])

    # --- the body --------------------------------------------------------------------------------

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What may go on of a piece of the body.

        Raises:
            MessageError: it cannot be searched, or hides a secret that cannot be replaced.
        """
        if self._filter is None:
            yield data
            return
        self._empty = False
        plain = iter((data,)) if self._inflating is None else self._inflating.feed(data)
        for piece in plain:
            self._look_aside(piece)
            out = self._filter.feed(piece)
            self.reflected |= self._filter.seen
            if out:
                yield out

    def rest(self) -> bytes:
        """The end of the body.

        Raises:
            MessageError: a packed body was not whole.
        """
        if self._filter is None:
            return b""
        if self._inflating is not None and not self._inflating.ended and not self._empty:
            raise MessageError(502, "The packed answer is cut off.")
        out = self._filter.end()
        self.reflected |= self._filter.seen
        if self._aside is not None and self._aside_filter is not None:
            self._aside_filter.end()
            self._refuse_aside()
        return out

    def _look_aside(self, data: bytes) -> None:
        """Search a file that is packed itself. What is in it cannot be replaced, only refused."""
        if self._first and data[:3] == b"\x1f\x8b\x08":
            self._aside = Inflating(47)
        self._first = False
        if self._aside is None or self._aside_filter is None:
            return
        try:
            for piece in self._aside.feed(data):
                self._aside_filter.feed(piece)
                self._refuse_aside()
        except MessageError as error:
            if self._aside_filter.seen or "without end" in str(error):
                raise
            self._aside = None  # not gzip after all

    def _refuse_aside(self) -> None:
        if self._aside_filter is not None and self._aside_filter.seen:
            self.reflected |= self._aside_filter.seen
            raise MessageError(502, "The answer holds a secret, in a packed file.")

    # --- the head --------------------------------------------------------------------------------

    def changes(self) -> bool:
        """Whether the body's length may change on the way."""
        return self._filter is not None and not self._no_body

    def may_be_held(self) -> bool:
        """Whether a short body may be held whole: not if it grows on the way."""
        return self.changes() and self._inflating is None

    def unpacks(self, data: bytes) -> bool:
        """Whether this piece is unpacked, which takes time."""
        begins = self._first and data[:2] == b"\x1f\x8b"
        packed = self._inflating is not None or self._aside is not None or begins
        return self._filter is not None and packed

    def head(self, length: int | None, *, close: bool, chunks: bool) -> bytes:
        """The head as the client gets it. `length` is the body's, None where it is not told."""
        dropped = [b"content-length"]
        if self._inflating is not None:
            dropped += [b"content-encoding", b"content-md5", b"digest"]
        headers = list(carried(self._headers, dropped))
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        elif chunks:
            headers.append((b"transfer-encoding", b"chunked"))
        if close:
            headers.append((b"connection", b"close"))
        return written(b"HTTP/1.1 %d " % self._head.status, headers)


Aside = Callable[..., Awaitable[bytes | None]]
"""Runs something that takes time in a thread."""


async def body_of(
    events: AsyncIterator[bytes], answer: Answer, aside: Aside
) -> AsyncIterator[bytes]:
    """The body as it may go on, piece by piece."""
    async for data in events:
        pieces = answer.pieces(data)
        if answer.unpacks(data):
            while (piece := await aside(next, pieces, None)) is not None:
                yield piece
            continue
        for piece in pieces:
            yield piece
    rest = answer.rest()
    if rest:
        yield rest
