"""Bytes that are read by pieces, from wherever they lie.

Rules
1. `read(offset, count)` gives what there is: fewer bytes at the end, never an error past it.
2. `Unreadable` says why bytes cannot be had, as a clause. It is never a pass.
"""

from dataclasses import dataclass
from typing import Protocol


class Unreadable(Exception):  # noqa: N818 - it is what the bytes are
    """Why bytes cannot be had."""


class Reader(Protocol):
    """Some bytes: how many, and a piece of them."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, count: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes in memory."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, count: int) -> bytes:
        return self.data[offset : offset + max(0, count)]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of another reader's bytes."""

    whole: Reader
    start: int
    size: int

    def read(self, offset: int, count: int) -> bytes:
        if offset >= self.size:
            return b""
        return self.whole.read(self.start + offset, min(max(0, count), self.size - offset))


class Cursor:
    """Reads forwards. `position` is the offset of the next byte."""

    __slots__ = ("_chunk", "_end", "_start", "position", "reader")

    CHUNK = 1 << 16

    def __init__(self, reader: Reader, position: int = 0) -> None:
        self.reader = reader
        self.position = position
        self._chunk = b""
        self._start = self._end = position

    def take(self, count: int) -> bytes:
        """Exactly `count` bytes, or EOFError."""
        at = self.position - self._start
        if at < 0 or self.position + count > self._end:
            self._chunk = self.reader.read(self.position, max(count, self.CHUNK))
            self._start = self.position
            self._end = self._start + len(self._chunk)
            at = 0
        if self.position + count > self._end:
            raise EOFError
        self.position += count
        return self._chunk[at : at + count]

    def skip(self, count: int) -> None:
        """Past `count` bytes, or EOFError."""
        if self.position + count > self.reader.size:
            raise EOFError
        self.position += count

    def line(self, limit: int) -> bytes:
        """Up to a newline, without it; EOFError where there is none within `limit` bytes."""
        parts: list[bytes] = []
        while limit > 0:
            held = self.reader.read(self.position, min(limit, 4096))
            end = held.find(b"\n")
            if end >= 0:
                parts.append(held[:end])
                self.position += end + 1
                return b"".join(parts)
            if not held:
                break
            parts.append(held)
            self.position += len(held)
            limit -= len(held)
        raise EOFError
