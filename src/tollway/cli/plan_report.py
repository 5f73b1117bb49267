"""The plan as a page: what it needs besides the answer, and the file.

Rules
1. Cost against risk takes a plan for each weight of the tail: it is drawn from those that there was
   time for.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from tollway.cli.plan_run import Watch
from tollway.cli.plan_text import Made
from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet
from tollway.planner.decisions import Dated, decisions
from tollway.planner.frontier import best_known
from tollway.planner.overview import overview
from tollway.planner.program.answers import FrontierPoint, frontier
from tollway.planner.program.solve import Options, solve
from tollway.web.plan_page import plan_page
from tollway.web.plan_shown import Shown

WEIGHTS = (Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))
"""Of the tail, for which a plan is made."""


def write_report(file: Path, made: Made, fleet: Fleet, options: Options, on: Watch) -> None:
    """Write the page, whole or not at all.

    Raises:
        TollwayError: the file cannot be written.
    """
    instance = made.problem.instance
    shown = Shown(
        fleet=made.file,
        made=datetime.now(UTC).date(),
        instance=instance,
        answer=made.answer,
        overview=overview(instance, made.answer),
        frontier=best_known(_frontier(made, options, on)),
        prices=tuple(made.answers.contingencies),
        exits=tuple(made.answers.exits),
        dates=tuple(_dates(made)),
        ports=made.problem.ports,
        notes=made.problem.notes,
        digest=fleet.digest,
    )
    try:
        file.write_text(plan_page(shown), "utf-8")
    except OSError as error:
        why = (error.strerror or "cannot be written").lower()
        raise TollwayError(f"--report {file}: {why}. Name another file.") from None


def _frontier(made: Made, options: Options, on: Watch) -> list[FrontierPoint]:
    found: list[FrontierPoint] = []
    each = Options(options.gap, max(2.0, options.seconds / len(WEIGHTS)), options.threads)
    for weight in WEIGHTS:
        if on.stopped:
            break
        on.what = f"cost against risk, {float(weight):.0%}"
        try:
            found += frontier(
                made.problem.instance, (weight,), lambda it: solve(it, each, on, time.monotonic)
            )
        except TollwayError:  # no plan within its time: one point less
            continue
    return found


def _dates(made: Made) -> Sequence[tuple[str, Dated]]:
    """What the contracts in force say by themselves, within the plan; not of those that it leaves
    at once."""
    periods = made.problem.instance.periods
    held = {one.name for one in made.problem.instance.offers if one.signed}
    held -= {one.offer for one in made.answer.plan.noticed if one.node == 0}
    return [
        (name, dated)
        for name, clauses in made.problem.clauses.items()
        if name in held
        for dated in decisions(clauses, periods[0].first, periods[-1].last)
    ]
