"""A decoded text, and how its bytes go back to the text that it was decoded from."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate

from tollway.guard.limit import NO_LIMIT, Limit, OverLimitError

Locate = Callable[[int, int], tuple[int, int]]
"""Start and end in the decoded text -> start and end in the text that was decoded."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a layer made of a text; `complete` says of the whole text, not of parts of it."""

    data: bytes
    locate: Locate
    complete: bool = False


def _none_seen() -> defaultdict[str, set[bytes]]:
    return defaultdict(set)


@dataclass(slots=True)
class Work:
    """What is left of the budget of one scan, and which segments each layer decoded already.
    `left` is bytes that may still be made; `exceeded` says that a decoder was stopped by it."""

    left: int
    seen: defaultdict[str, set[bytes]] = field(default_factory=_none_seen)
    exceeded: bool = False
    limit: Limit = NO_LIMIT

    def fresh(self, layer: str, segments: list[bytes]) -> list[int]:
        """Which of a text's segments (their places) were in no text before it."""
        seen = self.seen[layer]
        places = [place for place, segment in enumerate(segments) if segment not in seen]
        seen.update(segments)
        return places

    def take(self, size: int) -> bool:
        """Whether `size` bytes more may be made.

        Raises:
            OverLimitError: the limit of this inspection is reached.
        """
        self.limit.look()
        if size > self.left:
            if self.limit.bytes is not None:
                raise OverLimitError
            self.exceeded = True
            return False
        self.left -= size
        return True


def by_parts(sizes: Callable[[], tuple[Iterable[int], Iterable[int]]]) -> Locate:
    """The way back through a text in parts, of which every other was replaced: the second, the
    fourth and so on. `sizes` are those of the parts before and after; they are asked for only when
    something was found."""
    known: list[tuple[list[int], list[int]]] = []

    def locate(start: int, end: int) -> tuple[int, int]:
        if not known:
            before, after = sizes()
            known.append(([*accumulate(before, initial=0)], [*accumulate(after, initial=0)]))
        ats, outs = known[0]
        row = bisect_right(outs, start) - 1
        first = ats[row] + (0 if row % 2 else start - outs[row])
        row = bisect_right(outs, end - 1) - 1
        last = ats[row + 1] if row % 2 else ats[row] + end - outs[row]
        return first, max(last, first)

    return locate


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
