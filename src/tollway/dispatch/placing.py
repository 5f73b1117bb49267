"""Where each request goes: to a source now, into a lane to wait, or nowhere."""

from math import inf

from tollway.dispatch import ends
from tollway.dispatch.books import Books
from tollway.dispatch.lanes import Lanes
from tollway.dispatch.messages import Action, Drained, Restored, Send, Undrained, Withdrawn
from tollway.dispatch.requests import RESERVING, SENT, Attempt, RequestState
from tollway.dispatch.routing import (
    among,
    holding,
    named,
    pick,
    plan_routes,
    selling,
    speaking,
    substitution,
    without,
)
from tollway.dispatch.sources import Pair, Sources
from tollway.dispatch.timetable import Timetable
from tollway.fleet.objects import Fleet
from tollway.policy import breaker, retry
from tollway.policy.options import Ask


class Placing:
    """The fleet's sources and who uses or awaits them. Appends its actions to `out`."""

    __slots__ = (
        "_books",
        "_out",
        "_retries",
        "_retries_at",
        "_times",
        "fleet",
        "lanes",
        "plans",
        "sources",
    )

    def __init__(
        self, fleet: Fleet, books: Books, times: Timetable, out: list[Action], now: float
    ) -> None:
        self.fleet = fleet
        self.sources = Sources(fleet, now)
        self.plans = plan_routes(fleet, self.sources)
        self.lanes = Lanes()
        self._books = books
        self._times = times
        self._out = out
        self._retries = retry.RETRY_WINDOW * fleet.retry.min_per_second
        self._retries_at = now

    def adopt(self, fleet: Fleet, now: float) -> list[RequestState]:
        """Take a new fleet; gives those who waited, who have to be placed anew."""
        self.fleet = fleet
        self.sources.adopt(fleet, now)
        self.plans = plan_routes(fleet, self.sources)
        waiting = self.lanes.everyone()
        self.lanes.clear()
        for request in waiting:
            request.phase = RESERVING
            request.tried.clear()
            self._times.forget_step(request)
        return waiting

    def offer(self, request: RequestState) -> None:
        """Find the pairs that can hold the request at all."""
        arrived = request.arrived
        tokens = request.input_tokens + (arrived.operation != "embedding")
        plan = request.plan
        tier, only, lost, spoken = arrived.tier, arrived.only, request.drilled, arrived.spoken
        candidates, fallbacks = plan.candidates, plan.fallbacks
        if tokens > plan.fits_all:
            candidates, fallbacks = holding(candidates, tokens), holding(fallbacks, tokens)
        if spoken is not None:
            candidates, fallbacks = speaking(candidates, spoken), speaking(fallbacks, spoken)
        if tier is not None:
            candidates, fallbacks = selling(candidates, tier), selling(fallbacks, tier)
        if only is not None:
            candidates, fallbacks = named(candidates, only), named(fallbacks, only)
        if arrived.allowed is not None:
            candidates = among(candidates, arrived.allowed)
            fallbacks = among(fallbacks, arrived.allowed)
        if lost is not None:
            candidates, fallbacks = without(candidates, lost), without(fallbacks, lost)
        request.options = (candidates, fallbacks)

    def place(self, request: RequestState, now: float) -> ends.Turned | None:
        """Send the request or let it wait; or say why neither is any use."""
        pair = self._choose(request, now)
        if pair is None:
            return self._wait(request, now)
        self._send(request, pair, now)
        return None

    def withdraw(self, event: Withdrawn, now: float) -> None:
        """Send nothing more there, until `restore`; harmless where the fleet has no such pair."""
        pair = self._pair(event.source, event.model)
        if pair is not None:
            self._out.extend(pair.withdraw(event.why, now))

    def restore(self, event: Restored, now: float) -> None:
        """Send there again what was withdrawn, and what has waited for it."""
        pair = self._pair(event.source, event.model)
        if pair is not None:
            self._out.extend(pair.restore())
            self.serve_waiting(event.source, now)

    def drain(self, event: Drained, now: float) -> list[RequestState]:
        """Begin nothing more there, until `undrain`; harmless where the fleet has no such source.
        Gives those who waited for it and have nobody else to wait for: they wait no longer."""
        state = self.sources.by_name.get(event.source)
        if state is None:
            return []
        state.drained = event
        left = [one for one in self.lanes.everyone() if _waits_in_vain(one, event.source, now)]
        for request in left:
            self.lanes.leave(request, RESERVING)
        return left

    def undrain(self, event: Undrained, now: float) -> None:
        """Send there again, first of all those who have waited for it."""
        state = self.sources.by_name.get(event.source)
        if state is not None and state.drained is not None:
            state.drained = None
            self.serve_waiting(event.source, now)

    def _pair(self, source: str, model: str) -> Pair | None:
        state = self.sources.by_name.get(source)
        return None if state is None else state.pairs.get(model)

    def may_retry(self, now: float) -> bool:
        """Whether the retry budget has one more attempt, which is then drawn."""
        terms = self.fleet.retry
        seconds, self._retries_at = now - self._retries_at, now
        self._retries = retry.replenished(self._retries, seconds, terms.min_per_second)
        if self._retries < 1.0:
            return False
        self._retries -= 1.0
        return True

    def free(self, attempt: Attempt, moves: list[Action], now: float) -> None:
        """Give back an attempt's slot, and let someone else have it."""
        pair = attempt.pair
        pair.source.outstanding -= 1
        if attempt.probe is not None and attempt.probe == pair.breaker.round:
            pair.breaker.probes_in_flight -= 1
        self.moved(pair, moves)
        self.serve_waiting(pair.source.name, now)

    def moved(self, pair: Pair, moves: list[Action]) -> None:
        """Announce a pair's moves, and see to it that an open one is tried again in time."""
        if moves:
            self._out.extend(moves)
            if pair.breaker.state == breaker.OPEN:
                self._times.recover(pair.breaker.until, pair)

    def recover(self, now: float) -> None:
        """Half-open the breakers and end the rests whose time has come."""
        for pair in self._times.recovery.due(now):
            self._out.extend(pair.half_open(now))
            self.serve_waiting(pair.source.name, now)

    def serve_waiting(self, source: str, now: float) -> None:
        """Give this source's free slots to whoever waits for them."""
        waiting = self.lanes.waiting
        if not (waiting[False] or waiting[True]):
            return
        state = self.sources.by_name.get(source)
        while state is not None and state.has_slot():
            request = self.lanes.next_for(source, now)
            if request is None:
                return
            self.lanes.leave(request, RESERVING)
            self.place(request, now)  # never turned away: a pair of this source is available

    def _choose(self, request: RequestState, now: float) -> Pair | None:
        """A candidate by the route's objectives, else the first fallback, of those available."""
        tried = request.tried
        candidates, fallbacks = request.options
        if len(candidates) == 1 and not tried and candidates[0].available(now):
            return candidates[0]
        available = [pair for pair in candidates if pair.available(now) and pair not in tried]
        if len(available) == 1:
            return available[0]
        if available:
            event = request.arrived
            usage = self._books.expected(request)
            ask = Ask(usage.output, event.prefix, event.draw)
            return pick(request.plan, available, ask, usage, now, self._books.utc(now))
        for pair in fallbacks:
            if pair not in tried and pair.available(now):
                return pair
        return None

    def _wait(self, request: RequestState, now: float) -> ends.Turned | None:
        """Begin to wait for a slot or for the end of a rest; an open breaker is not waited for."""
        untried = request.untried()
        queue = self.fleet.queue
        patience: float = queue.batch_wait if request.batch else queue.interactive_wait
        if request.attempts:
            # After a failure it has waited already: for a slot, for an answer, for a rest.
            patience = request.arrived_at + patience - now
            if patience <= 0.0:
                return ends.waited_too_long(request, now)
        until = now + patience
        if not any(pair.worth_waiting(now, until) for pair in untried):
            return ends.no_source(request, untried, now)
        length = queue.batch_length if request.batch else queue.interactive_length
        if self.lanes.waiting[request.batch] >= length:
            return ends.queue_full(length)
        self.lanes.add(request, untried)
        self._times.arm_step(request, patience, now)
        return None

    def _send(self, request: RequestState, pair: Pair, now: float) -> None:
        source, times = pair.source, self._times
        request.attempts += 1
        request.phase = SENT
        request.aborting = False
        attempt = request.attempt = Attempt(request.attempts, pair, now, request.last_tried)
        source.outstanding += 1
        if pair.breaker.state == breaker.HALF_OPEN:
            attempt.probe = pair.breaker.round
            pair.breaker.probes_in_flight += 1
        if request.attempts == 1:
            budget = self.fleet.retry
            self._retries = retry.earned(self._retries, budget.ratio, budget.min_per_second)
        serving = pair.serving
        if serving.prepaid is not None:
            tokens = request.input_tokens + request.held_output
            if pair.covers(tokens, now):
                attempt.prepaid = tokens
                pair.draw_prepaid(tokens, now)
        terms = source.declared.breaker
        if request.arrived.stream:
            times.arm_step(request, source.first_content, now)
            if terms.ttft_deadline is not None:
                times.arm_ttft(request, terms.ttft_deadline + terms.thinking, now)
        else:
            # The first content of a plain answer is its whole body: neither the route's deadline
            # nor the source's time to a first token is about that.
            times.forget_whole(request)
            times.arm_step(request, source.total, now)
        attempt.silent_left = terms.thinking
        if pair is not request.plan.usual:
            attempt.substituted = substitution(request.plan, pair)
        self._out.append(
            Send(
                request.id,
                attempt.number,
                source.name,
                pair.model,
                serving.upstream_model,
                request.tier,
                attempt.substituted,
                request.room,
            )
        )


def _waits_in_vain(request: RequestState, drained: str, now: float) -> bool:
    """Whether it waited for the drained source, and nobody else is worth waiting for."""
    untried = request.untried()
    return any(pair.source.name == drained for pair in untried) and not any(
        pair.worth_waiting(now, inf) for pair in untried
    )
