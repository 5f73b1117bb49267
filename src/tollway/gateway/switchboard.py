"""Between dispatch and the world: events in, actions performed, in order.

Rules
1. `handle` is never entered while its actions are being performed: events wait for their turn.
2. A fault of ours in performing one action ends that request and no other.
3. Of all wake-ups that dispatch asks for only the earliest is kept; it is asked again after it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from tollway.dispatch.messages import (
    Abort,
    Action,
    Arrived,
    BreakerMoved,
    EndWithError,
    Event,
    Reject,
    Relay,
    Reserve,
    Reserved,
    ReserveFailed,
    Send,
    Settle,
    WakeAt,
    Woke,
)
from tollway.fleet.objects import Fleet
from tollway.gateway.loading import Loaded
from tollway.gateway.meter import Meter
from tollway.gateway.tracing.tracer import Tracer
from tollway.gateway.upstream import Origin, Upstream
from tollway.pins.serving import RoutePins

_NONE: Final[Mapping[str, RoutePins]] = MappingProxyType({})
BUCKETS: Final = 10
"""Streams report their progress once a second, a tenth of them at a time."""


class Served(Protocol):
    """A request in flight: an exchange of this process, or one that a worker has."""

    id: str
    bucket: int

    def send(self, action: Send) -> None: ...
    def reject(self, action: Reject) -> None: ...
    def relay(self) -> None: ...
    def end_with_error(self, action: EndWithError) -> None: ...
    def abort(self, action: Abort) -> None: ...
    def break_down(self) -> None: ...
    def stop(self) -> None: ...
    def check(self, now: float) -> None: ...
    def progress(self) -> None: ...


class Decider(Protocol):
    """The dispatcher, as the gateway uses it."""

    def handle(self, event: Event, now: float) -> list[Action]: ...
    def adopt(self, fleet: Fleet, now: float) -> list[Action]: ...
    def snapshot(self, now: float) -> dict[str, object]: ...


class Books(Protocol):
    """The ledger, as the gateway writes it: what it is given is safe, or it says why not."""

    def submit(self, item: Reserve | Settle) -> Exception | None: ...


class Watcher(Protocol):
    """Who counts and logs what happens."""

    def breaker_moved(self, action: BreakerMoved) -> None: ...
    def settled(self, action: Settle) -> None: ...
    def first_content(self, action: Send, seconds: float) -> None: ...
    def stream_ended(self, action: Send, meter: Meter) -> None: ...
    def unpinned(self, action: Send, words: str, refused: bool) -> None: ...
    def sent(self, action: Send) -> None: ...
    def unsettled(self, error: Exception) -> None: ...
    def failed(self, error: BaseException) -> None: ...


class Steps(Protocol):
    """A recording."""

    def step(self, now: float, event: Event, actions: list[Action]) -> None: ...
    def adopted(
        self, now: float, documents: Mapping[str, str], main: str, actions: list[Action]
    ) -> None: ...


class Switchboard:
    """All requests in flight, and who serves them."""

    def __init__(
        self,
        decider: Decider,
        books: Books,
        watcher: Watcher,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        utc: Callable[[], float],
    ) -> None:
        self.decider = decider
        self.clock = clock
        self.utc = utc
        self.upstreams: dict[str, Upstream] = {}
        self.pins: Mapping[str, RoutePins] = {}
        self.live: dict[str, Served] = {}
        self.recording: Steps | None = None
        self.tracer: Tracer | None = None
        self._books = books
        self._watcher = watcher
        self._loop = loop
        self._retired: list[Upstream] = []
        self._buckets: list[set[Served]] = [set() for _ in range(BUCKETS)]
        self._turn = 0
        self._events: deque[Event] = deque()
        self._telling = False
        self._alarm: asyncio.TimerHandle | None = None
        self._perform: dict[type, Callable[..., None]] = {
            Reserve: self._reserve,
            Send: self._send,
            Reject: self._reject,
            Relay: self._relay,
            EndWithError: self._end_with_error,
            Abort: self._abort,
            Settle: self._settle,
            WakeAt: self._wake_at,
            BreakerMoved: self._breaker_moved,
        }

    # --- events ----------------------------------------------------------------------------------

    def arrive(self, exchange: Served, event: Arrived) -> None:
        """A new request."""
        self._turn = (self._turn + 1) % BUCKETS
        exchange.bucket = self._turn
        self._buckets[self._turn].add(exchange)
        self.live[exchange.id] = exchange
        self.tell(event)

    def tell(self, event: Event) -> None:
        """Tell dispatch, and perform what it asks for (rule 1)."""
        if self.tracer is not None:
            self.tracer.happened(event)
        if self._telling:
            self._events.append(event)
            return
        self._telling = True
        try:
            self._step(event)
            while self._events:
                self._step(self._events.popleft())
        finally:
            self._telling = False

    def _step(self, event: Event) -> None:
        now = self.clock()
        actions = self.decider.handle(event, now)
        if self.recording is not None:
            self.recording.step(now, event, actions)
        if actions:
            self._act(actions)

    def adopt(self, loaded: Loaded) -> None:
        """Take a new fleet on: new requests go by it, streams in flight end on the old one."""
        now = self.clock()
        actions = self.decider.adopt(loaded.fleet, now)
        self.use(loaded.origins, loaded.pins)
        if self.recording is not None:
            self.recording.adopted(now, loaded.documents, loaded.main, actions)
        self._telling = True
        try:
            self._act(actions)
        finally:
            self._telling = False
        self.tell(Woke())

    def use(self, origins: Mapping[str, Origin], pins: Mapping[str, RoutePins] = _NONE) -> None:
        """Reach these sources from now on, and hold their answers against these pins."""
        self.pins = pins
        old = self.upstreams
        self.upstreams = {
            name: Upstream(origin, self._loop, self.clock) for name, origin in origins.items()
        }
        for upstream in old.values():
            upstream.retire()
            self._retired.append(upstream)

    def perform(self, actions: list[Action]) -> None:
        """Perform what was decided elsewhere, by a decider that rule 1 does not concern."""
        self._act(actions)

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            if self.tracer is not None:
                self.tracer.asked(action)
            try:
                self._perform[type(action)](action)
            except Exception as error:  # noqa: BLE001 - rule 2
                self._watcher.failed(error)
                exchange = self.live.get(getattr(action, "request", ""))
                if exchange is not None:
                    self._loop.call_soon(exchange.break_down)

    def closed(self, exchange: Served) -> None:
        """The exchange has its end."""
        if self.live.pop(exchange.id, None) is None:
            return
        self._buckets[exchange.bucket].discard(exchange)

    # --- time ------------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """Enforce timeouts. Call about twice a second."""
        for exchange in list(self.live.values()):
            exchange.check(now)
        for upstream in self.upstreams.values():
            upstream.sweep(now)
        for upstream in self._retired:
            upstream.sweep(now)
        self._retired = [each for each in self._retired if not each.quiet()]

    def report_progress(self, bucket: int) -> None:
        """Tell dispatch how far the streams of one bucket are."""
        for exchange in list(self._buckets[bucket]):
            exchange.progress()

    def stop(self) -> None:
        """End every request, in words."""
        for exchange in list(self.live.values()):
            exchange.stop()

    def close(self) -> None:
        """Close every connection to a source."""
        if self._alarm is not None:
            self._alarm.cancel()
        for upstream in [*self.upstreams.values(), *self._retired]:
            upstream.close()

    # --- actions ---------------------------------------------------------------------------------

    def _reserve(self, action: Reserve) -> None:
        request = action.request
        why = self._books.submit(action)
        self.tell(Reserved(request) if why is None else ReserveFailed(request, str(why)))

    def _settle(self, action: Settle) -> None:
        # Booked first: what counts and logs may fail, and the books may not.
        why = self._books.submit(action)
        self._watcher.settled(action)
        if why is not None:
            self._watcher.unsettled(why)

    def _send(self, action: Send) -> None:
        self._watcher.sent(action)
        exchange = self.live.get(action.request)
        if exchange is not None:
            exchange.send(action)

    def _reject(self, action: Reject) -> None:
        exchange = self.live.get(action.request)
        if exchange is not None:
            exchange.reject(action)

    def _relay(self, action: Relay) -> None:
        exchange = self.live.get(action.request)
        if exchange is not None:
            exchange.relay()

    def _end_with_error(self, action: EndWithError) -> None:
        exchange = self.live.get(action.request)
        if exchange is not None:
            exchange.end_with_error(action)

    def _abort(self, action: Abort) -> None:
        exchange = self.live.get(action.request)
        if exchange is not None:
            exchange.abort(action)

    def _breaker_moved(self, action: BreakerMoved) -> None:
        self._watcher.breaker_moved(action)

    def first_content(self, action: Send, seconds: float) -> None:
        """An attempt has its first content, `seconds` after it was sent."""
        self._watcher.first_content(action, seconds)

    def stream_ended(self, action: Send, meter: Meter) -> None:
        """A stream that has had content is over."""
        if self.tracer is not None:
            self.tracer.stream_ended(action, meter)
        self._watcher.stream_ended(action, meter)

    def unpinned(self, action: Send, words: str, refused: bool) -> None:
        """An attempt's answer is not of the model that is locked."""
        self._watcher.unpinned(action, words, refused)

    def _wake_at(self, action: WakeAt) -> None:
        alarm = self._alarm
        delay = max(0.0, action.when - self.clock())
        due = self._loop.time() + delay
        if alarm is not None:
            if alarm.when() <= due:
                return
            alarm.cancel()
        self._alarm = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        self.tell(Woke())
