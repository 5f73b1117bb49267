"""A decoded text, and how its bytes go back to the text that it was decoded from."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

Locate = Callable[[int, int], tuple[int, int]]
"""Start and end in the decoded text -> start and end in the text that was decoded."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a layer made of a text; `complete` says of the whole text, not of parts of it."""

    data: bytes
    locate: Locate
    complete: bool = False


@dataclass(slots=True)
class Work:
    """What is left of the budget of one scan, and which segments were decoded already. `left` is
    bytes that may still be made; `exceeded` says that a decoder was stopped by it."""

    left: int
    seen: set[bytes] = field(default_factory=set[bytes])
    exceeded: bool = False

    def fresh(self, segment: bytes) -> bool:
        """Whether this segment has not been asked about before."""
        if segment in self.seen:
            return False
        self.seen.add(segment)
        return True

    def take(self, size: int) -> bool:
        """Whether `size` bytes more may be made."""
        if size > self.left:
            self.exceeded = True
            return False
        self.left -= size
        return True


@dataclass(frozen=True, slots=True)
class Replaced:
    """`start` to `end` of a text was replaced by `size` bytes."""

    start: int
    end: int
    size: int


def by_replacements(replaced: Callable[[], Iterator[Replaced]]) -> Locate:
    """The way back through replacements, which are counted only when something was found."""
    known: list[Sequence[int]] = []

    def table() -> Sequence[Sequence[int]]:
        if not known:
            outs, starts, ends, shift = [0], [0], [0], 0
            for one in replaced():
                outs += [one.start + shift, one.start + shift + one.size]
                starts += [one.start, one.end]
                ends += [one.end, one.end]
                shift += one.size - (one.end - one.start)
            known.extend((outs, starts, ends))
        return known

    def locate(start: int, end: int) -> tuple[int, int]:
        return _before(table(), start), max(_after(table(), end - 1), _before(table(), start))

    return locate


def _before(table: Sequence[Sequence[int]], at: int) -> int:
    outs, starts, ends = table
    row = bisect_right(outs, at) - 1
    within = ends[row] > starts[row]
    return starts[row] if within else starts[row] + at - outs[row]


def _after(table: Sequence[Sequence[int]], last: int) -> int:
    outs, starts, ends = table
    row = bisect_right(outs, last) - 1
    within = ends[row] > starts[row]
    return ends[row] if within else starts[row] + last - outs[row] + 1


class Pieces:
    """A decoded text that is put together from pieces, a NUL byte between two of them, so that
    nothing is found that reaches from one into the next."""

    __slots__ = ("_locates", "_parts", "_size", "_starts")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._starts: list[int] = []
        self._locates: list[Locate] = []
        self._size = 0

    def add(self, data: bytes, locate: Locate) -> None:
        """One piece more, with the way back from its own bytes."""
        self._starts.append(self._size)
        self._parts.append(data)
        self._locates.append(locate)
        self._size += len(data) + 1

    def decoded(self) -> Decoded | None:
        """The text; None without pieces."""
        if not self._parts:
            return None
        starts, locates = self._starts, self._locates

        def locate(start: int, end: int) -> tuple[int, int]:
            row = bisect_right(starts, start) - 1
            return locates[row](start - starts[row], end - starts[row])

        return Decoded(b"\0".join(self._parts), locate)


def whole(start: int, end: int) -> Locate:
    """The way back where all that is known is the segment that was decoded."""
    return lambda _start, _end: (start, end)


def joined(decoded: Iterable[Decoded | None]) -> list[Decoded]:
    """Those that are there."""
    return [one for one in decoded if one is not None]
