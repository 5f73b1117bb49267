"""A collector that decodes what it is told, and fleets that tell it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gateway_rig import Mock, Seen
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from process_rig import Gateway, Terms, running

CLIENT, SERVER, ERROR = 3, 2, 2
"""Span kinds and a status of the protocol."""


class Span:
    """One span, as a collector sees it."""

    def __init__(self, told: Any, resource: dict[str, Any]) -> None:
        self.name: str = told.name
        self.kind: int = told.kind
        self.trace: str = told.trace_id.hex()
        self.id: str = told.span_id.hex()
        self.parent: str = told.parent_span_id.hex()
        self.state: str = told.trace_state
        self.failed = told.status.code == ERROR
        self.words: str = told.status.message
        self.started: int = told.start_time_unix_nano
        self.ended: int = told.end_time_unix_nano
        self.facts = facts_of(told.attributes)
        self.resource = resource


def facts_of(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)


class Collector:
    """Takes OTLP over HTTP; `status` is what it answers with, `raw` everything it was sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.points: dict[str, list[tuple[dict[str, Any], Any]]] = {}
        self.headers: list[dict[str, str]] = []
        self.raw = b""
        self.status = 200
        self.resume = threading.Event()
        self.resume.set()
        self.url = ""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.raw += body
        self.headers.append(headers)
        if path == "/v1/traces":
            for one in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = facts_of(one.resource.attributes)
                self.spans += [Span(s, resource) for sc in one.scope_spans for s in sc.spans]
        else:
            assert path == "/v1/metrics"
            for one in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for metric in (m for scope in one.scope_metrics for m in scope.metrics):
                    self.points[metric.name] = [
                        (facts_of(point.attributes), point)
                        for point in metric.histogram.data_points
                    ]

    def requests(self) -> list[Span]:
        return [span for span in self.spans if span.kind == SERVER]

    def attempts(self, request: Span) -> list[Span]:
        """Those of one request, in their order."""
        below = [each for each in self.spans if each.parent == request.id]
        return sorted(below, key=lambda each: each.started)


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.resume.wait(20)
            if collector.status == 200:
                collector.take(self.path, dict(self.headers), body)
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield collector
    finally:
        collector.resume.set()
        server.shutdown()
        server.server_close()
        thread.join()


def telling(collector: Collector, more: str = "", gateway: str = "", sources: str = "") -> Terms:
    """A fleet that tells this collector; `sources` are further tables."""
    table = f"""
{sources}
[telemetry]
otlp = "{collector.url}"
interval = "200ms"
{more}
"""
    return Terms(gateway=gateway, tenant=table)


@asynccontextmanager
async def told(
    folder: Path, answer: object, more: str = "", second: object = None, gateway: str = ""
) -> AsyncIterator[tuple[Gateway, list[Mock], Collector]]:
    """A gateway that tells a collector; with `second` it has another source, that answers so, and
    a route `first` that asks it only after the first one."""
    other = Mock(second)  # type: ignore[arg-type]
    server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    other.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    sources = f'[sources.b]\nkind = "server"\nurl = "{other.url}"\nvendor = "Mistral"\n'
    sources += "[sources.b.serves.m]\nupstream_model = 'm-b'\n"
    sources += '[routes.first]\nmodel = "m"\ncandidates = ["a"]\nfallbacks = ["b"]\n'
    try:
        with collecting() as collector:
            terms = telling(collector, more, gateway, sources if second is not None else "")
            async with running(folder, answer, terms=terms) as (running_gateway, mock):
                yield running_gateway, [mock, other], collector
    finally:
        server.close()


async def page(gateway: Gateway) -> str:
    """The metrics."""
    client = await gateway.connect()
    client.say(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n")
    return (await client.got()).body.decode()


def told_parent(seen: Seen) -> str:
    """The `traceparent` that a source was given."""
    lines = seen.head.decode().split("\r\n")
    return next(line.partition(": ")[2] for line in lines if line.startswith("traceparent: "))
