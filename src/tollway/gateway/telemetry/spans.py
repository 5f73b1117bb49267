"""A request as spans, in the words of OpenTelemetry's conventions for HTTP and GenAI.

Rules
1. One span for the request that a client sent, and below it one for each attempt at a source, so
   that a fallback is seen as what it is.
2. The ids are those that the source was told: what it tells of its work hangs below its attempt.
3. Usage is told on attempts only, so that nobody who adds up counts it twice.
4. A 4xx is the client's error, not this server's.

Source: https://github.com/open-telemetry/semantic-conventions-genai (client inference spans);
https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

import re
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)
from opentelemetry.trace.span import TraceState
from opentelemetry.util.types import AttributeValue

from tollway.gateway.tracing.records import Served, Tried

_MODEL: Final = re.compile(r"/models/.+:")
OPERATIONS: Final = {"chat": "chat", "completion": "text_completion", "embedding": "embeddings"}
"""Ours -> `gen_ai.operation.name`."""

Attributes = dict[str, AttributeValue]


class GivenIds(IdGenerator):
    """Ids that were drawn when the request arrived (rule 2)."""

    def __init__(self) -> None:
        self.trace = 0
        self.span = 0

    def generate_trace_id(self) -> int:
        return self.trace

    def generate_span_id(self) -> int:
        return self.span


def tell(served: Served, tracer: Tracer, ids: GivenIds) -> None:
    """Hand the spans of one request to the tracer, whose provider takes its ids from `ids`."""
    ids.trace = int(served.trace, 16)
    ids.span = int(served.span, 16)
    name = f"POST {route_of(served.path)}"
    facts = request_facts(served)
    above = _above(served)
    begun = _nanoseconds(served.started)
    span = tracer.start_span(name, above, SpanKind.SERVER, facts, start_time=begun)
    if failed(served):
        span.set_status(StatusCode.ERROR)
    below = set_span_in_context(span)
    for tried in served.attempts:
        ids.span = int(tried.span, 16)
        _tell_attempt(served, tried, tracer, below)
    span.end(_nanoseconds(served.ended))


def _tell_attempt(served: Served, tried: Tried, tracer: Tracer, below: Context) -> None:
    name = f"{OPERATIONS.get(served.operation, served.operation)} {tried.model}"
    facts = attempt_facts(served, tried)
    begun = _nanoseconds(tried.started)
    span = tracer.start_span(name, below, SpanKind.CLIENT, facts, start_time=begun)
    if tried.error is not None:
        span.set_status(StatusCode.ERROR)
    span.end(_nanoseconds(tried.ended))


def _above(served: Served) -> Context:
    """What the client said; nothing where the trace begins here."""
    if served.parent is None:
        return Context()
    trace, parent = int(served.trace, 16), int(served.parent, 16)
    state = TraceState.from_header([served.state])
    return set_span_in_context(
        NonRecordingSpan(SpanContext(trace, parent, True, TraceFlags(TraceFlags.SAMPLED), state)),
        Context(),
    )


def failed(served: Served) -> bool:
    """Whether this server owes its client an answer (rule 4)."""
    if served.code is None or served.code == "cancelled":
        return False
    return served.status is None or served.status >= 500 or served.status < 400


def route_of(path: str) -> str:
    """The path without what a client may vary in it: Gemini's holds the model."""
    return _MODEL.sub("/models/{model}:", path)


def request_facts(served: Served) -> Attributes:
    """The attributes of a request's span."""
    last = served.attempts[-1] if served.attempts else None
    facts: dict[str, AttributeValue | None] = {
        "http.request.method": "POST",
        "http.route": route_of(served.path),
        "url.path": served.path,
        "url.scheme": "http",
        "http.response.status_code": served.status,
        "error.type": served.code if failed(served) else None,
        "gen_ai.operation.name": OPERATIONS.get(served.operation, served.operation),
        "gen_ai.request.model": served.route,
        "gen_ai.request.stream": served.stream,
        "tollway.request": served.request,
        "tollway.tenant": served.tenant,
        "tollway.key": served.key,
        "tollway.route": served.route,
        "tollway.tag": served.tag,
        "tollway.code": served.code,
        "tollway.source": None if last is None else last.source,
        "tollway.attempts": len(served.attempts),
    }
    return {name: value for name, value in facts.items() if value is not None}


def attempt_facts(served: Served, tried: Tried) -> Attributes:
    """The attributes of an attempt's span."""
    facts: dict[str, AttributeValue | None] = {
        "gen_ai.operation.name": OPERATIONS.get(served.operation, served.operation),
        "gen_ai.provider.name": tried.provider,
        "gen_ai.request.model": tried.model,
        "gen_ai.request.stream": served.stream,
        "gen_ai.response.model": tried.answered_as,
        "gen_ai.response.finish_reasons": tried.reasons or None,
        "gen_ai.response.time_to_first_chunk": tried.first,
        "gen_ai.usage.input_tokens": tried.input or None,
        "gen_ai.usage.output_tokens": tried.output or None,
        "gen_ai.usage.cache_read.input_tokens": tried.cached or None,
        "gen_ai.usage.cache_creation.input_tokens": tried.written or None,
        "gen_ai.usage.reasoning.output_tokens": tried.reasoning or None,
        "server.address": tried.address,
        "server.port": tried.port,
        "http.response.status_code": tried.status,
        "error.type": tried.error,
        "tollway.tenant": served.tenant,
        "tollway.route": served.route,
        "tollway.source": tried.source,
        "tollway.attempt": tried.number,
        "tollway.usage.estimated": True if tried.estimated and tried.input else None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _nanoseconds(utc: float) -> int:
    return int(utc * 1e9)
