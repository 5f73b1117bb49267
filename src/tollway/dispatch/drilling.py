"""A drill: one source is taken away from a share of live traffic, for a while.

Rules
1. A request is chosen at its arrival, by its own draw, and stays chosen to its end.
2. To a chosen request the source is not there: no attempt, no retry budget, no breaker sample.
3. Only a request that could have used the source is chosen.
4. A drill ends by itself; a new one replaces it.
"""

from math import inf

from tollway.dispatch.messages import Drill, DrillOver
from tollway.dispatch.sources import Pair
from tollway.policy import drill as rules


class Drilling:
    """The drill that is on, if one is."""

    __slots__ = ("_requests", "_share", "_source", "_until")

    def __init__(self) -> None:
        self._source = ""
        self._share = 0.0
        self._until = -inf
        self._requests = 0

    def begin(self, drill: Drill, now: float) -> None:
        """Take the source away from now on."""
        self._source, self._share = drill.source, drill.share
        self._until = now + drill.seconds
        self._requests = 0

    def end(self, event: DrillOver, now: float) -> None:
        """Give it back. Requests that were chosen go on without it."""
        self._until = -inf

    def lost_to(
        self, draw: int, options: tuple[tuple[Pair, ...], tuple[Pair, ...]], now: float
    ) -> str | None:
        """The source that a request which arrives now must do without; None for most."""
        if now >= self._until or not rules.takes(draw, self._share):
            return None
        if not any(pair.source.name == self._source for pairs in options for pair in pairs):
            return None
        self._requests += 1
        return self._source

    def describe(self, now: float) -> dict[str, object] | None:
        """The drill for an operator; None where none is on. `left` is seconds."""
        if now >= self._until:
            return None
        return {
            "source": self._source,
            "share": self._share,
            "left": self._until - now,
            "requests": self._requests,
        }
