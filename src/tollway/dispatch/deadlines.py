"""When dispatch wants to be woken: deadlines of requests, by length.

Deadlines of one length come due in the order in which they were set, so a dict a length, in order
of insertion, replaces a heap: set and clear are O(1), and a request that ends leaves nothing
behind. Only a wake looks through them.
"""

from math import inf

Line = dict[str, float]
"""Request -> when, in the order of setting."""


class Deadlines:
    """Deadlines of one kind. Who sets one keeps the line it was put into, to clear it by."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: dict[float, Line] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def set(self, request: str, now: float, length: float) -> Line:
        """Come due `length` seconds from now. Clear an earlier setting first."""
        line = self._lines.get(length)
        if line is None:
            line = self._lines[length] = {}
        line[request] = now + length
        return line

    def earliest(self) -> float:
        """The next to come due; infinity without any."""
        return min(
            (next(iter(line.values())) for line in self._lines.values() if line), default=inf
        )

    def due(self, now: float) -> list[str]:
        """Requests whose deadline has come, earliest first (ties in the order of setting, shorter
        lengths first); they are cleared."""
        found: list[tuple[float, float, int, str]] = []
        for length, line in self._lines.items():
            for place, (request, when) in enumerate(line.items()):
                if when > now:
                    break
                found.append((when, length, place, request))
        for _, length, _, request in found:
            del self._lines[length][request]
        return [request for *_, request in sorted(found)]
