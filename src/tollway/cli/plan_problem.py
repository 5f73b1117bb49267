"""From a fleet file and the words beside it to a planning problem."""

from dataclasses import replace
from pathlib import Path

from tollway.cli.learned import learned_of
from tollway.cli.plan_demand import measured_of
from tollway.cli.plan_options import Known, Otherwise, pairs
from tollway.cli.predict_question import catalogue_of
from tollway.errors import FaultsFound, unknown
from tollway.fleet.objects import Fleet
from tollway.planner.problem import Asked, Problem, problem_of
from tollway.planner.program.instance import Contingency
from tollway.planner.speeds import Speeds


def stated(fleet: Fleet, file: Path, otherwise: Otherwise, known: Known) -> Problem:
    """The planning problem of a fleet file.

    Raises:
        TollwayError: with all that is missing.
    """
    if otherwise.period is not None and fleet.plan is not None:
        fleet = replace(fleet, plan=replace(fleet.plan, period=otherwise.period))
    measured, notes = measured_of(fleet, file, known.state)
    speeds = speeds_of(known)
    readings = pairs("--reading", otherwise.reading)
    problem = problem_of(fleet, speeds, Asked(readings, measured, otherwise.life))
    problem = replace(problem, notes=(*notes, *problem.notes))
    return _without(problem, otherwise.without)


def speeds_of(known: Known) -> Speeds:
    """What is known of speeds."""
    learned, _ = learned_of(known.calibrated, known.state)
    return Speeds(catalogue_of(known.catalog), learned)


def _without(problem: Problem, names: tuple[str, ...]) -> Problem:
    """The problem without some of its contingencies."""
    left = list(problem.instance.contingencies)
    for name in names:
        found = next((one for one in left if name in called(one)), None)
        if found is None:
            named = problem.instance.contingencies
            known = dict.fromkeys(word for one in named for word in called(one))
            raise FaultsFound([unknown(name, [*known], "--without")])
        left.remove(found)
    return replace(problem, instance=replace(problem.instance, contingencies=tuple(left)))


def called(one: Contingency) -> tuple[str, ...]:
    """Every name of a contingency."""
    return (one.name, *one.name.split(" / "))
