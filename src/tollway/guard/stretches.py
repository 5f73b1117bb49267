"""The stretches of a text in which a layer has something to undo.

Rules
1. A stretch reaches to white space on either side, and `REACH` bytes further than what is undone,
   so that nothing is cut which a detector looks at. Where stretches meet they are one.
2. A text with many of them is taken whole.
"""

from collections.abc import Callable
from dataclasses import replace

from tollway.guard.automaton import Pattern
from tollway.guard.decoded import Decoded, Pieces, Work

REACH = 64
_FURTHEST = 4096
_FEW = 32
_BYTES_EACH = 1024

Undo = Callable[[bytes], Decoded]


def by_stretches(
    data: bytes, sign: bytes, trigger: Pattern, undo: Undo, work: Work
) -> Decoded | None:
    """What `undo` makes of every stretch of the text; None where the budget is used up. `sign` is
    in whatever the trigger fits, where one byte is; it tells early that there are many."""
    many = bool(sign) and data.count(sign) > 2 * _most(data)
    found = None if many else _stretches(data, trigger)
    if found is None:
        return replace(undo(data), complete=True) if work.take(len(data)) else None
    pieces = Pieces()
    for start, end in found:
        segment = data[start:end]
        if not work.take(end - start):
            return None
        piece = undo(segment)
        pieces.add(piece.data, _from(start, piece))
    return pieces.decoded()


def _from(start: int, piece: Decoded) -> Callable[[int, int], tuple[int, int]]:
    def locate(first: int, last: int) -> tuple[int, int]:
        first, last = piece.locate(first, last)
        return start + first, start + last

    return locate


def _stretches(data: bytes, trigger: Pattern) -> list[tuple[int, int]] | None:
    """Start and end of each; None where the whole text is cheaper."""
    found: list[tuple[int, int]] = []
    most = _most(data)
    if len(data) <= 4 * REACH:
        return None
    at, looks = trigger.first(data, 0), 0
    while at is not None:
        start, end = _left(data, at), _right(data, at)
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
        looks += 1
        if looks > most:
            return None
        at = trigger.first(data, max(end - REACH, at + 1))
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
