"""Many streams over one byte channel, with credits: the state of one side. Sans-I/O, stdlib only.

Rules
1. A frame is a header (stream, kind, length) and at most `LARGEST` bytes.
2. Of a stream at most `WINDOW` bytes are under way; the reader grants more as it takes them. A
   reader that does not read stalls its own stream alone, and no side's memory grows.
3. Only one side opens streams, above `FIRST`, by ever greater numbers, at most `most` at once; the
   ones below are there from the beginning. Stream 0 has neither window nor end.
4. A stream is over when both sides have ended it, or when each has said or answered RESET. What
   comes for one that is over, and a RESET's own side has not seen it yet, is dropped.
5. Everything else is `Malformed`: the other side is broken or hostile, and the channel is over.
"""

import struct

HEADER = struct.Struct(">IBxH")
OPEN, DATA, END, CREDIT, RESET = range(1, 6)
LARGEST = 32 << 10
WINDOW = 256 << 10
CONTROL = 0
FIRST = 16
_AMOUNT = struct.Struct(">I")
_LONGEST_OPEN = 64


class Malformed(Exception):  # noqa: N818  # what is the case
    """The other side sent what the rules do not allow."""


class Stream:
    """One stream, as one side sees it. `room` is what may be sent now, `due` what may come yet."""

    __slots__ = ("closed_by_them", "closed_by_us", "due", "number", "reset", "room")

    def __init__(self, number: int) -> None:
        self.number = number
        self.room = self.due = WINDOW
        self.closed_by_us = self.closed_by_them = self.reset = False


class Mux:
    """The streams of one side. What it returns as bytes is to be sent, in that order."""

    def __init__(self, lasting: "tuple[int, ...]", *, most: int, opens: bool) -> None:
        self.streams = {number: Stream(number) for number in lasting}
        self._lasting = frozenset(lasting)
        self._most, self._opens = most, opens
        self._newest = FIRST - 1
        self._buffer = bytearray()
        self.replies = bytearray()
        """Answers that the rules demand, to be sent after each `feed`."""

    def feed(self, data: bytes) -> "list[tuple[int, int, bytes]]":
        """What has happened, as (stream, kind, payload). CREDIT has been booked already.

        Raises:
            Malformed: a rule was broken; nothing of `data` counts.
        """
        self._buffer += data
        events: list[tuple[int, int, bytes]] = []
        at, end = 0, len(self._buffer)
        while end - at >= HEADER.size:
            number, kind, length = HEADER.unpack_from(self._buffer, at)
            if length > LARGEST or not OPEN <= kind <= RESET:
                raise Malformed(f"a frame of kind {kind} and {length} bytes")
            if end - at < HEADER.size + length:
                break
            at += HEADER.size
            payload = bytes(self._buffer[at : at + length])
            at += length
            if self._take(number, kind, payload):
                events.append((number, kind, payload))
        del self._buffer[:at]
        return events

    def _take(self, number: int, kind: int, payload: bytes) -> bool:
        if number == CONTROL:
            if kind != DATA:
                raise Malformed(f"kind {kind} on the control stream")
            return True
        if kind == OPEN:
            return self._opened(number, payload)
        stream = self.streams.get(number)
        if stream is None or stream.reset:
            return self._late(number, kind, stream)
        if kind == DATA:
            return self._arrived(stream, payload)
        if payload and kind != CREDIT:
            raise Malformed("an end with bytes in it")
        if kind == CREDIT:
            return self._granted(stream, payload)
        if kind == RESET:
            self.replies += HEADER.pack(number, RESET, 0)
            del self.streams[number]
            return True
        if stream.closed_by_them:
            raise Malformed(f"stream {number} ended twice")
        stream.closed_by_them = True
        self._over(stream)
        return True

    def _opened(self, number: int, payload: bytes) -> bool:
        if self._opens:
            raise Malformed("a stream opened by the side that may not")
        if number <= self._newest or len(payload) > _LONGEST_OPEN:
            raise Malformed(f"stream {number} opened out of order")
        if len(self.streams.keys() - self._lasting) >= self._most:
            raise Malformed(f"more than {self._most} streams")
        self._newest = number
        self.streams[number] = Stream(number)
        return True

    def _late(self, number: int, kind: int, stream: "Stream | None") -> bool:
        if number not in self._lasting and not FIRST <= number <= self._newest:
            raise Malformed(f"stream {number} was never opened")
        if kind == RESET:
            if stream is None:
                self.replies += HEADER.pack(number, RESET, 0)
            else:
                del self.streams[number]
        elif stream is None and kind == DATA:
            raise Malformed(f"stream {number} is over")
        return False

    def _arrived(self, stream: Stream, payload: bytes) -> bool:
        if stream.closed_by_them or len(payload) > stream.due:
            raise Malformed(f"stream {stream.number}: more than was granted")
        stream.due -= len(payload)
        return bool(payload)

    def _granted(self, stream: Stream, payload: bytes) -> bool:
        amount = _AMOUNT.unpack(payload)[0] if len(payload) == _AMOUNT.size else 0
        if not 0 < amount <= WINDOW - stream.room:
            raise Malformed(f"stream {stream.number}: credit that was not used")
        stream.room += amount
        return True

    def open(self, payload: bytes) -> "tuple[int, bytes]":
        """A new stream's number and its first frame."""
        self._newest += 1
        self.streams[self._newest] = Stream(self._newest)
        return self._newest, frame(self._newest, OPEN, payload)

    def data(self, number: int, payload: bytes) -> bytes:
        """Bytes on a stream, at most its `room` of them and at most `LARGEST`."""
        if number != CONTROL:
            stream = self.streams[number]
            if len(payload) > stream.room or stream.closed_by_us:
                raise ValueError(f"stream {number} has no room for {len(payload)} bytes")
            stream.room -= len(payload)
        return frame(number, DATA, payload)

    def room(self, number: int) -> int:
        """How much may be sent on a stream now; 0 too where it is over."""
        stream = self.streams.get(number)
        if stream is None or stream.reset or stream.closed_by_us:
            return 0
        return min(stream.room, LARGEST)

    def grant(self, number: int, amount: int) -> bytes:
        """Let the other side send as much again as was taken of a stream."""
        stream = self.streams.get(number)
        if stream is None or stream.reset or stream.closed_by_them or not amount:
            return b""
        stream.due += amount
        return frame(number, CREDIT, _AMOUNT.pack(amount))

    def end(self, number: int) -> bytes:
        """No more comes from this side. Once is enough."""
        stream = self.streams.get(number)
        if stream is None or stream.reset or stream.closed_by_us:
            return b""
        stream.closed_by_us = True
        self._over(stream)
        return frame(number, END, b"")

    def reset(self, number: int) -> bytes:
        """Both ways are over at once. Once is enough."""
        stream = self.streams.get(number)
        if stream is None or stream.reset:
            return b""
        stream.reset = True
        return frame(number, RESET, b"")

    def _over(self, stream: Stream) -> None:
        if stream.closed_by_us and stream.closed_by_them and stream.number >= FIRST:
            del self.streams[stream.number]


def frame(number: int, kind: int, payload: bytes) -> bytes:
    """One frame."""
    return HEADER.pack(number, kind, len(payload)) + payload
