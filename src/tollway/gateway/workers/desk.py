"""A worker's decider: it asks the accountant, and decides the little that is left without one.

Rules
1. Without the accountant new work is refused at once, and so is what no source has been asked for.
2. What a source was asked for before the accountant went goes on to its end. It has no fallback,
   and the accountant is not told of it any more: its successor has settled it.
"""

from collections.abc import Iterable

from tollway.dispatch.messages import (
    Action,
    Arrived,
    Cancelled,
    Content,
    EndWithError,
    Event,
    Failed,
    Finished,
    Progressed,
    Reject,
    Reserve,
    Send,
    Settle,
)
from tollway.fleet.objects import Fleet
from tollway.gateway.workers.frames import Wire

_CODE = "restarting"
_WORDS = "The gateway's accountant is being restarted; try again."
_AFTER = 1.0

_Told = Arrived | Content | Progressed | Finished | Failed | Cancelled


class Desk:
    """Stands in for the dispatcher. `wire` is None while there is no accountant; `left` are the
    requests that run on without the one that they began under."""

    def __init__(self) -> None:
        self.wire: Wire | None = None
        self.left: set[str] = set()
        self._asked: set[str] = set()

    def handle(self, event: Event, now: float) -> list[Action]:
        """See `Decider`."""
        if not isinstance(event, _Told):
            raise TypeError(f"a worker tells nobody of {type(event).__name__}")
        request = event.request
        over = isinstance(event, Finished | Failed | Cancelled)
        if over:
            self._asked.discard(request)
        if request in self.left:
            if over:
                self.left.discard(request)
            return [refusal(request)] if isinstance(event, Failed) else []
        if self.wire is not None:
            self.wire.say(event)
            return []
        return [refusal(request)] if isinstance(event, Arrived) else []

    def decided(self, action: Action) -> None:
        """The accountant has decided this about a live request."""
        if isinstance(action, Send):
            self._asked.add(action.request)
        elif isinstance(action, Reject | EndWithError):
            self._asked.discard(action.request)

    def lose(self, live: Iterable[str]) -> list[Action]:
        """The accountant is gone. Returns what to do about the live requests."""
        self.wire = None
        live = set(live)
        self.left = live & self._asked
        return [refusal(request) for request in sorted(live - self._asked)]

    def adopt(self, fleet: Fleet, now: float) -> list[Action]:
        """See `Decider`. The accountant has a fleet's decisions to make, a worker has none."""
        return []

    def snapshot(self, now: float) -> dict[str, object]:
        """See `Decider`."""
        return {}

    def submit(self, item: Reserve | Settle) -> Exception | None:
        """See `Books`."""
        raise TypeError(f"a worker books nothing, and so no {type(item).__name__}")


def refusal(request: str) -> Reject:
    """What a client is told while there is no accountant."""
    return Reject(request, 503, _CODE, _WORDS, _AFTER)
