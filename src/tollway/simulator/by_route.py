"""What a run showed to the clients of each route.

Rules
1. A route's figures are those of `report`, of the requests that asked for it.
2. Of two ends of an interval the lower is told first, whichever end it came from.
"""

from collections import Counter
from collections.abc import Mapping

from tollway.fleet.objects import Fleet
from tollway.simulator.play import Ended, Play
from tollway.simulator.rehearsal import Course, costs_of, sample_of, told_by
from tollway.simulator.report import Row, summarise
from tollway.simulator.trace import Trace

Rows = Mapping[str, Row]


def by_route(fleet: Fleet, course: Course, trace: Trace, play: Play) -> Rows:
    """One line for each route that was asked for, in the fleet's order."""
    _, told, _ = told_by(fleet, course)
    of_route: dict[str, list[Ended]] = {}
    for one in told:
        route = trace.requests[one.index].route or play.route
        of_route.setdefault(route, []).append(one)
    return {
        name: summarise(
            [sample_of(one) for one in of_route[name]], 1.0, costs_of(of_route[name])
        ).total
        for name in fleet.routes
        if name in of_route
    }


def served_by(course: Course, trace: Trace, play: Play) -> Mapping[str, Counter[str]]:
    """How many requests of each route each source answered in whole."""
    found: dict[str, Counter[str]] = {}
    for one in course.ended:
        if one.outcome == "completed" and one.source is not None:
            route = trace.requests[one.index].route or play.route
            found.setdefault(route, Counter())[one.source] += 1
    return found


def between(values: list[float | None]) -> tuple[float, float] | None:
    """An interval out of its point and its ends (rule 2); None where one of them is not known."""
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known and len(known) == len(values) else None
