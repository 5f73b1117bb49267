"""When dispatch wants to be woken, over all that it waits for."""

from math import inf

from tollway.dispatch.deadlines import Deadlines
from tollway.dispatch.health import Recovery
from tollway.dispatch.messages import WakeAt
from tollway.dispatch.requests import RequestState
from tollway.dispatch.sources import Pair


class Timetable:
    """Deadlines of requests, recoveries of pairs, and the one wake that covers them all.

    `whole` is the route's deadline, until content; `step` a slot awaited, or an attempt's first
    content; `ttft` the breaker's TTFT deadline.
    """

    __slots__ = ("announced", "recovery", "soonest", "step", "ttft", "whole")

    def __init__(self) -> None:
        self.whole = Deadlines()
        self.step = Deadlines()
        self.ttft = Deadlines()
        self.recovery = Recovery()
        self.announced = inf
        self.soonest = inf

    def arm_whole(self, request: RequestState, length: float, now: float) -> None:
        """Have the request's deadline come in `length` seconds."""
        request.due_whole = self.whole.set(request.id, now, length)
        if now + length < self.soonest:
            self.soonest = now + length

    def arm_step(self, request: RequestState, length: float, now: float) -> None:
        """Have the present step's deadline come in `length` seconds."""
        if request.due_step is not None:
            request.due_step.pop(request.id, None)
        request.due_step = self.step.set(request.id, now, length)
        if now + length < self.soonest:
            self.soonest = now + length

    def arm_ttft(self, request: RequestState, length: float, now: float) -> None:
        """Have the breaker's TTFT deadline come in `length` seconds."""
        request.due_ttft = self.ttft.set(request.id, now, length)
        if now + length < self.soonest:
            self.soonest = now + length

    def recover(self, when: float, pair: Pair) -> None:
        """Have a pair looked at again."""
        self.recovery.add(when, pair)
        self.soonest = min(self.soonest, when)

    def forget_step(self, request: RequestState) -> None:
        """Drop the deadlines of the present step or attempt."""
        if request.due_step is not None:
            request.due_step.pop(request.id, None)
            request.due_step = None
        if request.due_ttft is not None:
            request.due_ttft.pop(request.id, None)
            request.due_ttft = None

    def forget_whole(self, request: RequestState) -> None:
        """Drop the request's own deadline."""
        if request.due_whole is not None:
            request.due_whole.pop(request.id, None)
            request.due_whole = None

    def woken(self) -> None:
        """The wake that was asked for has come, or may have: work out the next one. Between wakes
        a deadline that is cleared leaves its wake standing: an early wake is harmless."""
        self.announced = inf
        self.soonest = min(
            self.whole.earliest(),
            self.step.earliest(),
            self.ttft.earliest(),
            self.recovery.earliest,
        )

    def wake(self) -> WakeAt:
        """The wake to ask for, where `soonest` is before what was `announced`."""
        self.announced = self.soonest
        return WakeAt(self.announced)
