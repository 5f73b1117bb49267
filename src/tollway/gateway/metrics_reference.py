"""The reference page of the metrics, out of their table."""

from tollway.gateway.metrics import TABLE


def reference() -> str:
    """The reference page of the metrics, in Markdown."""
    lines = [
        "# Metrics",
        "",
        "<!-- Generated from tollway.gateway.metrics.TABLE; a test compares them. -->",
        "",
        "`GET /metrics` answers in Prometheus' text format. Counters start at zero with the",
        "gateway process. `source` and `model` are names of the fleet file, empty where a request",
        "was refused before any source was tried.",
        "",
        "| metric | type | labels | unit | meaning |",
        "|---|---|---|---|---|",
    ]
    for metric in TABLE:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "none"
        lines.append(
            f"| `{metric.name}` | {metric.kind} | {labels} | {metric.unit} | {metric.help} |"
        )
    lines += ["", "Upper bounds of the histograms' buckets:", ""]
    for metric in TABLE:
        if metric.bounds:
            bounds = ", ".join(f"{bound:g}" for bound in metric.bounds)
            lines.append(f"- `{metric.name}` ({metric.unit}): {bounds}")
    return "\n".join([*lines, ""])
