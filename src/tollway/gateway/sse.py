"""Server-sent events: whole events out of a byte stream, however it was cut.

Rules
1. An event ends with an empty line; a line ends in LF or CRLF. What comes out is what came in.
2. A CR that is not before an LF is refused: the standard lets it end a line, no engine sends it,
   and a reader that forgets it sees other events than one that doesn't.
3. An event longer than the cap is refused, so that a stream without empty lines costs no memory.
"""

import re
from typing import Final

EVENT_CAP: Final = 1 << 20
"""Bytes of one event, its empty line included."""

_BOUNDARY: Final = re.compile(rb"\n\r?\n")


class BareCarriageReturn(ValueError):  # noqa: N818 - it names what is in the bytes
    """A CR ends a line by itself."""


class EventSplitter:
    """Cuts a byte stream into whole events, as bytes. `overlong` says that the cap was passed;
    nothing comes out after that."""

    __slots__ = ("_cap", "_tail", "overlong")

    def __init__(self, cap: int = EVENT_CAP) -> None:
        self._cap = cap
        self._tail = bytearray()
        self.overlong = False

    def __bool__(self) -> bool:
        """Whether part of an event is kept."""
        return bool(self._tail)

    def feed(self, data: bytes) -> list[bytes]:
        """The events that are whole now, each with the empty line that ends it."""
        if self.overlong:
            return []
        tail = self._tail
        if not tail:
            ends = [found.end() for found in _BOUNDARY.finditer(data)]
            events = self._cut(data, ends)
            tail += data[ends[-1] if ends else 0 :]
        else:
            seen = max(0, len(tail) - 2)
            tail += data
            ends = [found.end() for found in _BOUNDARY.finditer(tail, seen)]
            events = self._cut(bytes(tail), ends) if ends else []
            if ends:
                del tail[: ends[-1]]
        if len(tail) > self._cap:
            self.overlong = True
        if self.overlong:
            tail.clear()
        return events

    def rest(self) -> bytes:
        """The bytes kept, which are no whole event; they are forgotten here."""
        rest = bytes(self._tail)
        self._tail.clear()
        return rest

    def _cut(self, data: bytes, ends: list[int]) -> list[bytes]:
        events: list[bytes] = []
        start = 0
        for end in ends:
            if end - start > self._cap:
                self.overlong = True
                break
            events.append(data[start:end])
            start = end
        return events


def plain_data(event: bytes) -> bytes | None:
    """The data, line ends included, of an event that is one `data: {...` line; None of others."""
    if event[:7] != b"data: {":
        return None
    size = len(event)
    end = event.find(b"\n")
    if end == size - 2 and 13 not in event:
        return event[6:]
    if end == size - 3 and event.find(b"\r") == size - 4:
        return event[6:]
    return None


def read_event(event: bytes) -> tuple[bytes, bytes]:
    """Name and data of one event; comments and other fields are passed over. Either may be empty.

    Raises:
        BareCarriageReturn: rule 2.
    """
    name = b""
    data: list[bytes] = []
    for ended in event.split(b"\n"):
        line = ended.removesuffix(b"\r")
        if 13 in line:
            raise BareCarriageReturn("a line ends in CR alone")
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return name, b"\n".join(data)
