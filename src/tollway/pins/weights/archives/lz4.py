"""LZ4 frames, unpacked. Source: the LZ4 frame (1.6) and block formats.

Rules
1. Skippable frames and unknown versions are not read: Unreadable says so.
2. Checksums are not compared: what a careless loader would unpack is what is looked at.
"""

from tollway.pins.weights.look import Budget
from tollway.pins.weights.reader import Unreadable

MAGIC = b"\x04\x22\x4d\x18"


def unpack_lz4(data: bytes, budget: Budget) -> tuple[bytes, int]:
    """All frames of a file, and how many bytes lie behind them."""
    out = bytearray()
    at = 0
    try:
        while data[at : at + 4] == MAGIC:
            at = _frame(data, at + 4, out, budget)
    except IndexError:
        raise Unreadable("its compressed bytes are broken") from None
    return bytes(out), len(data) - at


def _frame(data: bytes, at: int, out: bytearray, budget: Budget) -> int:
    flags = data[at]
    if flags >> 6 != 1:
        raise Unreadable("it is of an unknown version of LZ4")
    at += 2 + (8 if flags & 8 else 0) + (4 if flags & 1 else 0) + 1
    while True:
        word = int.from_bytes(data[at : at + 4], "little")
        if len(data) < at + 4:
            raise Unreadable("it ends within its compressed bytes")
        at += 4
        if word == 0:
            return at + (4 if flags & 4 else 0)
        size = word & 0x7FFFFFFF
        block = data[at : at + size]
        if len(block) < size:
            raise Unreadable("it ends within its compressed bytes")
        before = len(out)
        if word >> 31:
            out += block
        else:
            _block(block, out)
        budget.unpack(len(out) - before)
        at += size + (4 if flags & 16 else 0)


def _block(block: bytes, out: bytearray) -> None:
    at, end = 0, len(block)
    while at < end:
        token = block[at]
        at += 1
        literals, at = _length(block, at, token >> 4)
        out += block[at : at + literals]
        at += literals
        if at >= end:
            return
        back = block[at] | block[at + 1] << 8
        count, at = _length(block, at + 2, token & 15)
        if back == 0 or back > len(out):
            raise Unreadable("its compressed bytes are broken")
        _copy(out, back, count + 4)


def _length(block: bytes, at: int, length: int) -> tuple[int, int]:
    if length == 15:
        while True:
            more = block[at]
            at += 1
            length += more
            if more != 255:
                break
    return length, at


def _copy(out: bytearray, back: int, count: int) -> None:
    """What lies `back` bytes ago, again, also where the copy runs into itself."""
    start = len(out) - back
    if back >= count:
        out += out[start : start + count]
        return
    piece = bytes(out[start:])
    out += (piece * (count // back + 1))[:count]
