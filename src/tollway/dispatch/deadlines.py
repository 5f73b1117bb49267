"""When dispatch wants to be woken: deadlines of requests, by kind and length.

Deadlines of one kind and one length come due in the order in which they were set, so an ordered
dict a (kind, length) replaces a heap: set and clear are O(1), and a request that ends leaves
nothing behind.
"""

from collections import OrderedDict
from collections.abc import Iterator
from math import inf


class Deadlines:
    """Deadlines of one kind, keyed by request."""

    __slots__ = ("_by_length", "_length_of")

    def __init__(self) -> None:
        self._by_length: dict[float, OrderedDict[str, float]] = {}
        self._length_of: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._length_of)

    def set(self, request: str, now: float, length: float) -> None:
        """Come due `length` seconds from now; an earlier setting for the request is replaced."""
        self.clear(request)
        line = self._by_length.get(length)
        if line is None:
            line = self._by_length[length] = OrderedDict()
        line[request] = now + length
        self._length_of[request] = length

    def clear(self, request: str) -> None:
        """Forget the request's deadline, if it has one."""
        length = self._length_of.pop(request, None)
        if length is not None:
            line = self._by_length[length]
            del line[request]
            if not line:
                del self._by_length[length]

    def earliest(self) -> float:
        """The next to come due; infinity without any."""
        return min(
            (next(iter(line.values())) for line in self._by_length.values()),
            default=inf,
        )

    def due(self, now: float) -> Iterator[str]:
        """Requests whose deadline has come, earliest first; each is cleared as it is given."""
        while True:
            lines = [(next(iter(line.items())), length) for length, line in self._by_length.items()]
            ready = [(when, length, request) for (request, when), length in lines if when <= now]
            if not ready:
                return
            _, _, request = min(ready)
            self.clear(request)
            yield request
