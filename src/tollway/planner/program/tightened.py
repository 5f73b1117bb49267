"""A plan and, where its gap is wider than asked, a better bound: with the lumps of all years.

Rules
1. The plan is the better of both, and its bound the higher: each of them bounds every plan.
"""

from collections.abc import Callable
from dataclasses import replace

from tollway.errors import TollwayError
from tollway.planner.program.answer import Answer, Conflict
from tollway.planner.program.instance import Instance
from tollway.planner.program.solve import Options, Progress, solve

LEAST = 2.0
"""Seconds in which another solve is worth its while."""


def tightened(
    instance: Instance,
    options: Options,
    on: Callable[[Progress], bool],
    clock: Callable[[], float],
) -> Answer | Conflict:
    """As `solve`, which is asked twice where once leaves a gap and time.

    Raises:
        TollwayError: as `solve`.
    """
    began, stopped = clock(), False

    def heard(at: Progress) -> bool:
        nonlocal stopped
        go_on = on(at)
        stopped = stopped or not go_on
        return go_on

    first = solve(instance, options, heard, clock)
    left = options.seconds - (clock() - began)
    if isinstance(first, Conflict) or first.gap <= options.gap or stopped or left < LEAST:
        return first
    try:
        second = solve(instance, replace(options, seconds=left, integers="all"), heard, clock)
    except TollwayError:  # no plan in the time that was left: the first one stands
        return first
    if isinstance(second, Conflict):
        return first
    return _both(first, second, options)


def _both(first: Answer, second: Answer, options: Options) -> Answer:
    best = min(first, second, key=lambda it: it.costs.objective)
    found = replace(
        best,
        bound=max(first.bound, second.bound),
        seconds=first.seconds + second.seconds,
        status="interrupted",
    )
    if found.gap > options.gap:
        return found
    status = "optimal" if "optimal" in (first.status, second.status) else "good enough"
    return replace(found, status=status)
