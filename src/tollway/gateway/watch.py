"""Counts and logs what happens in a gateway."""

from typing import Final

from tollway.dispatch.messages import BreakerMoved, Send, Settle
from tollway.gateway.log import Log
from tollway.gateway.meter import Meter
from tollway.gateway.metrics import Metrics
from tollway.gateway.pauses import Pause
from tollway.gateway.unpinned import Unpinned

REMEMBERED: Final = 1_000
"""Ended requests whose lives can be asked for: as many as stay in the processor's second cache."""


class Watch:
    """The switchboard's watcher."""

    def __init__(self, log: Log) -> None:
        self.metrics = Metrics()
        self.log = log
        self.unpinned = Unpinned(self.metrics, log).answer
        self.open_breakers: set[tuple[str, str]] = set()
        self.pauses: dict[tuple[str, int], list[Pause]] = {}
        self._held = False

    def breaker_moved(self, action: BreakerMoved) -> None:
        pair = (action.source, action.model)
        self.metrics.breaker(action.source, action.model, action.state)
        if action.state == "open":
            self.open_breakers.add(pair)
        else:
            self.open_breakers.discard(pair)
        self.log.say(f"breaker {action.state}: {action.source} {action.model}: {action.why}")

    def settled(self, action: Settle) -> None:
        metrics = self.metrics
        metrics.request_ended(action.source, action.model, action.outcome, action.duration)
        if action.outcome == "failed" and action.attempts > len(action.failed):
            # The last attempt failed after its first content, or answered for the client's fault.
            kind = (action.code or "").removeprefix("upstream_")
            metrics.attempt_failed(action.source or "", action.model or "", kind)
        cost = action.cost
        for failed in action.failed:
            metrics.attempt_failed(failed.source, failed.model, failed.kind)
            metrics.used(failed.source, failed.model, failed.usage, failed.cost)
            cost -= failed.cost
        if action.source is not None and action.model is not None:
            metrics.used(action.source, action.model, action.usage, cost)

    def first_content(self, action: Send, seconds: float) -> None:
        self.metrics.first_content(action.source, action.model, seconds)

    def stream_ended(self, action: Send, meter: Meter) -> None:
        pair = (action.source, action.model)
        self.metrics.stream_ended(pair, meter.gaps, meter.gap_sum, meter.speed)
        if meter.pauses is not None:
            self.paused(action.request, action.attempt, meter.pauses)

    def paused(self, request: str, attempt: int, pauses: list[Pause]) -> None:
        """An attempt's stream stood still: (seconds after it was sent, for how long)."""
        kept = self.pauses
        kept[request, attempt] = pauses
        if len(kept) > REMEMBERED:
            del kept[next(iter(kept))]

    def sent(self, action: Send) -> None:
        if action.attempt > 1:
            self.metrics.fell_back(action.source, action.model)

    def unsettled(self, error: Exception) -> None:
        if not self._held:
            self._held = True
            self.log.say(f"ledger: {error}")

    def settling_again(self) -> None:
        """The ledger takes records; say so where it had not."""
        if self._held:
            self._held = False
            self.log.say("ledger: takes records again; what was held is booked")

    def failed(self, error: BaseException) -> None:
        self.log.fault(error)
