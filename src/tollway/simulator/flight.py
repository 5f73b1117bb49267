"""Requests on their way in the plain execution, and what their sources' own timeouts do to them.

Rules
1. An attempt that is not over after its source's `total` timeout is ended, `too_long`.
2. A stream of which nothing came for its source's `idle` timeout is ended, `stall`. It is looked at
   `LOOKS` times in that time, so that it ends at most an eighth of it too late.
"""

from heapq import heappop, heappush
from typing import Final

from tollway.dispatch.messages import FailureKind
from tollway.fleet.objects import Fleet, SourceTimeouts
from tollway.simulator.floor import Place
from tollway.simulator.play import Ended
from tollway.simulator.sequence import Sequence
from tollway.simulator.steps import SECOND
from tollway.simulator.trace import TraceRequest

LOOKS: Final = 8


class Flight:
    """An attempt that runs somewhere. `out` tokens were seen of its stream, at `moved` the last."""

    __slots__ = ("answering", "attempt", "moved", "out", "place", "request", "sent", "sequence")

    def __init__(self, request: "Asked", attempt: int, place: Place, sent: int) -> None:
        self.request = request
        self.attempt = attempt
        self.place = place
        self.sent = self.moved = sent
        self.answering = False
        self.out = 0
        asked = request.asked
        self.sequence = Sequence(request.id, asked.input, max(1, asked.output), asked.prefix)


class Asked:
    """A request that has arrived and not ended."""

    __slots__ = ("asked", "ended", "flight", "id")

    def __init__(self, index: int, asked: TraceRequest, now: int) -> None:
        self.id = str(index)
        self.asked = asked
        self.ended = Ended(index, now)
        self.flight: Flight | None = None


class Watched:
    """Attempts whose source may end them."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._looks: list[tuple[int, int, Flight]] = []
        self._number = 0

    def next_at(self) -> int | None:
        """When to look next; None where nobody is watched."""
        looks = self._looks
        while looks and looks[0][2].request.flight is not looks[0][2]:
            heappop(looks)  # it is over
        return looks[0][0] if looks else None

    def sent(self, now: int, flight: Flight) -> None:
        """An attempt begins."""
        self._look_at(now, flight, self._of(flight).total)

    def began(self, now: int, flight: Flight) -> None:
        """Its first token is out."""
        flight.out, flight.moved = 1, now
        self._look_at(now, flight, self._of(flight).idle / LOOKS)

    def look(self, now: int) -> tuple[Flight, FailureKind] | None:
        """The next look: who is ended by it, and why."""
        flight = heappop(self._looks)[2]
        limits = self._of(flight)
        if now >= flight.sent + round(limits.total * SECOND):
            return flight, "too_long"
        out = flight.place.server.emitted(now, flight.sequence)
        if out > flight.out:
            flight.out, flight.moved = out, now
        if now - flight.moved >= round(limits.idle * SECOND):
            return flight, "stall"
        self._look_at(now, flight, limits.idle / LOOKS)
        return None

    def _of(self, flight: Flight) -> SourceTimeouts:
        return self._fleet.sources[flight.place.pool.source].timeouts

    def _look_at(self, now: int, flight: Flight, seconds: float) -> None:
        self._number += 1
        heappush(self._looks, (now + round(seconds * SECOND), self._number, flight))
