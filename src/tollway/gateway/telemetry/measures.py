"""Requests as measures, in the words of OpenTelemetry's conventions for GenAI.

Rules
1. `gen_ai.client.*` is what the gateway sees of a source, for each attempt; `gen_ai.server.*` is
   what a client sees of the gateway, for whole answers in streams.
2. Attributes come from the fleet file and from fixed words, never from a client or a source.
3. Tokens that were estimated are not reported.

Source: https://github.com/open-telemetry/semantic-conventions-genai (metrics), with its buckets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from opentelemetry.metrics import Meter
from opentelemetry.util.types import AttributeValue

from tollway.gateway.telemetry.spans import OPERATIONS
from tollway.gateway.tracing.records import Served, Tried

Attributes = dict[str, AttributeValue]

_SECONDS: Final = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
_TOKENS: Final = tuple(4**power for power in range(14))
_FIRST: Final = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
_EACH: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)


@dataclass(frozen=True, slots=True)
class Measure:
    """One histogram. `bounds` are the upper bounds of its buckets, in `unit`."""

    name: str
    unit: str
    help: str
    bounds: tuple[float, ...]


DURATION: Final = Measure(
    "gen_ai.client.operation.duration", "s", "GenAI operation duration.", _SECONDS
)
USAGE: Final = Measure(
    "gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", _TOKENS
)
TTFT: Final = Measure(
    "gen_ai.server.time_to_first_token",
    "s",
    "Time to generate first token for successful responses.",
    _FIRST,
)
TPOT: Final = Measure(
    "gen_ai.server.time_per_output_token",
    "s",
    "Time per output token generated after the first token for successful responses.",
    _EACH,
)
TABLE: Final = (DURATION, USAGE, TTFT, TPOT)


class Measures:
    """The histograms of one meter."""

    def __init__(self, meter: Meter) -> None:
        self._histograms = {
            each.name: meter.create_histogram(
                each.name,
                each.unit,
                each.help,
                explicit_bucket_boundaries_advisory=each.bounds,
            )
            for each in TABLE
        }

    def add(self, served: Served) -> None:
        """Record one request."""
        for measure, value, attributes in values(served):
            self._histograms[measure.name].record(value, attributes)


def values(served: Served) -> Iterator[tuple[Measure, float, Attributes]]:
    """What one request adds, and where."""
    for tried in served.attempts:
        where = _where(served, tried, tried.model)
        error: Attributes = {} if tried.error is None else {"error.type": tried.error}
        yield DURATION, tried.ended - tried.started, where | error
        if not tried.estimated:
            yield USAGE, tried.input, where | {"gen_ai.token.type": "input"}
            yield USAGE, tried.output, where | {"gen_ai.token.type": "output"}
    if served.first is None or served.code is not None:
        return
    last = served.attempts[-1]
    where = _where(served, last, served.route)
    yield TTFT, served.first, where
    if last.output > 1:
        rest = served.ended - served.started - served.first
        yield TPOT, rest / (last.output - 1), where


def _where(served: Served, tried: Tried, model: str) -> Attributes:
    return {
        "gen_ai.operation.name": OPERATIONS.get(served.operation, served.operation),
        "gen_ai.provider.name": tried.provider,
        "gen_ai.request.model": model,
        "server.address": tried.address,
        "server.port": tried.port,
    }
