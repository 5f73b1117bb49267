"""Who waits for a slot: first come, first served in each class, interactive before batch.

A lane holds the requests that could use the same pairs, so that the head of a lane is never in the
way of someone behind it who could be served.

Rules
1. Of the requests that a freed pair could serve, the interactive one that arrived first goes, and
   without one the batch one that arrived first.
2. Nobody waits while a pair that could serve them is available.
"""

from collections import deque

from tollway.dispatch.requests import WAITING, RequestState
from tollway.dispatch.sources import Pair


class Lane:
    """Requests that could use the same pairs."""

    __slots__ = ("batch", "interactive", "pairs")

    def __init__(self, pairs: tuple[Pair, ...]) -> None:
        self.pairs = pairs
        self.interactive: deque[RequestState] = deque()
        self.batch: deque[RequestState] = deque()

    def head(self, batch: bool) -> RequestState | None:
        """The request of a class that has waited longest; those who left are dropped here."""
        line = self.batch if batch else self.interactive
        while line and line[0].phase != WAITING:
            line.popleft()
        return line[0] if line else None


class Lanes:
    """All lanes, found by pairs and by source."""

    __slots__ = ("_by_pairs", "_by_source", "waiting")

    def __init__(self) -> None:
        self._by_pairs: dict[tuple[Pair, ...], Lane] = {}
        self._by_source: dict[str, list[Lane]] = {}
        self.waiting = {False: 0, True: 0}

    def add(self, request: RequestState, pairs: tuple[Pair, ...]) -> None:
        """Begin to wait for any of these pairs."""
        lane = self._by_pairs.get(pairs)
        if lane is None:
            lane = self._by_pairs[pairs] = Lane(pairs)
            for source in {pair.source.name for pair in pairs}:
                self._by_source.setdefault(source, []).append(lane)
        line = lane.batch if request.batch else lane.interactive
        request.phase = WAITING
        request.lane = pairs
        # A request that comes back after a failure keeps its place by arrival.
        if line and line[-1].order > request.order:
            line.append(request)
            ordered = sorted(line, key=lambda waiting: waiting.order)
            line.clear()
            line.extend(ordered)
        else:
            line.append(request)
        self.waiting[request.batch] += 1

    def leave(self, request: RequestState, phase: str) -> None:
        """Stop waiting, in a new phase. Who is served is the head of a line and is taken out here;
        who gives up is dropped when it comes to the head, and never waits again."""
        request.phase = phase
        self.waiting[request.batch] -= 1
        lane = self._by_pairs.get(request.lane)
        if lane is not None:
            line = lane.batch if request.batch else lane.interactive
            if line and line[0] is request:
                line.popleft()

    def next_for(self, source: str, now: float) -> RequestState | None:
        """Who is to use a free slot of this source."""
        lanes = self._by_source.get(source)
        if not lanes:
            return None
        best: RequestState | None = None
        for lane in list(lanes):
            interactive, batch = lane.head(False), lane.head(True)
            head = interactive or batch
            if head is None:
                self._drop(lane)
                continue
            if not any(pair.source.name == source and pair.available(now) for pair in lane.pairs):
                continue
            if best is None or (head.batch, head.order) < (best.batch, best.order):
                best = head
        return best

    def everyone(self) -> list[RequestState]:
        """All who wait, by class and arrival."""
        waiting = [
            request
            for lane in self._by_pairs.values()
            for line in (lane.interactive, lane.batch)
            for request in line
            if request.phase == WAITING
        ]
        return sorted(waiting, key=lambda request: (request.batch, request.order))

    def clear(self) -> None:
        """Forget all lanes; whoever still waits has to be added again."""
        self._by_pairs.clear()
        self._by_source.clear()
        self.waiting = {False: 0, True: 0}

    def _drop(self, lane: Lane) -> None:
        del self._by_pairs[lane.pairs]
        for source in {pair.source.name for pair in lane.pairs}:
            self._by_source[source].remove(lane)
