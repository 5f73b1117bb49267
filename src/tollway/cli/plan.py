"""`tollway plan`: what to sign, what to build, and how to leave it.

Rules
1. Exit code 1: there is no plan, and what conflicts is named. 130: it was stopped; the best plan so
   far is told with its gap.
2. What was assumed is told on stderr, beside the answer.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tollway.cli.plan_options import Effort, Instead, Known, Otherwise, share
from tollway.errors import TollwayError

if TYPE_CHECKING:
    from tollway.cli.plan_run import Watch
    from tollway.cli.plan_text import Made
    from tollway.fleet.objects import Fleet
    from tollway.planner.problem import Problem
    from tollway.planner.program.answer import Answer
    from tollway.planner.program.solve import Options

EXIT_NONE = 1
EXIT_INTERRUPTED = 130


def plan(
    fleet: Path = Path("fleet.toml"),
    /,
    *,
    otherwise: Otherwise | None = None,
    effort: Effort | None = None,
    known: Known | None = None,
    report: Path | None = None,
    write: Path | None = None,
    instead: Instead | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say what to sign and to build now, how to leave it, and what may happen then.

    Parameters
    ----------
    fleet
        The fleet file, with a [plan] and its [workloads].
    report
        Write the plan with its plots to one HTML file.
    write
        Write the fleet as planned, as a fleet file that `simulate`, `diff` and `up` accept.
    json
        Print one JSON object.
    """
    from tollway.cli.plan_problem import stated
    from tollway.cli.plan_run import planned, watching
    from tollway.cli.traffic import seconds
    from tollway.inspect.fleetfile import read_fleet
    from tollway.planner.program.answer import Conflict
    from tollway.planner.program.solve import Options

    wanted, knows, asked = effort or Effort(), known or Known(), (instead or Instead()).checked()
    other = otherwise or Otherwise()
    limit = float(seconds("--time", wanted.time))
    if wanted.threads < 1:
        raise TollwayError(f"--threads is {wanted.threads}. At least one core is needed.")
    options = Options(share("--gap", wanted.gap), limit, wanted.threads)
    if asked.any and (report is not None or write is not None):
        raise TollwayError(
            "--report and --write are of the plan. Ask --lose, --bridge or --lives apart."
        )
    found = read_fleet(fleet)
    if write is not None or report is not None:
        from tollway.cli.plan_write import check_files

        check_files(fleet, write, report)
    problem = stated(found, fleet, other, knows)
    with watching() as on:
        if asked.lives:
            from tollway.cli.plan_ask import Asking, tell_lives

            tell_lives(found, fleet, (other, knows), Asking(options, on), json=json)
            return EXIT_INTERRUPTED if on.stopped else 0
        try:
            answer = planned(problem.instance, options, on)
        except TollwayError:
            if not on.stopped:
                raise
            sys.stderr.write("Stopped before there was any plan.\n")
            return EXIT_INTERRUPTED
        if isinstance(answer, Conflict):
            return _conflict(answer.demands, json=json)
        if asked.lose is not None:
            from tollway.cli.plan_loss import tell_loss

            tell_loss((found, problem, answer.plan), asked.lose, knows, on, json=json)
        elif asked.bridge is not None:
            from tollway.cli.plan_ask import Asking, tell_bridge

            asking = Asking(options, on)
            tell_bridge(problem.instance, answer, asked.bridge, asking, json=json)
        else:
            search = None if wanted.quick else options
            made = _told(fleet.name, found, problem, answer, search, on, json=json)
            if report is not None:
                from tollway.cli.plan_report import write_report

                write_report(report, made, found, options, on)
    if write is not None:
        from tollway.cli.plan_write import write_fleet

        wrote = write_fleet(write, found, fleet.name, problem, answer.plan, knows)
        sys.stderr.write(f"{wrote}\n")
    return EXIT_INTERRUPTED if on.stopped else 0


def _told(
    name: str,
    fleet: "Fleet",
    problem: "Problem",
    answer: "Answer",
    search: "Options | None",
    on: "Watch",
    *,
    json: bool,
) -> "Made":
    """Print the plan, with what it was asked besides: within `search`, or nothing."""
    from tollway.cli.plan_json import as_json
    from tollway.cli.plan_run import Answers, answered
    from tollway.cli.plan_text import Made, as_text, as_words
    from tollway.planner.calls import calls

    answers = Answers()
    if search is not None and not on.stopped:
        answers = answered(problem.instance, answer, search, on)
    on.end()
    by_when = calls(fleet, problem, answer.plan)
    made = Made(name, problem, answer, by_when, answers, on.stopped)
    sys.stdout.write(as_json(made) if json else as_text(made))
    sys.stderr.write(as_words(made))
    return made


def _conflict(demands: tuple[str, ...], *, json: bool) -> int:
    if json:
        from tollway.cli.contracts_show import print_json

        print_json({"plan": None, "conflict": list(demands)})
    listed = "".join(f"  {one}\n" for one in demands)
    sys.stderr.write(f"No plan meets all of this; drop or relax any one of it:\n{listed}")
    return EXIT_NONE
