"""What `tollway top` shows, on a terminal and as plain text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class View:
    """Which source is chosen, what is said at the foot, since when (UTC seconds) no gateway answers
    (None: one does), and how large the terminal is."""

    chosen: int
    said: str = ""
    dead: float | None = None
    width: int = 130
    height: int = 60


def screen(rows: Sequence[Row], news: Mapping[str, Any], view: View) -> "RenderableType":
    """The whole terminal: sources, the chosen one in detail, live requests, what to press. What
    does not fit is left out from below, and never the foot: a question stands there."""
    from rich.console import Group
    from rich.text import Text

    said = view.said or KEYS
    foot = min(ceil(len(said) / view.width), 3)
    room = view.height - _HEAD - foot
    first = max(0, min(view.chosen - room + 1, len(rows) - room)) if room > 0 else view.chosen
    shown = rows[first : first + max(room, 1)]
    room -= len(shown)
    below = ["", *(detail(rows[view.chosen]) if rows else ()), "", *_requests(news, room)]
    kept = below[: max(room - 1, 0)]
    if view.dead is None:
        head = f"Tollway  {_clock(news['at'])}  {headline(news)}"
    else:
        head = f"Tollway  no gateway answers; what follows is of {_clock(view.dead)}"
    return Group(
        Text(head, style="bold", no_wrap=True, overflow="ellipsis"),
        _sources(shown, view.chosen - first, view.width),
        *(Text(line, no_wrap=True, overflow="ellipsis") for line in kept),
        *([Text("")] if room > 0 else []),
        Text(said, style="reverse", overflow="fold"),
    )


KEYS: Final = "q quit   arrows choose   d drain   u undrain"
_HEAD: Final = 3
"""The gateway's line, and two of the table's head."""

_LEFT_OUT: Final = ((105, "last 20 s"), (74, "p90"), (64, "$/h"), (56, "TTFT p50"))
"""Columns, and the width below which they are left out."""


def _sources(rows: Sequence[Row], chosen: int, width: int) -> "RenderableType":
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    headings = (*HEADINGS[:2], "last 20 s", *HEADINGS[2:])
    without = {name for least, name in _LEFT_OUT if width < least}
    kept = [at for at, heading in enumerate(headings) if heading not in without]
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for at in kept:
        right = headings[at] in ("tok/s", "TTFT p50", "p90", "in use", "$/h")
        table.add_column(headings[at], justify="right" if right else "left", no_wrap=True)
    for place, row in enumerate(rows):
        found = [escape(cell) for cell in cells(row)]
        found[6] = f"[{_COLOURS.get(found[6], 'default')}]{found[6]}[/]"
        found[0] = ("> " if place == chosen else "  ") + found[0]
        line = [*found[:2], spark(row.speeds), *found[2:]]
        style = "bold" if place == chosen else ("dim" if row.drained is not None else "")
        table.add_row(*(line[at] for at in kept), style=style)
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


def _requests(news: Mapping[str, Any], room: int) -> list[str]:
    """The newest of them, and how many more there are."""
    listed = news["requests"][: max(min(_LISTED, room - 5), 0)]
    lines = [
        f"  {one['id'][:24]:<24}  {one['route'][:16]:<16}  {(one['source'] or '-')[:16]:<16}  "
        f"{one['phase']:<9}  {one['since']:6.1f} s  {one['tokens']:>6} tokens"
        for one in listed
    ]
    more = news["live"] - len(lines)
    if more > 0:
        lines.append(f"  and {more:,} more" if lines else f"  {more:,} requests are live")
    return list(map(printable, lines)) or ["  No requests are live."]


def _clock(utc: float | None) -> str:
    if utc is None:
        return "-"
    return datetime.fromtimestamp(utc, UTC).strftime("%H:%M:%S UTC")
