"""The receipt of a run: what was written down of it, put together from the books.

Rules
1. What cannot be read is said to be unknown, never left out.
"""

import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from tollway.errors import TollwayError
from tollway.ledger.guarded.book import GuardBook
from tollway.ledger.guarded.connections import Connections
from tollway.ledger.guarded.events import Events
from tollway.ledger.guarded.runs import Run
from tollway.ledger.query import Totals, UsageQuery, UsageReport
from tollway.sandbox.hosts import is_alive

MOST = 100_000
"""Connections, and events, of one run that are told."""
_POLL = 0.05


def standing(run: Run) -> str:
    """What a run is now, in a word or two."""
    if run.ending is None:
        return "running" if is_alive(run.host) else "killed with its host"
    return f"ended {run.ending.code}"


def receipt(run: Run, book: GuardBook, folder: Path) -> dict[str, Any]:
    """All that is known of a run, as plain values."""
    events = [msgspec.to_builtins(it) for _, it in Events(book).read(run.task, most=MOST)]
    rows = [row for _, row in Connections(book).read(run.task, most=MOST)]
    used = used_by(run, 0.0)
    by_concern = {
        concern: [it for it in events if it["concern"] == concern]
        for concern in ("tool", "credential", "traffic", "egress", "task", "package")
    }
    return {
        **msgspec.to_builtins(run),
        "state": standing(run),
        "models": None if used is None else _models(used),
        "connections": [asdict(row) for row in rows],
        "tool_calls": by_concern["tool"],
        "credentials": by_concern["credential"],
        "packages": by_concern["package"],
        "decisions": by_concern["traffic"] + by_concern["egress"] + by_concern["task"],
    }


def used_by(run: Run, patience: float) -> UsageReport | None:
    """What models cost, once all is settled or `patience` seconds are over; None where the ledger
    cannot be read."""
    from tollway.ledger.sqlite import open_reader

    until = time.monotonic() + patience
    try:
        with closing(open_reader(Path(run.ledger))) as ledger:
            while True:
                used = ledger.usage(
                    UsageQuery(by=("model", "source"), tag=f"task:{run.task}", key=run.key)
                )
                if not used.open_count or time.monotonic() >= until:
                    return used
                time.sleep(_POLL)
    except TollwayError:
        return None


def _models(used: UsageReport) -> dict[str, Any]:
    rows = [
        {"model": row.group[0], "source": row.group[1], **_totals(row.totals)} for row in used.rows
    ]
    return {**_totals(used.total), "open": used.open_count, "rows": rows}


def _totals(totals: Totals) -> dict[str, Any]:
    shown = ("requests", "completed", "failed", "refused", "input", "output", "cost")
    return {name: getattr(totals, name) for name in shown}
