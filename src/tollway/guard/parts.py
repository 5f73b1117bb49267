"""Parts of known values: which bytes of which value a text holds, where it does not hold it whole.

Rules
1. A part is `LEAST` bytes in a row of a value, or half of one that is shorter than two such parts.
   Not every window is looked for: so many bytes in a row hold one of those that are.
2. A value is sent once three quarters of it are, or once what is left is too short for a part. So
   of two halves, wherever it was cut, the second one tells.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tollway.guard.automaton import Pattern
from tollway.guard.known import literal

SHORTEST = 16
"""Bytes of a value that is looked for in parts, at least."""
LEAST = 12
_BEGUN = 4
"""First bytes of a value that may be its beginning."""
_STRIDES = ((2 * LEAST, 5), (SHORTEST, 3))
"""From so many bytes on, every so many begins a window."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `first` to `last` of a value, found at `start` to `end` of a text."""

    name: str
    first: int
    last: int
    start: int
    end: int


class Parts:
    """Known values, ready to be looked for in parts."""

    __slots__ = ("_compiled", "_windows", "pattern", "values")

    def __init__(self, values: Mapping[str, bytes]) -> None:
        self.values = {name: it for name, it in values.items() if len(it) >= SHORTEST}
        self._windows: dict[bytes, list[tuple[str, int]]] = {}
        for name, value in self.values.items():
            stride = next(stride for size, stride in _STRIDES if len(value) >= size)
            window = least(len(value)) - stride + 1
            for at in range(0, len(value) - window + 1, stride):
                self._windows.setdefault(value[at : at + window], []).append((name, at))
        longest_first = sorted(self._windows, key=lambda it: (-len(it), it))
        self.pattern = "|".join(map(literal, longest_first)) or _NEVER
        self._compiled = Pattern(self.pattern)

    def found(self, data: bytes) -> Iterator[Part]:
        """Every part, each as long as it is."""
        done: dict[str, int] = {}
        for start, end in self._compiled.spans(data):
            for name, at in self._windows.get(data[start:end], ()):
                if start < done.get(name, 0):
                    continue
                value = self.values[name]
                before = _alike(value[:at][::-1], data[max(start - at, 0) : start][::-1])
                after = _alike(value[at:], data[start : start + len(value) - at])
                done[name] = start + after
                if before + after >= least(len(value)):
                    yield Part(name, at - before, at + after, start - before, start + after)

    def begins(self, text: bytes) -> bool:
        """Whether a text ends in the first bytes of a value."""
        return any(
            text.endswith(value[:size])
            for value in self.values.values()
            for size in range(_BEGUN, min(len(value), len(text)) + 1)
        )

    def is_sent(self, name: str, count: int) -> bool:
        """Whether so many bytes of a value are as good as all of it."""
        size = len(self.values[name])
        return 4 * count >= 3 * size or size - count < least(size)


_NEVER = r"\z\A."


def least(size: int) -> int:
    """Bytes of a part of a value of this size, at least."""
    return min(LEAST, size // 2)


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes two texts have in common from their beginnings."""
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return place
    return min(len(one), len(other))
