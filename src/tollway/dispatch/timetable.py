"""When dispatch wants to be woken, over all that it waits for."""

from math import inf

from tollway.dispatch.deadlines import Deadlines
from tollway.dispatch.health import Recovery
from tollway.dispatch.messages import WakeAt
from tollway.dispatch.sources import Pair


class Timetable:
    """Deadlines of requests, recoveries of pairs, and the one wake that covers them all.

    `whole` is the route's deadline, until content; `step` a slot awaited, or an attempt's first
    content; `ttft` the breaker's TTFT deadline.
    """

    __slots__ = ("_announced", "_soonest", "recovery", "step", "ttft", "whole")

    def __init__(self) -> None:
        self.whole = Deadlines()
        self.step = Deadlines()
        self.ttft = Deadlines()
        self.recovery = Recovery()
        self._announced = inf
        self._soonest = inf

    def arm(self, deadlines: Deadlines, request: str, length: float, now: float) -> None:
        """Have a request's deadline come in `length` seconds."""
        deadlines.set(request, now, length)
        self._soonest = min(self._soonest, now + length)

    def recover(self, when: float, pair: Pair) -> None:
        """Have a pair looked at again."""
        self.recovery.add(when, pair)
        self._soonest = min(self._soonest, when)

    def forget(self, request: str) -> None:
        """Drop every deadline of a request."""
        self.whole.clear(request)
        self.step.clear(request)
        self.ttft.clear(request)

    def woken(self) -> None:
        """The wake that was asked for has come, or may have: work out the next one. Between wakes
        a deadline that is cleared leaves its wake standing: an early wake is harmless."""
        self._announced = inf
        self._soonest = min(
            self.whole.earliest(),
            self.step.earliest(),
            self.ttft.earliest(),
            self.recovery.earliest,
        )

    def wake(self) -> WakeAt | None:
        """The wake to ask for, where none as early has been."""
        if self._soonest >= self._announced:
            return None
        self._announced = self._soonest
        return WakeAt(self._announced)
