"""The requests that ended last, for whoever looks at them while they are fresh."""

from collections import deque
from typing import Final

from tollway.dispatch.messages import FailedAttempt, Settle
from tollway.dispatch.requests import RequestState
from tollway.dispatch.sources import Pair

_NOBODY: Final[list[Pair]] = []
_NOTHING: Final[list[FailedAttempt]] = []


class Lately:
    """At most `most` ended requests, each with its settlement. `count` is of all that ever ended:
    the newest has that number, and the one before it one less. `flows` counts the same all by route
    and by the source that answered or was last tried, None where none was."""

    __slots__ = ("_kept", "count", "flows")

    def __init__(self, most: int) -> None:
        self.count = 0
        self.flows: dict[tuple[str, str | None], int] = {}
        self._kept: deque[RequestState] = deque(maxlen=most)

    def add(self, request: RequestState, settled: Settle) -> None:
        """A request has ended. Nobody but a reader touches again what is kept, so it is paid for in
        the processor's cache: what most requests have empty, they share."""
        request.settled = settled
        if not request.tried:
            request.tried = _NOBODY
        if not request.failed:
            request.failed = _NOTHING
        self.count += 1
        flow = request.arrived.route, settled.source
        self.flows[flow] = self.flows.get(flow, 0) + 1
        self._kept.append(request)

    def after(self, number: int, most: int) -> list[tuple[int, RequestState]]:
        """The newest with a number above `number`, at most `most`, oldest first. To who has seen a
        number that there is not yet, as of the gateway before a restart, all are new."""
        if number > self.count:
            number = 0
        count = min(self.count - number, len(self._kept), most)
        if count <= 0:
            return []
        newest = list(self._kept)[-count:]
        first = self.count - count + 1
        return [(first + place, request) for place, request in enumerate(newest)]

    def find(self, request_id: str) -> RequestState | None:
        """The request of this id, where it is still kept."""
        for request in reversed(self._kept):
            if request.id == request_id:
                return request
        return None
