"""Where the lumps of later years matter, the bound respects them too."""

import time
from dataclasses import replace
from fractions import Fraction

import pytest
from planner_fleets import API, LEASE, PLAN, problem

import tollway.planner.program.solve as solving
from tollway.planner.program.answer import Answer
from tollway.planner.program.solve import Options, Progress, solve


def go_on(at: Progress) -> bool:
    return True


def test_time_that_is_left_goes_into_all_years(monkeypatch: pytest.MonkeyPatch) -> None:
    lease = LEASE.replace("20_000", "2_000") + "offer = { most = 2 }\n"
    instance = problem(PLAN.replace("months = 12", "months = 24") + API + lease).instance
    monkeypatch.setattr(solving, "FEW", -1)
    first = Options(Fraction(0), 20.0, 1, "first year")
    once = solve(instance, first, go_on, time.monotonic)
    auto = solve(instance, replace(first, integers="auto"), go_on, time.monotonic)
    every = solve(instance, replace(first, integers="all"), go_on, time.monotonic)
    assert isinstance(once, Answer)
    assert isinstance(auto, Answer)
    assert isinstance(every, Answer)
    assert once.bound <= auto.bound <= auto.costs.objective <= once.costs.objective
    assert auto.status == every.status == "optimal"
    assert auto.costs.objective == every.costs.objective
