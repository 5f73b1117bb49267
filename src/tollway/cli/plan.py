"""`tollway plan`: what to sign, what to build, and how to leave it.

Rules
1. Exit code 1: there is no plan, and what conflicts is named. 130: it was stopped; the best plan so
   far is told with its gap.
2. What was assumed is told on stderr, beside the answer.
"""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.cli.plan_options import Effort, Known, Otherwise, share
from tollway.errors import TollwayError

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
    lose: str | None = None,
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
    lose
        Instead: a vendor, or anything that the plan prepares for, gives notice on its first day.
        Month by month what is left, with the TTFT of a rehearsal.
    json
        Print one JSON object.
    """
    from tollway.cli.plan_json import as_json
    from tollway.cli.plan_problem import stated
    from tollway.cli.plan_run import Answers, answered, planned, watching
    from tollway.cli.plan_text import Made, as_text, as_words
    from tollway.cli.traffic import seconds
    from tollway.inspect.fleetfile import read_fleet
    from tollway.planner.calls import calls
    from tollway.planner.program.answer import Conflict
    from tollway.planner.program.solve import Options

    wanted = effort or Effort()
    options = Options(
        share("--gap", wanted.gap), float(seconds("--time", wanted.time)), wanted.threads
    )
    found = read_fleet(fleet)
    problem = stated(found, fleet, otherwise or Otherwise(), known or Known())
    with watching() as on:
        try:
            answer = planned(problem.instance, options, on)
        except TollwayError:
            if not on.stopped:
                raise
            sys.stderr.write("Stopped before there was any plan.\n")
            return EXIT_INTERRUPTED
        if isinstance(answer, Conflict):
            return _conflict(answer.demands, json=json)
        if lose is not None:
            from tollway.cli.plan_loss import tell_loss

            tell_loss((found, problem, answer.plan), lose, known or Known(), on, json=json)
            return EXIT_INTERRUPTED if on.stopped else 0
        answers = Answers()
        if not wanted.quick and not on.stopped:
            answers = answered(problem.instance, answer, options, on)
        told = calls(found, problem, answer.plan)
        made = Made(fleet.name, problem, answer, told, answers, on.stopped)
        if report is not None:
            from tollway.cli.plan_report import write_report

            write_report(report, made, found, options, on)
    sys.stdout.write(as_json(made) if json else as_text(made))
    sys.stderr.write(as_words(made))
    if write is not None:
        from tollway.cli.plan_write import write_fleet

        wrote = write_fleet(write, found, fleet.name, problem, answer.plan, known or Known())
        sys.stderr.write(f"{wrote}\n")
    return EXIT_INTERRUPTED if on.stopped else 0


def _conflict(demands: tuple[str, ...], *, json: bool) -> int:
    if json:
        from tollway.cli.contracts_show import print_json

        print_json({"plan": None, "conflict": list(demands)})
    listed = "".join(f"  {one}\n" for one in demands)
    sys.stderr.write(f"No plan meets all of this; drop or relax any one of it:\n{listed}")
    return EXIT_NONE
