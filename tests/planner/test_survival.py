"""What survives a loss: worked by hand, and held against a solver."""

from dataclasses import replace
from fractions import Fraction

import highspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_plans import API, INSTANCE, LEASE, PLAN, M, line

from tollway.planner.program.answer import Between
from tollway.planner.simplex import most
from tollway.planner.survival import Survival, most_served, survivals


def of(name: str, node: int) -> Survival:
    found = [it for it in survivals(INSTANCE, PLAN) if (it.contingency, it.node) == (name, node)]
    assert len(found) == 1
    return found[0]


def test_what_gave_notice_serves_until_it_is_over() -> None:
    one = of("alpha gives notice", 0)
    assert (one.during, one.after) == (1, 0)


def test_a_share_is_that_of_the_worst_block_with_the_interval_of_the_speeds() -> None:
    # 1,000 of the API and 500 of the lease for 2,000 by day and 800 by night: 3/4 by day. Without
    # the API 500: 1/4; with the lease at 400 and 600, 1/5 and 3/10.
    one = of("alpha gives notice", 2)
    assert (one.during, one.after) == (Fraction(3, 4), Fraction(1, 4))
    assert one.between == Between(Fraction(1, 5), Fraction(3, 10))


def test_emergency_units_count_only_within_the_notice() -> None:
    # The API's 200 more take 30 days: within a notice of 90, not when a region fails.
    assert of("beta gives notice", 2).after == Fraction(1200, 2000)
    assert of("us-west fails", 2).after == Fraction(1000, 2000)


def test_a_withdrawn_model_is_served_by_nobody() -> None:
    assert {it.after for it in survivals(INSTANCE, PLAN) if it.contingency == "m is withdrawn"} == {
        0
    }


def test_what_was_signed_later_and_built_counts_from_when_it_is_there() -> None:
    # Two leases of 500 and 400 of one's own, for 2,000.
    assert of("alpha gives notice", 4).after == Fraction(1400, 2000)


def test_a_contingency_counts_from_its_period_on() -> None:
    later = replace(INSTANCE.contingencies[0], since=1)
    found = survivals(replace(INSTANCE, contingencies=(later,)), PLAN)
    assert [one.node for one in found] == [1, 2, 3, 4]


def test_two_workloads_share_units_by_what_each_is_best_at() -> None:
    # `one` makes 10 of a or 2 of b, `two` 6 of a or 6 of b. For 10 of a and 6 of b each does what
    # it is best at: 16. The other way round it would be 2 + 6.
    speeds = {("one", "a"): 10, ("one", "b"): 2, ("two", "a"): 6, ("two", "b"): 6}
    units = {"one": Fraction(1), "two": Fraction(1)}
    assert most_served(speeds, units, {"a": 10, "b": 6}) == 16
    # For 12 of a, `two` gives a third of its hour for 2 of a, and makes 4 of b.
    assert most_served(speeds, units, {"a": 12, "b": 6}) == 16
    assert most_served(speeds, units, {"a": 20, "b": 1}) == 16
    assert most_served(speeds, units, {"a": 1, "b": 20}) == 1 + Fraction(9, 10) * 2 + 6


def test_nothing_wanted_is_wholly_served() -> None:
    nobody = tuple(replace(it, interactive=False) for it in INSTANCE.workloads)
    found = survivals(replace(INSTANCE, workloads=nobody), PLAN)
    assert {one.after for one in found} == {1}


def test_of_two_models_the_faster_serves_and_the_other_where_it_is_withdrawn() -> None:
    slow = replace(line("chat", 300), model="n")
    offers = (API, replace(LEASE, lines=(*LEASE.lines, slow)))
    found = survivals(replace(INSTANCE, offers=offers), replace(PLAN, signed=PLAN.signed[:1]))
    shares = {it.contingency: it.after for it in found if it.node == 1}
    assert shares["alpha gives notice"] == Fraction(500 * M, 1000 * M)
    assert shares["m is withdrawn"] == Fraction(300 * M, 1000 * M)


def test_an_unbounded_program_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing bounds it"):
        most([Fraction(1), Fraction(1)], [[Fraction(1), Fraction(0)]], [Fraction(1)])


WHOLE = st.integers(min_value=0, max_value=9)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(min_value=1, max_value=5).flatmap(
        lambda width: st.tuples(
            st.lists(WHOLE, min_size=width, max_size=width),
            st.lists(st.lists(WHOLE, min_size=width, max_size=width), min_size=1, max_size=5),
            st.lists(WHOLE, min_size=6, max_size=6),
        )
    )
)
def test_the_exact_program_agrees_with_a_solver(
    drawn: tuple[list[int], list[list[int]], list[int]],
) -> None:
    gains, rows, bounds = drawn
    rows = [*rows, [1] * len(gains)]
    bounds = bounds[: len(rows)]
    exact = most(
        [Fraction(it) for it in gains],
        [[Fraction(it) for it in row] for row in rows],
        [Fraction(it) for it in bounds],
    )
    solver = highspy.Highs()
    solver.silent()
    for gain in gains:
        solver.addVar(0, highspy.kHighsInf)
        solver.changeColCost(solver.getNumCol() - 1, -gain)
    for row, bound in zip(rows, bounds, strict=True):
        solver.addRow(
            -highspy.kHighsInf, bound, len(row), list(range(len(row))), [*map(float, row)]
        )
    solver.run()
    assert float(exact) == pytest.approx(-solver.getInfo().objective_function_value)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(WHOLE, WHOLE, WHOLE), min_size=1, max_size=6),
    st.integers(min_value=1, max_value=90),
    st.integers(min_value=1, max_value=90),
)
def test_two_workloads_are_served_as_by_the_program(
    offers: list[tuple[int, int, int]], first: int, last: int
) -> None:
    speeds = {
        (f"o{at}", name): speed
        for at, (_, *both) in enumerate(offers)
        for name, speed in zip("ab", both, strict=True)
        if speed
    }
    units = {f"o{at}": Fraction(count, 2) for at, (count, *_) in enumerate(offers)}
    wanted = {"a": first, "b": last}
    names = sorted(units)
    rows = [[Fraction(pair[0] == name) for pair in speeds] for name in names]
    rows += [[Fraction(speeds[pair] * (pair[1] == name)) for pair in speeds] for name in "ab"]
    bounds = [units[name] for name in names] + [Fraction(first), Fraction(last)]
    assert most_served(speeds, units, wanted) == most(
        [Fraction(it) for it in speeds.values()], rows, bounds
    )


def test_three_workloads_are_divided_between_two_offers() -> None:
    # `one` has two hours, `two` one: 10 of a, 4 of b and 6 of c at the most, of 30.
    speeds = {("one", "a"): 10, ("one", "b"): 4, ("two", "b"): 1, ("two", "c"): 6}
    units = {"one": Fraction(2), "two": Fraction(1)}
    assert most_served(speeds, units, {"a": 10, "b": 10, "c": 10}) == 20
    assert most_served(speeds, units, {"a": 10, "b": 4, "c": 6}) == 20
