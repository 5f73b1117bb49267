"""Writes down what happens to each request, for another process to tell of.

Rules
1. A request is written down once, when its client has its last answer, or has left.
2. Who is sampled by the client stays so, and who is not stays not; only traces that begin here
   are drawn for.
3. What waits to be taken is bounded; what does not fit is counted, and nobody waits for it.
"""

from collections.abc import Callable
from random import getrandbits
from typing import Final, Protocol

import msgspec

from tollway.dispatch.messages import (
    Action,
    Cancelled,
    Content,
    EndWithError,
    Event,
    Failed,
    Finished,
    Reject,
    Relay,
    Send,
)
from tollway.fleet.objects import Source
from tollway.fleet.usage import Usage
from tollway.gateway.facts import RequestFacts
from tollway.gateway.http import Request
from tollway.gateway.tracing.context import RANDOM, SAMPLED, context_lines, read_context
from tollway.gateway.tracing.providers import Place, place_of
from tollway.gateway.tracing.records import Served, Tried
from tollway.gateway.tracing.said import model_of_event, read_body, reasons

MOST_WAITING: Final = 8 * 1024 * 1024
"""Bytes that may wait to be taken, which happens twice a second."""
_GONE: Final = "cancelled"
_OURS: Final = frozenset({401, 403, 407})
"""A source's refusals of our credential, which the client is told as 502."""
_RANDOM_BITS: Final = 56
"""Of a trace's id, the last ones, which samplers go by in OpenTelemetry's probability sampling."""


_NOTED: Final = frozenset({Content, Failed, Finished, Cancelled})
_ENDS: Final = frozenset({Reject, EndWithError, Relay})


class Metered(Protocol):
    """What a stream's meter noted of its end."""

    reasons: list[object]


class Trace:
    """One request while it runs. Its times are of the monotonic clock until it is written down."""

    __slots__ = ("_clock", "_flags", "_places", "_stream", "attempt", "attempts", "record")

    def __init__(
        self, record: Served, flags: int, clock: Callable[[], float], places: "Places"
    ) -> None:
        self.record = record
        self.attempts: list[Tried] = []
        self.attempt: Tried | None = None
        self._flags = flags
        self._clock = clock
        self._places = places

    def send(self, action: Send, source: Source) -> bytes:
        """An attempt begins. Returns the header lines that make the source's work its child."""
        place = self._places.of(source)
        span = _digits(64)
        tried = Tried(
            span,
            action.attempt,
            action.source,
            place.provider,
            place.address,
            place.port,
            action.upstream_model,
            self._clock(),
        )
        self.attempt = tried
        self.attempts.append(tried)
        return context_lines(self.record.trace, span, self._flags, self.record.state)

    def begun(self, data: bytes) -> None:
        """The first bytes of a stream that the client gets."""
        if self.attempt is not None and self._flags & SAMPLED:
            self.attempt.answered_as = model_of_event(data)

    def body(self, data: bytes) -> None:
        """A whole answer."""
        if self.attempt is not None and self._flags & SAMPLED:
            self.attempt.answered_as, self.attempt.reasons = read_body(data)


class Places:
    """Where sources are, found out once for each."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Source, Place]] = {}

    def of(self, source: Source) -> Place:
        known = self._known.get(source.name)
        if known is None or known[0] is not source:  # a reload may have moved it
            known = self._known[source.name] = (source, place_of(source))
        return known[1]


class Tracer:
    """All requests that this process holds the clients of."""

    def __init__(self, share: float, clock: Callable[[], float], utc: Callable[[], float]) -> None:
        self._least = (1.0 - share) * 2**_RANDOM_BITS
        self._clock = clock
        self._utc = utc
        self._places = Places()
        self._open: dict[str, Trace] = {}
        self._encode = msgspec.json.Encoder().encode
        self._waiting: list[bytes] = []
        self._size = 0
        self._lost = 0

    def begin(
        self, request_id: str, request: Request, facts: RequestFacts, tag: str | None
    ) -> Trace:
        """A request for a model has arrived, whose key is known."""
        headers, key = request.headers, request.key
        parent = headers.get(b"traceparent")
        context = None if parent is None else read_context(parent, headers.get(b"tracestate"))
        if context is None:
            trace, above, state = _digits(128), None, ""
            flags = RANDOM | (SAMPLED if int(trace[18:], 16) >= self._least else 0)
        else:
            flags = context.flags
            trace, above, state = context.trace, context.parent, context.state
        record = Served(
            request_id,
            trace,
            _digits(64),
            above,
            state,
            flags & SAMPLED > 0,
            "" if key is None else key.tenant,
            "" if key is None else key.id,
            facts.model,
            tag,
            facts.operation,
            request.path.decode("ascii", "replace"),
            facts.stream,
            self._clock(),
        )
        begun = self._open[request_id] = Trace(record, flags, self._clock, self._places)
        return begun

    # --- what happens ----------------------------------------------------------------------------

    def happened(self, event: Event) -> None:
        """Something is told to dispatch."""
        if type(event) not in _NOTED:
            return
        if isinstance(event, Content):
            self._content(event)
        elif isinstance(event, Failed):
            self._failed(event)
        elif isinstance(event, Finished | Cancelled):
            self._over(event)

    def asked(self, action: Action) -> None:
        """Dispatch asks for something."""
        if type(action) not in _ENDS:
            return
        if isinstance(action, Reject):
            self._end(action.request, action.status, action.code)
        elif isinstance(action, EndWithError):
            self._end(action.request, 502, action.code)
        elif isinstance(action, Relay):
            self._relayed(action)

    def stream_ended(self, action: Send, meter: Metered) -> None:
        """A stream that has had content is over."""
        trace = self._open.get(action.request)
        if trace is not None and trace.attempt is not None:
            trace.attempt.reasons = reasons(meter.reasons)

    def _content(self, event: Content) -> None:
        trace = self._open.get(event.request)
        if trace is not None and trace.attempt is not None:
            now = self._clock()
            trace.attempt.first = now - trace.attempt.started
            trace.record.first = now - trace.record.started
            trace.record.status = 200

    def _failed(self, event: Failed) -> None:
        trace = self._open.get(event.request)
        if trace is not None:
            error = event.kind if event.status is None else str(event.status)
            self._end_attempt(trace, event.usage, error, event.status)

    def _over(self, event: Finished | Cancelled) -> None:
        trace = self._open.get(event.request)
        if trace is None:
            return
        if isinstance(event, Finished):
            self._end_attempt(trace, event.usage, None, None)
            self._end(event.request, 200, None)
        else:
            self._end_attempt(trace, event.usage, _GONE, None)
            self._end(event.request, trace.record.status, _GONE)

    def _relayed(self, action: Relay) -> None:
        trace = self._open.get(action.request)
        status = trace.attempts[-1].status if trace is not None and trace.attempts else None
        given = 502 if status is None or status in _OURS else status
        self._end(action.request, given, "upstream_error")

    def _end_attempt(
        self, trace: Trace, usage: Usage, error: str | None, status: int | None
    ) -> None:
        tried, trace.attempt = trace.attempt, None
        if tried is None:
            return
        tried.ended = self._clock()
        tried.error = error
        tried.status = status
        tried.input, tried.output = usage.input, usage.output
        tried.cached, tried.written = usage.cached_input, usage.cache_write
        tried.reasoning = usage.reasoning
        tried.estimated = usage.estimated

    def _end(self, request: str, status: int | None, code: str | None) -> None:
        """Rule 1: whoever comes second finds nothing."""
        trace = self._open.pop(request, None)
        if trace is None:
            return
        record, now = trace.record, self._clock()
        record.status = record.status or status
        record.code = code
        ahead = self._utc() - now
        record.started += ahead
        record.ended = now + ahead
        for tried in trace.attempts:
            tried.started += ahead
            tried.ended = (tried.ended or now) + ahead
        record.attempts = tuple(trace.attempts)
        line = self._encode(record)
        if self._size + len(line) > MOST_WAITING:
            self._lost += 1
        else:
            self._waiting.append(line)
            self._size += len(line) + 1

    # --- for whoever tells -----------------------------------------------------------------------

    def take(self) -> tuple[bytes, int]:
        """What was written down since the last call, a JSON line each, and how many were lost."""
        lines, self._waiting = self._waiting, []
        lost, self._lost = self._lost, 0
        self._size = 0
        if lines:
            lines.append(b"")
        return b"\n".join(lines), lost


def _digits(bits: int) -> str:
    """So many random bits, not all zero, in hexadecimal."""
    return f"{getrandbits(bits) or 1:0{bits // 4}x}"
