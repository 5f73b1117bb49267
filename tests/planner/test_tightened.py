"""A second look tightens the bound, and never worsens the plan."""

import time
from fractions import Fraction

import pytest
from planner_problems import API, LEASE, PLAN, problem

from tollway.planner.program.answer import Answer
from tollway.planner.program.solve import Options, Progress, solve
from tollway.planner.program.tightened import tightened


def go_on(at: Progress) -> bool:
    return True


@pytest.mark.parametrize("gap", [Fraction(0), Fraction(1, 100)])
def test_it_is_no_worse_than_one_look(gap: Fraction) -> None:
    lease = LEASE.replace("20_000", "2_000") + "offer = { most = 2 }\n"
    instance = problem(PLAN.replace("months = 12", "months = 24") + API + lease).instance
    options = Options(gap, 20.0, 1)
    once = solve(instance, options, go_on, time.monotonic)
    twice = tightened(instance, options, go_on, time.monotonic)
    assert isinstance(once, Answer)
    assert isinstance(twice, Answer)
    assert once.bound <= twice.bound <= twice.costs.objective <= once.costs.objective
