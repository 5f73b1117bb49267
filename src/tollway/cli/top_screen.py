"""What `tollway top` shows, on a terminal and as plain text."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from tollway.cli.table import printable
from tollway.cli.top_facts import KEPT, Pair, Row

if TYPE_CHECKING:
    from rich.console import RenderableType

HEADINGS: Final = ("source", "tok/s", "TTFT p50", "p90", "in use", "$/h", "breaker", "")
BARS: Final = " ▁▂▃▄▅▆▇█"
_LISTED: Final = 12
"""Live requests that fit below the sources."""

_SPARK: Final = 20


def cells(row: Row) -> tuple[str, ...]:
    """A source as text, in the order of `HEADINGS`."""
    worst = row.worst
    slots = "" if row.slots is None else f"/{row.slots}"
    return (
        printable(row.name),
        "-" if row.speed is None else f"{row.speed:,.0f}",
        seconds(None if worst is None else worst.ttft_p50),
        seconds(None if worst is None else worst.ttft_p90),
        f"{row.outstanding}{slots}",
        "-" if row.spending is None else f"{row.spending:.2f}",
        "-" if worst is None else worst.breaker.replace("_", " "),
        standing(row),
    )


def standing(row: Row) -> str:
    """What is to be said of a source beside its numbers."""
    said: list[str] = []
    if row.drained is not None:
        said.append(f"drained: {row.drained}" if row.drained else "drained")
    if row.worst is not None and row.worst.opened is not None and row.worst.breaker != "closed":
        said.append(row.worst.opened)
    said += [f"drift {pair.drift}" for pair in row.pairs if pair.drift in _DRIFTING]
    return printable("; ".join(said))


_DRIFTING: Final = ("alarm", "differs", "withdrawn")


def seconds(value: float | None) -> str:
    """A time to a first token."""
    if value is None:
        return "-"
    return f"{value * 1000:,.0f} ms" if value < 10.0 else f"{value:,.1f} s"


def spark(speeds: Sequence[float], width: int = _SPARK) -> str:
    """The last rates as bars, the highest of the last minute as tall as can be."""
    top = max(speeds[-KEPT:], default=0.0)
    if top <= 0.0:
        return " " * width
    bars = "".join(BARS[ceil(speed / top * (len(BARS) - 1))] for speed in speeds[-width:])
    return bars.rjust(width)


def plain(rows: Sequence[Row], news: Mapping[str, Any]) -> str:
    """Everything as lines, for a pipe."""
    lines = [HEADINGS, *(cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = "".join(
        "  ".join(
            cell.ljust(width) if at in (0, 6, 7) else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        + "\n"
        for line in lines
    )
    return text + headline(news) + "\n"


def headline(news: Mapping[str, Any]) -> str:
    """The gateway in one line."""
    waiting = sum(news["waiting"].values())
    ready = "ready" if news["ready"] else f"not ready: {news['why']}"
    drill = news["drill"]
    drilled = "" if drill is None else f", drill of {drill['source']} on"
    return printable(f"{ready}; {news['live']} live, {waiting} waiting{drilled}")


def screen(
    rows: Sequence[Row], news: Mapping[str, Any], chosen: int, said: str
) -> "RenderableType":
    """The whole terminal: sources, the chosen one in detail, live requests, what to press."""
    from rich.console import Group
    from rich.text import Text

    chosen_row = rows[chosen] if rows else None
    return Group(
        Text(f"Tollway  {_clock(news['at'])}  {headline(news)}", style="bold"),
        _sources(rows, chosen),
        Text(""),
        *([] if chosen_row is None else [Text(line) for line in detail(chosen_row)]),
        Text(""),
        _requests(news),
        Text(""),
        Text(said or "q quit   arrows choose   d drain   u undrain", style="reverse"),
    )


def _sources(rows: Sequence[Row], chosen: int) -> "RenderableType":
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for at, heading in enumerate((*HEADINGS[:2], "last 20 s", *HEADINGS[2:])):
        right = heading in ("tok/s", "TTFT p50", "p90", "in use", "$/h")
        table.add_column(heading, justify="right" if right else "left", no_wrap=at < 8)
    for at, row in enumerate(rows):
        found = [escape(cell) for cell in cells(row)]
        found[6] = f"[{_COLOURS.get(found[6], 'default')}]{found[6]}[/]"
        mark = "> " if at == chosen else "  "
        style = "bold" if at == chosen else ("dim" if row.drained is not None else "")
        table.add_row(mark + found[0], found[1], spark(row.speeds), *found[2:], style=style)
    return table


_COLOURS: Final = {"closed": "green", "open": "bold red", "half open": "yellow"}


def detail(row: Row) -> list[str]:
    """A source's models, a line each."""
    return [f"  {printable(row.name)} / {_of_pair(pair)}" for pair in row.pairs]


def _of_pair(pair: Pair) -> str:
    said = f"{pair.model}: breaker {pair.breaker.replace('_', ' ')}"
    if pair.opened is not None:
        said += f", last opened {_clock(pair.opened_at)}: {pair.opened}"
    if pair.drift is not None:
        said += f"; drift: {pair.drift}"
    return printable(said)


def _requests(news: Mapping[str, Any]) -> "RenderableType":
    from rich.text import Text

    lines = [
        f"  {one['id'][:24]:<24}  {one['route'][:16]:<16}  {one['source'] or '-':<16}  "
        f"{one['phase']:<9}  {one['since']:6.1f} s  {one['tokens']:>6} tokens"
        for one in news["requests"][:_LISTED]
    ]
    more = news["live"] - len(lines)
    if more > 0:
        lines.append(f"  and {more} more")
    return Text("\n".join(map(printable, lines)) or "  No requests are live.")


def _clock(utc: float | None) -> str:
    if utc is None:
        return "-"
    return datetime.fromtimestamp(utc, UTC).strftime("%H:%M:%S UTC")
