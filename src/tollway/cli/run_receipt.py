"""The receipt of a run as text, and its last line.

Rules
1. Everything a sandbox or a stranger wrote is made printable first.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tollway.cli.table import printable
from tollway.ledger.guarded.book import GuardBook
from tollway.ledger.guarded.connections import Connections
from tollway.ledger.guarded.events import Events
from tollway.ledger.guarded.runs import Run
from tollway.sandbox.receipt import MOST, standing, used_by
from tollway.units import format_usd

_SHOWN = 50
_PATIENCE = 2.0


def summary(run: Run, folder: Path) -> str:
    """A line for the end of a run."""
    with closing(GuardBook(folder / "guard.sqlite")) as book:
        rows = [row for _, row in Connections(book).read(run.task, most=MOST)]
        denied = sum(it.outcome == "denied" for it in rows)
        refused = sum(event.outcome == "denied" for _, event in Events(book).read(run.task))
    used = used_by(run, _PATIENCE)
    cost = "at an unknown cost" if used is None else format_usd(used.total.cost, 6)
    words = f"tollway run: {run.task} ({run.tier}) {standing(run)}, {cost}"
    if rows:
        words += f", {len(rows)} connections ({denied} denied)"
    if refused:
        words += f", {refused} refusals"
    return f"{words}. Receipt: tollway runs show {run.task}"


def receipt_text(facts: Mapping[str, Any]) -> str:
    """A receipt for a person."""
    return "\n".join(_lines(facts)) + "\n"


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    ending = facts["ending"]
    yield f"Run {facts['task']} of {facts['tenant']}: {printable(' '.join(facts['argv']))[:400]}"
    if facts["request"]:
        yield f"asked: {printable(facts['request'])[:400]}"
    if ending is None:
        yield f"state: {facts['state']}"
    else:
        words = f" {ending['words']}" if ending["words"] else ""
        yield f"ended: {ending['code']} ({ending['why']}) after {ending['seconds']:.2f} s.{words}"
        if ending["peak"] is not None:
            yield f"memory: {ending['peak'] / 2**20:.0f} MiB at most"
    yield ""
    yield f"Tier {facts['tier']} isolates"
    yield from (f"  {line}" for line in facts["isolates"])
    yield "and leaves open"
    yield from (f"  {line}" for line in facts["leaves_open"])
    yield ""
    yield from _ran(facts)
    yield from _spent(facts["models"])
    yield from _section("Connections", map(_connection, facts["connections"]))
    yield from _section("Tool calls", map(_event, facts["tool_calls"]))
    yield from _section("Credentials", map(_event, facts["credentials"]))
    yield from _section("Packages", map(_event, facts["packages"]))
    yield from _section("Other decisions", map(_event, facts["decisions"]))
    if ending is not None:
        yield from _left(ending)


def _ran(facts: Mapping[str, Any]) -> Iterator[str]:
    rows = [["in", f"sha256 {facts['ground']}"]]
    rows += [["mounted", printable(it)] for it in facts["mounts"]]
    if facts["ending"] is not None:
        read = facts["ending"]["digests"]
        rows += [[printable(path), f"sha256 {digest}"] for path, digest in read.items()]
    yield "What ran"
    yield from _indented(rows)
    yield ""


def _spent(models: Mapping[str, Any] | None) -> Iterator[str]:
    if models is None:
        yield "Models: unknown, since the ledger cannot be read"
    else:
        yield f"Models: {models['requests']} requests, {format_usd(models['cost'], 6)}"
        yield from _indented(
            [
                str(row["model"]),
                str(row["source"] or "-"),
                f"{row['requests']} requests",
                f"{row['input']:,} tokens in",
                f"{row['output']:,} out",
                format_usd(row["cost"], 6),
            ]
            for row in models["rows"]
        )
        if models["open"]:
            yield f"  {models['open']} requests are not settled yet"
    yield ""


def _section(title: str, rows: Iterable[list[str]]) -> Iterator[str]:
    found = list(rows)
    yield title if found else f"{title}: none"
    yield from _indented(found[:_SHOWN])
    if len(found) > _SHOWN:
        yield f"  and {len(found) - _SHOWN} more: --json shows all"
    yield ""


def _connection(row: Mapping[str, Any]) -> list[str]:
    what = f"{row['method'] or 'CONNECT'} {row['host']}:{row['port']}{row['path'] or ''}"
    used = f"with {', '.join(row['secrets'])}" if row["secrets"] else ""
    size = f"{row['sent']:,} B out, {row['received']:,} B back"
    return [row["outcome"], printable(what)[:120], size, printable(used or row["why"])[:160]]


def _event(row: Mapping[str, Any]) -> list[str]:
    return [row["outcome"], printable(row["place"])[:80], printable(row["words"])[:240]]


def _left(ending: Mapping[str, Any]) -> Iterator[str]:
    yield "Over the exits" if ending["exits"] else "Over the exits: nothing"
    yield from _indented(
        [name, f"{it['connections']} connections", f"{it['out']:,} B out", f"{it['back']:,} B back"]
        for name, it in ending["exits"].items()
    )
    yield "Kept" if ending["kept"] else "Kept: nothing"
    yield from _indented(
        [printable(path), f"{size:,} B", f"sha256 {digest}"]
        for path, (size, digest) in ending["kept"].items()
    )
    if ending["refused"]:
        yield "Not kept"
        yield from _indented(
            [printable(path), printable(why)] for path, why in ending["refused"].items()
        )


def _indented(rows: Iterable[list[str]]) -> Iterator[str]:
    found = list(rows)
    widths = [max(map(len, cells)) for cells in zip(*found, strict=True)]
    for row in found:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()
