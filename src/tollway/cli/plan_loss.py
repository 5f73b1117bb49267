"""Somebody gives notice today: prints what is left, month by month, played in virtual time."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tollway.cli.contracts_show import print_json
from tollway.cli.plan_options import Known
from tollway.cli.plan_problem import speeds_of
from tollway.cli.plan_run import Watch
from tollway.cli.table import aligned
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.planner.cell import Cell, played
from tollway.planner.enacted import Enacted, enacted
from tollway.planner.enacted_text import as_toml
from tollway.planner.loss import Month, lost, months_after
from tollway.planner.problem import Problem
from tollway.planner.program.answer import Plan
from tollway.planner.program.instance import Contingency
from tollway.planner.speeds import Speeds
from tollway.units import Seconds

SECONDS = Seconds(300.0)
"""Of a peak hour that are played."""

MILLION = 10**6


@dataclass(frozen=True, slots=True)
class Lost:
    """What falls away, what each month is then, and the cell of it (None: nothing to play).
    `promised` is the shortest TTFT that a workload is promised."""

    what: Contingency
    months: tuple[Month, ...]
    cells: tuple[Cell | None, ...]
    promised: Seconds | None = None


def after_loss(
    fleet: Fleet,
    problem: Problem,
    plan: Plan,
    speeds: Speeds,
    who: str,
    going: Callable[[str], bool],
) -> Lost:
    """Every month after somebody gave notice on the plan's first day. `going` is told what is
    played, and stops it by False: later months are then not played.

    Raises:
        FaultsFound: nobody is called so.
    """
    what = lost(problem.instance, who, problem.clauses)
    months = months_after(problem.instance, plan, what)
    cells: dict[tuple[int, bool], Cell | None] = {}
    for month in months:
        key = (month.period, month.gone)
        if key in cells or not going(f"{month.first:%Y-%m}"):
            continue
        found = enacted(fleet, problem, plan, speeds, month.period)
        whole = parse({"plan": as_toml(found, "plan")}, "plan")
        if month.gone:
            whole = _without(whole, frozenset(_sources_of(found, what)), what.models)
        node = problem.instance.nodes[month.node]
        cells[key] = played(whole, problem.instance, node, month.capacity, SECONDS)
    promises = [it.ttft for it in fleet.workloads.values() if it.ttft is not None]
    by_month = tuple(cells.get((it.period, it.gone)) for it in months)
    return Lost(what, months, by_month, min(promises, default=None))


def tell_loss(
    made: tuple[Fleet, Problem, Plan], who: str, known: Known, on: Watch, *, json: bool
) -> None:
    """Play and print it; Ctrl-C keeps the months that were played.

    Raises:
        FaultsFound: nobody is called so.
    """

    def going(month: str) -> bool:
        on.say(lambda: f"playing {month}")
        return not on.stopped

    found = after_loss(*made, speeds_of(known), who, going)
    on.end()
    print_loss(found, json=json)


def _sources_of(found: Enacted, what: Contingency) -> Iterator[str]:
    """The sources of the fleet that run on what falls away."""
    for server in found.servers:
        if server.offer in what.offers:
            yield server.name
    for name, contract in found.fleet.contracts.items():
        if name in what.offers:
            yield from contract.sources
    yield from (name for name in found.fleet.sources if name in what.offers)


def _without(fleet: Fleet, sources: frozenset[str], models: frozenset[str]) -> Fleet:
    return replace(
        fleet,
        sources={name: it for name, it in fleet.sources.items() if name not in sources},
        routes={name: it for name, it in fleet.routes.items() if it.model not in models},
    )


def print_loss(found: Lost, *, json: bool) -> None:
    """The months, for people or as JSON."""
    if json:
        print_json(as_values(found))
        return
    what = found.what
    days = f"{what.notice_days} days' notice" if what.notice_days else "no notice"
    head = ("month", "served", "before", "TTFT p50 / p90", "answered", "left")
    rows: list[Sequence[str]] = [head]
    for month, cell in zip(found.months, found.cells, strict=True):
        left = ", ".join(f"{name} {_tokens(it)}" for name, it in month.capacity.items() if it)
        mark = "" if month.gone else "  (notice)"
        shares = (f"{float(month.share):.0%}", f"{float(month.before):.0%}")
        rows.append((f"{month.first:%Y-%m}{mark}", *shares, *_words(cell), left or "nothing"))
    sys.stdout.write(f"If {what.name} ({days}), from {found.months[0].first} on:\n{aligned(rows)}")
    sys.stderr.write(_late(found))
    parts = [cell.part for cell in found.cells if cell is not None]
    sys.stderr.write(
        "note: what is served and left (tokens an hour) is of the busiest hours, along the "
        "likeliest course, and without what may be signed because of it.\n"
    )
    if parts:
        least, most = min(parts), max(parts)
        size = f"1/{least}" if least == most else f"1/{most} to 1/{least}"
        sys.stderr.write(
            f"note: TTFTs are of {SECONDS:.0f} s of such an hour, played on {size} of the fleet; "
            "all of it together would wait less. An API's are as declared, or as promised where "
            "nothing is declared. Batch work is not played.\n"
        )


def _late(found: Lost) -> str:
    """In which months the median request waits longer than is promised."""
    late = [
        f"{month.first:%Y-%m}"
        for month, cell in zip(found.months, found.cells, strict=True)
        if found.promised is not None
        and cell is not None
        and (cell.ttft_p50 is None or cell.ttft_p50 > found.promised)
    ]
    if not late:
        return ""
    return (
        f"warning: half of the requests wait longer than the promised {found.promised:g} s in "
        f"{', '.join(late)}.\n"
    )


def _words(cell: Cell | None) -> tuple[str, str]:
    if cell is None:
        return "-", "-"
    times = [
        "-" if it is None else f"{it * 1000:.0f} ms" if it < 1 else f"{it:.1f} s"
        for it in (cell.ttft_p50, cell.ttft_p90)
    ]
    return " / ".join(times), f"{cell.answered:.1%}"


def _tokens(tokens: Any) -> str:
    return f"{float(tokens) / MILLION:,.0f}M"


def as_values(found: Lost) -> Mapping[str, Any]:
    """As JSON says it."""
    what = found.what
    return {
        "lost": what.name,
        "offers": sorted(what.offers),
        "models": sorted(what.models),
        "notice_days": what.notice_days,
        "months": [
            {
                "month": f"{month.first:%Y-%m}",
                "notice": not month.gone,
                "served": float(month.share),
                "served_before": float(month.before),
                "tokens_per_hour": {name: int(it) for name, it in month.capacity.items()},
                "played": None if cell is None else {
                    "one_of": cell.part,
                    "seconds": cell.seconds,
                    "requests": cell.requests,
                    "answered": cell.answered,
                    "ttft_p50": cell.ttft_p50,
                    "ttft_p90": cell.ttft_p90,
                },
            }
            for month, cell in zip(found.months, found.cells, strict=True)
        ],
    }  # fmt: skip
