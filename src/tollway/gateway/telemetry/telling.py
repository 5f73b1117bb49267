"""The process that tells a collector of requests, by OTLP over HTTP.

Rules
1. It reads JSON lines on standard input, `Orders` first and then a `Served` each, and ends when
   that ends; what was asked for by signals is its parent's business.
2. Where it goes is what its orders say: no environment variable, proxy or `.netrc` has a say.
3. What waits for a slow collector is bounded; of what does not fit, the measures are kept.
"""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

import msgspec
import requests
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind

from tollway.gateway.telemetry.measures import Measures
from tollway.gateway.telemetry.spans import GivenIds, tell
from tollway.gateway.tracing.records import Orders, Served, Told

_MOST_WAITING: Final = 16384
"""Spans that may wait for the collector."""
_ONE_BATCH: Final = 512
_BATCH_EVERY: Final = 0.5
_PATIENCE: Final = 4.0
"""Seconds for the collector to take one batch, with what the library tries again."""
_MUCH: Final = 1 << 20


class Outlet(SpanExporter):
    """Sends spans, and says to the parent how many requests were told, or lost and why. `sent` is
    how many spans have left, well or not."""

    def __init__(self, exporter: SpanExporter, why: "Reasons") -> None:
        self.sent = 0
        self._exporter = exporter
        self._why = why

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        count = sum(span.kind is SpanKind.SERVER for span in spans)
        result = self._exporter.export(spans)
        self.sent += len(spans)
        if result is SpanExportResult.SUCCESS:
            say(Told(count, 0))
        else:
            say(Told(0, count, self._why.last))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class Reasons(logging.Handler):
    """Keeps what the library last complained of."""

    last = "the collector took nothing"

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.last = record.getMessage()[:200]


class Teller:
    """Everything that tells, for one run."""

    def __init__(self, orders: Orders) -> None:
        why = Reasons()
        log = logging.getLogger("opentelemetry")
        log.addHandler(why)
        log.propagate = False
        resource = Resource(
            {
                "service.name": orders.service,
                "service.version": orders.version,
                "service.instance.id": orders.instance,
            }
        )
        self._taken = 0
        self._ids = GivenIds()
        self._spans = TracerProvider(ALWAYS_ON, resource, False, id_generator=self._ids)
        sender = OTLPSpanExporter(
            f"{orders.collector}/v1/traces", timeout=_PATIENCE, session=_session()
        )
        self._outlet = Outlet(sender, why)
        self._spans.add_span_processor(
            BatchSpanProcessor(
                self._outlet,
                max_queue_size=2 * _MOST_WAITING,
                schedule_delay_millis=1000 * _BATCH_EVERY,
                max_export_batch_size=_ONE_BATCH,
            )
        )
        metrics = OTLPMetricExporter(
            f"{orders.collector}/v1/metrics", timeout=_PATIENCE, session=_session()
        )
        reader = PeriodicExportingMetricReader(metrics, 1000 * orders.interval)
        self._meters = MeterProvider([reader], resource, shutdown_on_exit=False)
        self._tracer = self._spans.get_tracer("tollway", orders.version)
        self._measures = Measures(self._meters.get_meter("tollway", orders.version))

    def take(self, served: Served) -> None:
        """Tell of one request."""
        self._measures.add(served)
        if not served.sampled:
            return
        if self._taken - self._outlet.sent >= _MOST_WAITING:
            say(Told(0, 1, "the collector is too slow"))
            return
        self._taken += 1 + len(served.attempts)
        tell(served, self._tracer, self._ids)

    def end(self) -> None:
        """Tell what is left."""
        self._spans.shutdown()
        self._meters.shutdown()


def _session() -> requests.Session:
    """Rule 2."""
    session = requests.Session()
    session.trust_env = False
    return session


def say(told: Told) -> None:
    """To the parent, which may be gone."""
    with suppress(OSError):
        os.write(1, msgspec.json.encode(told) + b"\n")


def lines(descriptor: int) -> Iterator[bytes]:
    """The lines that are read from there, until its end."""
    rest = b""
    while data := os.read(descriptor, _MUCH):
        *whole, rest = (rest + data).split(b"\n")
        yield from whole


def main() -> int:
    """Tell until standard input ends. Returns the exit code."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # rule 1: a service manager asks the whole group
    given = lines(0)
    teller = Teller(msgspec.json.decode(next(given), type=Orders))
    decode = msgspec.json.Decoder(Served).decode
    for line in given:
        teller.take(decode(line))
    teller.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
