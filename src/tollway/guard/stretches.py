"""The stretches of a text in which a layer has something to undo.

Rules
1. A stretch reaches to white space on either side, and `REACH` bytes further than what is undone,
   so that nothing is cut which a detector looks at. Where stretches meet they are one.
2. A text with many of them is taken whole.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate

from tollway.guard.decoded import Decoded, Work

REACH = 64
_FURTHEST = 4096
_FEW = 32
_BYTES_EACH = 1024

Undo = Callable[[bytes], Decoded]
First = Callable[[bytes, int], int | None]
"""A text and a place -> where the next thing to undo begins."""


def by_stretches(data: bytes, sign: bytes, first: First, undo: Undo, work: Work) -> Decoded | None:
    """What `undo` makes of every stretch of the text; None where the budget is used up. `sign` is
    in whatever `first` finds, where one byte is; it tells early that there are many."""
    many = bool(sign) and data.count(sign) > 2 * _most(data)
    found = None if many else _stretches(data, first)
    if found is None:
        return replace(undo(data), complete=True) if work.take(len(data)) else None
    # A NUL byte between them, of which no layer has anything to undo and no detector any to find.
    text = b"\0".join([data[start:end] for start, end in found])
    if not text or not work.take(len(text)):
        return None
    undone = undo(text)
    places = [*accumulate((end - start + 1 for start, end in found), initial=0)]

    def locate(start: int, end: int) -> tuple[int, int]:
        start, end = undone.locate(start, end)
        row = min(bisect_right(places, start) - 1, len(found) - 1)
        offset = found[row][0] - places[row]
        return start + offset, end + offset

    return replace(undone, locate=locate)


def _stretches(data: bytes, first: First) -> list[tuple[int, int]] | None:
    """Start and end of each; None where the whole text is cheaper."""
    found: list[tuple[int, int]] = []
    most = _most(data)
    if len(data) <= 4 * REACH:
        return None
    at, looks = first(data, 0), 0
    while at is not None:
        start, end = _left(data, at), _right(data, at)
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
        looks += 1
        if looks > most:
            return None
        at = first(data, max(end - REACH, at + 1))
    return found


def _most(data: bytes) -> int:
    return _FEW + len(data) // _BYTES_EACH


def _left(data: bytes, at: int) -> int:
    least, near = max(at - _FURTHEST, 0), max(at - REACH, 0)
    return max(data.rfind(b" ", least, near), data.rfind(b"\n", least, near), least)


def _right(data: bytes, at: int) -> int:
    near, most = min(at + 2 * REACH, len(data)), min(at + _FURTHEST, len(data))
    ends = (data.find(b" ", near, most), data.find(b"\n", near, most))
    return min((end for end in ends if end >= 0), default=most)
