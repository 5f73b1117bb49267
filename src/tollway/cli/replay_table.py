"""A replay's report for people (one column a source) and for programs (JSON)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from io import StringIO

import msgspec

from tollway.cli.table import printable
from tollway.replay.session import Played
from tollway.simulator.report import Percentiles, Report, Row
from tollway.units import PICO_PER_DOLLAR, format_usd, usd

Cell = Callable[[Row], str]


def seconds_of(value: float | None) -> str:
    """A time for people; "-" where there is none."""
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def three(values: Percentiles) -> str:
    """p50 / p90 / p99 of times."""
    shown = (seconds_of(values.p50), seconds_of(values.p90), seconds_of(values.p99))
    return " / ".join(shown) if values.p50 is not None else "-"


def _costs(rows: Sequence[Row]) -> list[str]:
    """Exact amounts, all with as many places as the finest has, four at least."""
    digits = [f"{abs(row.cost or 0) % PICO_PER_DOLLAR:012d}".rstrip("0") for row in rows]
    places = max(4, *map(len, digits))
    return ["-" if row.cost is None else format_usd(row.cost, places) for row in rows]


LINES: tuple[tuple[str, Cell], ...] = (
    ("requests", lambda row: f"{row.requests:,}"),
    ("  ok", lambda row: f"{row.ok:,}"),
    ("  refused", lambda row: f"{row.refused:,}"),
    ("  failed", lambda row: f"{row.failed:,}"),
    ("  unfinished", lambda row: f"{row.unfinished:,}"),
    ("fallbacks", lambda row: f"{row.fallbacks:,}"),
    ("substitutions", lambda row: f"{row.substitutions:,}"),
    ("TTFT p50 / p90 / p99", lambda row: three(row.ttft)),
    ("latency p50 / p90 / p99", lambda row: three(row.latency)),
    ("tokens/s a stream, p50", lambda r: "-" if r.speed_p50 is None else f"{r.speed_p50:.1f}"),
    ("input tokens", lambda row: f"{row.input_tokens:,}"),
    ("output tokens", lambda row: f"{row.output_tokens:,}"),
)


def as_table(report: Report) -> str:
    """The table, and the reasons below it. As wide as its columns are, whatever the terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    rows = [*report.rows, report.total]
    for row in rows:
        table.add_column(escape(row.source or "total"), justify="right", no_wrap=True)
    for name, cell in LINES:
        table.add_row(name, *(cell(row) for row in rows))
    table.add_row("cost", *_costs(rows))
    text = StringIO()
    Console(file=text, width=40 + 40 * len(rows), no_color=True).print(table)
    parts = ["\n".join(line.rstrip() for line in text.getvalue().splitlines())]
    for title, reasons in (
        ("Refused", report.refusals),
        ("Failed", report.failures),
        ("Substituted", report.substitutions),
    ):
        if reasons:
            counted = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
            parts.append(f"{title}: {counted}")
    # Sources and reasons are what the gateway answered: words of somebody else's.
    return "".join(f"{printable(line)}\n" for part in parts for line in part.split("\n"))


def as_json(report: Report, said: Mapping[str, object]) -> str:
    """One JSON object. Times in seconds, speed in tokens a second, `cost` in pico-dollars."""
    rows = [asdict(row) for row in report.rows]
    whole = {**said, **asdict(report), "rows": rows}
    cost = report.total.cost
    whole["cost_usd"] = None if cost is None else f"{usd(cost):f}"
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def as_words(report: Report, played: Played, warp: float, tag: str) -> str:
    """What must be known to read the numbers, for standard error."""
    late = report.lateness
    lines = [f"Played for {played.wall:.1f} s{' until it was stopped' * played.stopped}."]
    if warp != 1.0:
        lines.append(
            f"Times are in emulated seconds: measured, times {warp:g}. What the gateway and this "
            "client take is magnified with them."
        )
    if late.p99 is not None:
        spread = f"requests left {seconds_of(late.p50)} late at p50, {seconds_of(late.p99)} at p99"
        if report.kept_up:
            lines.append(f"The load generator kept up: {spread}.")
        else:
            lines.append(
                f"The load generator did NOT keep up: {spread}. The gateway saw another load than "
                "the trace's. Lower --speed or --warp, or raise --max-in-flight."
            )
    if played.bill is None:
        lines.append("The gateway gave no usage for this tag, so there is no cost.")
    else:
        missing = max(played.expected - played.bill.total.requests, played.bill.open)
        if missing:
            lines.append(f"{missing:,} requests were not settled yet; the cost lacks them.")
    lines.append(f"The same money by any grouping: tollway usage --tag {tag}")
    return "".join(f"{line}\n" for line in lines)
