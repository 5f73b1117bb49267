"""The `[telemetry]` table: what a gateway tells of its requests, and to whom."""

from tollway.fleet.fields import Collector, Duration, Share, Text
from tollway.fleet.table import Table, key


class TelemetryTable(Table):
    """What the gateway tells of its requests; never a prompt, an answer or a key."""

    otlp: Collector | None = key(
        "An OpenTelemetry collector, up to where `/v1/traces` would follow; none unless written.",
        None,
    )
    service: Text = key("The `service.name` that it is told.", "tollway")
    sample: Share = key(
        "The share of traces that are told where the client brings none; its own says for itself.",
        1.0,
    )
    interval: Duration = key("Between two tellings of the metrics.", "10s")
    request_log: Text | None = key(
        'One JSON line for each request that ends: "stdout", or a file, relative to the state '
        "folder; none unless written.",
        None,
    )
