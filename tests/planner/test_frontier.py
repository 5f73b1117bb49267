"""A frontier's plans: each the best that is known for its weight."""

from fractions import Fraction

from planner_plans import ANSWER

from tollway.planner.frontier import best_known
from tollway.planner.program.answers import FrontierPoint


def point(weight: str, expected: int, cvar: int, bound: int) -> FrontierPoint:
    share = Fraction(weight)
    slack = (1 - share) * expected + share * cvar - bound
    return FrontierPoint(share, ANSWER, Fraction(expected), Fraction(cvar), Fraction(bound), slack)


def test_a_better_plan_of_another_weight_is_taken_with_the_own_bound() -> None:
    # By a weight of 1/2 the first plan costs 15, the second 40; its own bound is 14.
    first, second = best_known([point("0", 10, 20, 9), point("1/2", 20, 60, 14)])
    assert (first.expected, first.slack) == (10, 1)
    assert (second.weight, second.expected, second.cvar) == (Fraction(1, 2), 10, 20)
    assert (second.bound, second.slack) == (14, 1)


def test_plans_that_are_best_for_their_weights_stay() -> None:
    points = (point("0", 10, 20, 9), point("1", 12, 14, 13))
    assert best_known(points) == points
