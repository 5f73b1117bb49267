"""A frontier whose every plan is the best that is known for its weight, whoever found it.

Rules
1. A plan that was found for one weight is one of every weight; the bound of each stays its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from tollway.planner.program.answers import FrontierPoint


def best_known(points: Sequence[FrontierPoint]) -> tuple[FrontierPoint, ...]:
    """The points, each with the plan that costs least by its own weight (rule 1)."""
    return tuple(_best(one, points) for one in points)


def _best(point: FrontierPoint, known: Sequence[FrontierPoint]) -> FrontierPoint:
    def cost(one: FrontierPoint) -> Fraction:
        return (1 - point.weight) * one.expected + point.weight * one.cvar

    best = min((point, *known), key=cost)
    if cost(best) >= cost(point):
        return point
    slack = max(Fraction(0), point.slack - (cost(point) - cost(best)))
    return replace(point, answer=best.answer, expected=best.expected, cvar=best.cvar, slack=slack)
