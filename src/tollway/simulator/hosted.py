"""A source whose speed is declared: every answer begins and flows as the fleet file says.

Rules
1. Nobody waits for anybody: what many requests at a time do to such a source is not known here.
   Its slots, in dispatch, are all that bounds it.
"""

from heapq import heappop, heappush

from tollway.simulator.sequence import Happening, Kind, Phase, Sequence
from tollway.simulator.steps import SECOND
from tollway.units import Seconds, TokensPerSecond


class Hosted:
    """Answers at a declared TTFT and token speed; the same ways in as a `Replica`."""

    def __init__(self, ttft: Seconds, speed: TokensPerSecond) -> None:
        self._ttft = round(ttft * SECOND)
        self._gap = round(SECOND / speed)
        self._queue: list[tuple[int, int, Kind, Sequence]] = []
        self._arrived = 0
        self.load = 0

    def next_at(self) -> int | None:
        """When a first or last token is due; None when nothing is under way."""
        return self._queue[0][0] if self._queue else None

    def arrive(self, now: int, sequence: Sequence) -> None:
        """Begin an answer."""
        sequence.order = self._arrived
        sequence.began = now + self._ttft
        sequence.phase = Phase.DECODING
        self._arrived += 1
        self.load += 1
        heappush(self._queue, (sequence.began, sequence.order, Kind.FIRST, sequence))

    def cancel(self, now: int, sequence: Sequence) -> None:
        """Forget an answer; harmless when it has ended."""
        if sequence.phase is not Phase.GONE:
            sequence.phase = Phase.GONE
            self.load -= 1

    def advance(self, now: int) -> list[Happening]:
        """Everything that happened up to and at `now`, in order."""
        told: list[Happening] = []
        queue = self._queue
        while queue and queue[0][0] <= now:
            at, order, kind, sequence = heappop(queue)
            if sequence.phase is Phase.GONE:
                continue
            told.append(Happening(at, kind, sequence))
            if kind is Kind.END:
                self.cancel(now, sequence)
            else:
                end = at + self._gap * (sequence.output - 1)
                heappush(queue, (end, order, Kind.END, sequence))
        return told

    def emitted(self, now: int, sequence: Sequence) -> int:
        """Output tokens that are out by `now`."""
        if now < sequence.began:
            return 0
        return min(sequence.output, 1 + (now - sequence.began) // self._gap)
