"""How much a plan's workloads are asked for today, where that is in a trace or in the ledger.

Rules
1. The ledger counts over its last 28 whole UTC days, or over those of them that it has; a trace
   over its whole length.
2. How demand spreads over the hours of the day is known from whole days only.
3. What was measured is taken to be demand when the plan starts, and that is said.
"""

import os
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet
from tollway.fleet.planning import Demand
from tollway.ledger.query import UsageQuery, day_start
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ledger_path
from tollway.ledger.store import Ledger
from tollway.planner.outlook import Measured
from tollway.replay.library import PACKAGED, load
from tollway.simulator.trace import Trace

DAY = 86_400.0
DAYS = 28


def measured_of(
    fleet: Fleet, file: Path, state: str | None
) -> tuple[dict[str, Measured], tuple[str, ...]]:
    """What was measured of each workload that says where, and a sentence on each.

    Raises:
        TollwayError: a trace or the ledger cannot be read, or has nothing of it.
    """
    found: dict[str, Measured] = {}
    notes: list[str] = []
    recorded = {name: one for name, one in fleet.workloads.items() if one.ledger is not None}
    for name, one in fleet.workloads.items():
        if one.trace is not None:
            trace = load(one.trace if one.trace in PACKAGED else str(_beside(file, one.trace)))
            found[name] = of_trace(trace)
            notes.append(f"{name} is taken to be, when the plan starts, as {one.trace} is.")
    if recorded:
        more, days = _of_ledger(recorded, state)
        found |= more
        names = ", ".join(recorded)
        notes.append(
            f"{names}: taken to be, when the plan starts, as in the ledger's last {days} days."
        )
    return found, tuple(notes)


def _beside(file: Path, trace: str) -> Path:
    """A trace's path is relative to the fleet file's folder, else to where we are."""
    near = file.absolute().parent / trace
    return near if near.exists() else Path(trace)


def of_trace(trace: Trace) -> Measured:
    """Tokens a day at a trace's pace, and by the hour where it has whole days (rule 2).

    Raises:
        TollwayError: it has no length.
    """
    if not trace.span:
        raise TollwayError(
            f"{trace.name} has no length to count a day's tokens over. Name another."
        )
    total = sum(one.input + one.output for one in trace.requests)
    hours = [0] * 24
    whole = int(trace.span // DAY) if trace.began is not None else 0
    if whole:
        for one in trace.requests:
            if one.at < whole * DAY:
                moment = (trace.began or 0.0) + one.at
                hours[int(moment % DAY // 3600)] += one.input + one.output
    return Measured(round(total * DAY / trace.span), tuple(hours) if whole else ())


def _of_ledger(
    workloads: Mapping[str, Demand], state: str | None
) -> tuple[dict[str, Measured], int]:
    today = day_start(time.time())
    path = ledger_path(None, state, os.environ)
    with closing(open_reader(path)) as ledger:
        days = _days(ledger, today)
        if not days:
            raise TollwayError(
                f"{path}: has no whole day of the last {DAYS}. Write tokens_per_day instead."
            )
        found = {
            name: _recorded(ledger, one, today - days * DAY, today, days)
            for name, one in workloads.items()
        }
    return found, days


def _days(ledger: Ledger, today: float) -> int:
    """Whole days from the first of the last four weeks on which anything was settled."""
    rows = ledger.usage(UsageQuery(("day",), since=today - DAYS * DAY, until=today)).rows
    from datetime import UTC, date, datetime

    first = min((row.group[0] for row in rows if row.group[0] is not None), default=None)
    if first is None:
        return 0
    end = datetime.fromtimestamp(today, UTC).date()
    return (end - date.fromisoformat(first)).days


def _recorded(ledger: Ledger, demand: Demand, since: float, until: float, days: int) -> Measured:
    of = demand.ledger
    query = UsageQuery(
        ("hour",),
        since=since,
        until=until,
        route=None if of is None else of.route,
        tenant=None if of is None else of.tenant,
    )
    hours = [0] * 24
    for row in ledger.usage(query).rows:
        hour = row.group[0]
        if hour is not None:
            hours[int(hour[11:13])] += row.totals.input + row.totals.output
    return Measured(sum(hours) // days, tuple(hours))
