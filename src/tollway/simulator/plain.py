"""The plain execution: the live dispatcher in virtual time, with engines that are not there.

Rules
1. At one instant: first what replicas tell, by their number, then who streams says how far it is
   (each whole second, where a speed floor or a budget asks), then losses, recoveries, drains and
   scaling,
   then what took its source too long, then the wakes that dispatch asked for, then arrivals by
   their number. Each is told to dispatch before the next is looked at.
2. A reservation is committed at once: no ledger is rehearsed.
3. Every request that arrives ends once, also when the fleet is lost; those that follow one that
   never ends well, and need its answer, are never asked.
4. Nobody's client leaves.
"""

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil
from typing import Final

from tollway.dispatch.machine import Dispatcher
from tollway.dispatch.messages import (
    Abort,
    Action,
    Arrived,
    BreakerMoved,
    Content,
    Drained,
    Event,
    Failed,
    FailureKind,
    Finished,
    Progressed,
    Reject,
    Reserve,
    Reserved,
    Send,
    Settle,
    Undrained,
    WakeAt,
    Woke,
)
from tollway.dispatch.opening import Opening
from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet
from tollway.fleet.usage import Usage
from tollway.policy.route import mix
from tollway.simulator.draws import ARRIVALS, numbered, purpose
from tollway.simulator.flight import Asked, Flight, Watched
from tollway.simulator.floor import Change, Floor, Place
from tollway.simulator.play import Drain, Ended, Loss, Play, affine, followers, needs_progress
from tollway.simulator.sequence import Kind
from tollway.simulator.steps import SECOND
from tollway.simulator.supply import Pool
from tollway.simulator.trace import Trace

NEVER: Final = (1 << 62) - 1
"""Later than anything: 53 days of picoseconds, the largest whole number that is quick."""


class Plain:
    """One run. `ended` grows in order of ending; `watch` is told each event with its actions."""

    def __init__(
        self,
        fleet: Fleet,
        pools: tuple[Pool, ...],
        trace: Trace,
        play: Play,
        watch: Callable[[float, Event, list[Action]], None] | None = None,
    ) -> None:
        self.now = 0
        self.ended: list[Ended] = []
        self.breakers: list[tuple[int, BreakerMoved]] = []
        self.floor = Floor(pools)
        self.busy: dict[str, int] = dict.fromkeys(fleet.sources, 0)
        self.opening = Opening(keys=play.keys, utc_offset=play.utc, spent=())
        self._fleet, self._trace, self._play, self._watch = fleet, trace, play, watch
        self._dispatcher = Dispatcher(fleet, self.opening, 0.0)
        self._events: deque[Event] = deque()
        self._asked: dict[str, Asked] = {}
        self._due: list[int | None] = [None] * len(self.floor.places)
        self._engines: list[tuple[int, int]] = []
        self._watched = Watched(fleet)
        self._changes: list[tuple[int, int, Loss | Drain | Change]] = []
        self._change = 0
        self._wake = NEVER
        self._coming = _coming(trace)
        self._following: list[tuple[int, int]] = []
        self._followers = followers(trace)
        self._affine = affine(fleet)
        self._tick = SECOND if needs_progress(fleet, play.keys) else NEVER
        self._chance = purpose(play.seed, ARRIVALS)
        for loss in play.losses:
            self._plan(loss.at, loss)
        for drain in play.drains:
            self._plan(drain.at, drain)

    @property
    def going(self) -> bool:
        """Whether anything is left to happen."""
        return bool(self._asked or self._coming or self._following)

    def under_way(self) -> list[Ended]:
        """Requests that have arrived and not ended."""
        return [asked.ended for asked in self._asked.values()]

    # --- the loop ---------------------------------------------------------------------------------

    def run(self, most: int | None = None) -> bool:
        """Go on until nothing is left to happen, or until `most` more requests have ended; whether
        anything is left."""
        stop = None if most is None else len(self.ended) + most
        while stop is None or len(self.ended) < stop:
            engines, coming, following = self._engines, self._coming, self._following
            while engines and self._due[engines[0][1]] != engines[0][0]:
                heappop(engines)
            at_engine = engines[0][0] if engines else NEVER
            at_change = self._changes[0][0] if self._changes else NEVER
            at_look = self._watched.next_at() or NEVER
            follows = bool(following) and (not coming or following[0] < coming[-1])
            next_one = following[0] if follows else coming[-1] if coming else (NEVER, 0)
            now = min(at_engine, next_one[0], at_change, at_look, self._wake)
            if now == NEVER or not self.going:
                return False
            if self._tick < now or (self._tick == now and now < at_engine):
                self._tell_progress()
                continue
            self.now = max(self.now, now)
            if now == at_engine:
                self._advance(engines[0][1])
            elif now == at_change:
                self._apply(heappop(self._changes)[2])
            elif now == at_look:
                overdue = self._watched.look(now)
                if overdue is not None:
                    self._tell(self._cut(*overdue))
            elif now == self._wake:
                self._wake = NEVER
                self._tell(Woke())
            else:
                self._arrive((heappop(following) if follows else coming.pop())[1])
        return self.going

    def _tell(self, event: Event) -> None:
        """Tell dispatch, do what it says in its order, and tell it what came of that."""
        events, now = self._events, self.now * 1e-12
        events.append(event)
        while events:
            event = events.popleft()
            actions = self._dispatcher.handle(event, now)
            if self._watch is not None:
                self._watch(now, event, actions)
            for action in actions:
                self._perform(action)

    def _perform(self, action: Action) -> None:
        """Do what dispatch says. What is told to clients alone is not rehearsed."""
        if isinstance(action, Reserve):
            self._events.append(Reserved(action.request))
        elif isinstance(action, Send):
            self._send(action)
        elif isinstance(action, Settle):
            self._settle(action)
        elif isinstance(action, WakeAt):
            self._wake_at(action.when)
        elif isinstance(action, Reject):
            self._reject(action)
        elif isinstance(action, Abort):
            self._abort(action)
        elif isinstance(action, BreakerMoved):
            self.breakers.append((self.now, action))

    # --- arrivals ---------------------------------------------------------------------------------

    def _arrive(self, index: int) -> None:
        one, play = self._trace.requests[index], self._play
        asked = Asked(index, one, self.now)
        self._asked[asked.id] = asked
        route = one.route or play.route
        chance = numbered(self._chance, index)
        prefix = 0
        if route in self._affine:
            prefix = mix(one.prefix[0] + 1) if one.prefix else chance
        self._tell(
            Arrived(
                asked.id,
                one.key or play.key,
                route,
                one.operation,
                one.stream,
                one.input,
                one.max_output,
                prefix,
                chance,
                one.request_class,
                play.tier,
            )
        )

    def _over(self, asked: Asked) -> None:
        """A request has ended: who follows it arrives after a pause."""
        del self._asked[asked.id]
        self.ended.append(asked.ended)
        for index in self._followers.get(asked.ended.index, ()):
            one = self._trace.requests[index]
            if asked.ended.outcome == "completed" or not one.needs_answer:
                at = max(round(one.at * SECOND), self.now + round(one.pause * SECOND))
                heappush(self._following, (at, index))

    # --- what dispatch asks for -------------------------------------------------------------------

    def _send(self, action: Send) -> None:
        asked = self._asked[action.request]
        ended = asked.ended
        if ended.sent is None:
            ended.sent = self.now
        if action.source in self.floor.lost:
            self._events.append(Failed(action.request, action.attempt, "refused", Usage()))
            return
        place = self.floor.choose(action.source, action.model)
        flight = Flight(asked, action.attempt, place, self.now)
        try:
            place.server.arrive(self.now, flight.sequence)
        except TollwayError as error:
            why = str(error)
            self._events.append(
                Failed(action.request, action.attempt, "status", Usage(), 400, detail=why)
            )
            return
        asked.flight = flight
        self._watched.sent(self.now, flight)
        ended.place = place.number
        self._look(place)
        for change in self.floor.grow(self.now, place):
            self._plan(change.at, change)

    def _abort(self, action: Abort) -> None:
        flight = self._asked[action.request].flight
        if flight is not None and flight.attempt == action.attempt:
            self._events.append(self._cut(flight, action.kind, action.detail))

    def _settle(self, action: Settle) -> None:
        asked = self._asked[action.request]
        ended = asked.ended
        ended.ended = self.now
        ended.outcome, ended.code = action.outcome, action.code
        ended.source, ended.model = action.source, action.model
        ended.attempts, ended.cost = action.attempts, action.cost
        ended.input, ended.output = action.usage.input, action.usage.output
        ended.cached = action.usage.cached_input
        ended.substituted = action.substituted
        self._over(asked)

    def _reject(self, action: Reject) -> None:
        asked = self._asked.get(action.request)
        if asked is None:  # settled a moment ago
            self.ended[-1].status = action.status
            return
        ended = asked.ended
        ended.ended, ended.outcome = self.now, "refused"
        ended.code, ended.status = action.code, action.status
        self._over(asked)

    def _wake_at(self, when: float) -> None:
        at = ceil(when * SECOND)
        while at * 1e-12 < when:
            at += 1
        self._wake = min(self._wake, at)

    # --- what engines tell ------------------------------------------------------------------------

    def _look(self, place: Place) -> None:
        """Note when this replica has something to tell."""
        at = place.server.next_at()
        if at != self._due[place.number]:
            self._due[place.number] = at
            if at is not None:
                heappush(self._engines, (at, place.number))

    def _advance(self, number: int) -> None:
        place = self.floor.places[number]
        told = place.server.advance(self.now)
        self._look(place)
        for _, kind, sequence in told:
            asked = self._asked.get(str(sequence.name))
            flight = None if asked is None else asked.flight
            if asked is None or flight is None or flight.sequence is not sequence:
                continue  # cut off by what was told before it at this instant
            one = asked.asked
            if kind is Kind.FIRST:
                # A plain answer is held back until its end.
                if one.stream:
                    flight.answering = True
                    self._watched.began(self.now, flight)
                    asked.ended.first = self.now
                    self._tell(Content(asked.id, flight.attempt))
                continue
            self._leave(flight)
            if not one.stream:
                asked.ended.first = self.now
            usage = Usage(one.input, sequence.cached, 0, sequence.output)
            self._tell(Finished(asked.id, flight.attempt, usage))

    def _leave(self, flight: Flight) -> None:
        """An attempt is over."""
        flight.request.flight = None
        place = flight.place
        self.busy[place.pool.source] += self.now - flight.sent
        change = self.floor.idle(self.now, place)
        if change is not None:
            self._plan(change.at, change)

    def _cut(self, flight: Flight, kind: FailureKind, detail: str = "") -> Failed:
        """End an attempt; what it used is believed to be its prompt and what was out, or nothing
        where nobody answered at all."""
        place, sequence = flight.place, flight.sequence
        emitted = place.server.emitted(self.now, sequence) if flight.answering else 0
        place.server.cancel(self.now, sequence)
        self._look(place)
        self._leave(flight)
        flight.request.ended.first = None
        usage = Usage(sequence.prompt, output=emitted, estimated=True)
        if kind == "refused":
            usage = Usage()
        return Failed(flight.request.id, flight.attempt, kind, usage, detail=detail)

    def _tell_progress(self) -> None:
        """Every stream says how many tokens are out, each whole second."""
        self.now = self._tick
        self._tick += SECOND
        for asked in list(self._asked.values()):
            flight = asked.flight
            if flight is not None and flight.answering and asked.asked.stream:
                tokens = flight.place.server.emitted(self.now, flight.sequence)
                self._tell(Progressed(asked.id, flight.attempt, tokens))

    # --- changes ----------------------------------------------------------------------------------

    def _plan(self, at: int, change: Loss | Drain | Change) -> None:
        self._change += 1
        heappush(self._changes, (at, self._change, change))

    def _apply(self, change: Loss | Drain | Change) -> None:
        if isinstance(change, Change):
            after = self.floor.apply(change)
            if after is not None:
                self._plan(after.at, after)
        elif isinstance(change, Drain):
            self._drain(change)
        elif self.now == change.at:
            self._lose(change)
        else:
            self.floor.restore(change.source)

    def _drain(self, drain: Drain) -> None:
        """As an operator does: it is dispatch that knows what that means."""
        if self.now != drain.at:
            self._tell(Undrained(drain.source))
            return
        if drain.back is not None:
            self._plan(drain.back, drain)
        since = self._play.utc + drain.at / SECOND
        self._tell(Drained(drain.source, "rehearsed", "the rehearsal", since))

    def _lose(self, loss: Loss) -> None:
        """Whoever runs there fails, in the order of arrival."""
        flights = [asked.flight for asked in self._asked.values() if asked.flight is not None]
        hit = [flight for flight in flights if flight.place.pool.source == loss.source]
        failed = [self._cut(one, "cut" if one.answering else "refused") for one in hit]
        self.floor.lose(loss.source)
        for place in self.floor.places:
            self._look(place)
        if loss.back is not None:
            self._plan(loss.back, loss)
        for event in failed:
            self._tell(event)


def _coming(trace: Trace) -> list[tuple[int, int]]:
    """Picoseconds and number of each request that follows nobody, the first to arrive last."""
    times = [
        (round(one.at * SECOND), index)
        for index, one in enumerate(trace.requests)
        if one.after is None
    ]
    times.sort(reverse=True)
    return times
