"""Writes deploy/grafana/tollway.json, a dashboard over `/metrics`; `--check` only compares."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "deploy" / "grafana" / "tollway.json"
COLUMNS = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
HERE = 'source=~"$source", model=~"$model"'

Json = dict[str, Any]
Query = tuple[str, str]
"""(expression, legend)"""


def rate(metric: str, by: str, more: str = "") -> str:
    """A counter's increase a second, for the sources and models that are looked at."""
    chosen = f"{HERE}, {more}" if more else HERE
    return f"sum by ({by}) (rate({metric}{{{chosen}}}[$__rate_interval]))"


def quantile(share: float, metric: str) -> str:
    """A quantile of a histogram, for each source."""
    return f"histogram_quantile({share}, {rate(f'{metric}_bucket', 'le, source')})"


def quantiles(metric: str) -> list[Query]:
    """The middle, and what one in twenty exceeds."""
    return [(quantile(share, metric), f"{{{{source}}}} p{share * 100:g}") for share in (0.5, 0.95)]


def panel(title: str, unit: str, queries: Iterable[Query], kind: str = "timeseries") -> Json:
    """One panel, without its place."""
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": DATASOURCE,
            "expr": expression,
            "legendFormat": legend,
        }
        for index, (expression, legend) in enumerate(queries)
    ]
    options: Json = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}}
    if kind == "stat":
        options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    return {
        "type": kind,
        "title": title,
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": options,
        "targets": targets,
    }


REQUESTS = "tollway_requests_total"
WHOLE = f'sum(rate({REQUESTS}{{{HERE}, outcome="completed"}}[$__rate_interval]))'
ALL = f"sum(rate({REQUESTS}{{{HERE}}}[$__rate_interval]))"
CACHED = f'sum(rate(tollway_tokens_total{{{HERE}, kind="cached_input"}}[$__rate_interval]))'
INPUT = f'sum(rate(tollway_tokens_total{{{HERE}, kind="input"}}[$__rate_interval]))'

ROWS: tuple[tuple[int, list[Json]], ...] = (
    (
        4,
        [
            panel("Requests a second", "reqps", [(ALL, "")], "stat"),
            panel("Answered in whole", "percentunit", [(f"{WHOLE} / {ALL}", "")], "stat"),
            panel("Requests being answered", "short", [("sum(tollway_live_streams)", "")], "stat"),
            panel(
                "Breakers open",
                "short",
                [(f'sum(tollway_breaker_state{{{HERE}, state="open"}}) or vector(0)', "")],
                "stat",
            ),
        ],
    ),
    (
        8,
        [
            panel("Requests by outcome", "reqps", [(rate(REQUESTS, "outcome"), "{{outcome}}")]),
            panel("Requests by source", "reqps", [(rate(REQUESTS, "source"), "{{source}}")]),
            panel(
                "Refusals before an attempt",
                "reqps",
                [
                    (
                        "sum by (reason) (rate(tollway_refusals_total[$__rate_interval]))",
                        "{{reason}}",
                    )
                ],
            ),
        ],
    ),
    (
        8,
        [
            panel("Time to first token", "s", quantiles("tollway_ttft_seconds")),
            panel("Time between tokens", "s", quantiles("tollway_inter_token_seconds")),
            panel(
                "Output tokens a second of one stream",
                "short",
                [(quantile(0.5, "tollway_stream_tokens_per_second"), "{{source}} p50")],
            ),
        ],
    ),
    (
        8,
        [
            panel("Whole requests", "s", quantiles("tollway_request_duration_seconds")),
            panel(
                "Attempts that failed",
                "reqps",
                [(rate("tollway_attempt_failures_total", "source, kind"), "{{source}} {{kind}}")],
            ),
            panel(
                "Fallbacks, by where they went",
                "reqps",
                [(rate("tollway_fallbacks_total", "source"), "{{source}}")],
            ),
            panel(
                "Answers of a model that is not locked",
                "reqps",
                [
                    (
                        rate("tollway_pin_mismatches_total", "source, outcome"),
                        "{{source}} {{outcome}}",
                    )
                ],
            ),
        ],
    ),
    (
        8,
        [
            panel("Tokens a second", "short", [(rate("tollway_tokens_total", "kind"), "{{kind}}")]),
            panel(
                "Input from the provider's cache", "percentunit", [(f"{CACHED} / {INPUT}", "share")]
            ),
            panel(
                "Breaker states",
                "short",
                [
                    (
                        "max by (source, model) "
                        f'(tollway_breaker_state{{{HERE}, state=~"open|half_open"}})',
                        "{{source}} {{model}}",
                    )
                ],
                "state-timeline",
            ),
            panel(
                "Models that are not as they were locked",
                "short",
                [
                    (
                        "max by (source, model) (tollway_drift_standing"
                        f'{{{HERE}, standing=~"alarm|differs|withdrawn"}})',
                        "{{source}} {{model}}",
                    )
                ],
                "state-timeline",
            ),
        ],
    ),
    (
        8,
        [
            panel(
                "Spending, USD an hour",
                "currencyUSD",
                [
                    (
                        f"{rate('tollway_cost_picodollars_total', 'source')} * 3600 / 1e12",
                        "{{source}}",
                    )
                ],
            ),
            panel(
                "Sources that an operator has drained",
                "short",
                [('max by (source) (tollway_source_drained{source=~"$source"})', "{{source}}")],
                "state-timeline",
            ),
        ],
    ),
    (
        8,
        [
            panel(
                "Open now",
                "short",
                [
                    ("sum(tollway_live_streams)", "streams"),
                    ("sum(tollway_connections)", "client connections"),
                ],
            ),
            panel(
                "Records that wait for the ledger", "short", [("sum(tollway_ledger_pending)", "")]
            ),
            panel(
                "What is not known or not told",
                "reqps",
                [
                    (
                        rate("tollway_usage_estimated_total", "source"),
                        "{{source}}: usage estimated",
                    ),
                    (
                        "sum(rate(tollway_telemetry_requests_total"
                        '{outcome="lost"}[$__rate_interval]))',
                        "traces lost",
                    ),
                    (
                        "sum(rate(tollway_request_log_lost_total[$__rate_interval]))",
                        "log lines lost",
                    ),
                ],
            ),
        ],
    ),
)


def placed() -> list[Json]:
    """The panels, each with its number and its place: rows share their width evenly."""
    panels: list[Json] = []
    top = 0
    for height, row in ROWS:
        width = COLUMNS // len(row)
        for index, each in enumerate(row):
            place = {"x": index * width, "y": top, "w": width, "h": height}
            panels.append({"id": len(panels) + 1, "gridPos": place, **each})
        top += height
    return panels


def choice(name: str) -> Json:
    """A variable with the values of a label; all of them, also none, unless chosen."""
    query = f"label_values({REQUESTS}, {name})"
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def dashboard() -> str:
    """The whole file."""
    source = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
    }
    whole = {
        "uid": "tollway",
        "title": "Tollway",
        "description": "A Tollway gateway, from its /metrics.",
        "tags": ["tollway", "inference"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [source, choice("source"), choice("model")]},
        "annotations": {"list": []},
        "panels": placed(),
    }
    return json.dumps(whole, indent=2) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        same = TARGET.read_text() == dashboard()
        sys.exit(0 if same else f"{TARGET} is stale: run `make docs`")
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(dashboard())
