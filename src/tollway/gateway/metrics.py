"""Counters and histograms of the gateway, and their Prometheus text."""


class Metrics:
    """(Empty so far.)"""

    def render(self) -> bytes:
        return b""
