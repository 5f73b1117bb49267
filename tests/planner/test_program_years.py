"""Where the lumps of later years matter, the bound respects them too."""

import time
from dataclasses import replace
from fractions import Fraction

import pytest
from planner_problems import API, LEASE, PLAN, problem

import tollway.planner.program.solve as solving
from tollway.planner.program.answer import Answer
from tollway.planner.program.solve import Options, Progress, solve


def go_on(at: Progress) -> bool:
    return True


def test_time_that_is_left_goes_into_all_years(monkeypatch: pytest.MonkeyPatch) -> None:
    lease = LEASE.replace("20_000", "2_000") + "offer = { most = 2 }\n"
    instance = problem(PLAN.replace("months = 12", "months = 24") + API + lease).instance
    monkeypatch.setattr(solving, "FEW", -1)
    options = Options(Fraction(0), 30.0, 1)
    first = solve(instance, options, go_on, time.monotonic)
    every = solve(instance, replace(options, integers="all"), go_on, time.monotonic)
    assert isinstance(first, Answer)
    assert isinstance(every, Answer)
    assert first.status == every.status == "optimal"
    assert first.costs.objective == every.costs.objective
