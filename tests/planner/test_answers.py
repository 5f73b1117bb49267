"""Answers from solved problems: what is asked is asked of the right problem, as an interval."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from tollway.planner.program.answer import Answer, Conflict, Costs, Plan, Signed
from tollway.planner.program.answers import (
    Solve,
    break_even,
    bridge,
    contingency_prices,
    exits_worth,
    frontier,
    narrowed,
    signing_reasons,
)
from tollway.planner.program.instance import (
    ALREADY,
    Block,
    Contingency,
    Instance,
    Node,
    Offer,
    Period,
    Risk,
    Stream,
)
from tollway.planner.program.variants import left_in, without_signing
from tollway.units import PicoDollars

NOTHING = Stream((Fraction(1),) * 3, (PicoDollars(0),) * 3)


def offer(name: str, **changed: object) -> Offer:
    runs = dict.fromkeys(range(3), NOTHING)
    made = Offer(name, "contract", {}, (), runs, {(0, 1): NOTHING, (0, 2): NOTHING})
    return replace(made, **changed)  # pyright: ignore[reportArgumentType]


def problem(*offers: Offer) -> Instance:
    quarter = Period(date(2027, 1, 1), date(2027, 3, 31), 2160, Fraction(1))
    nodes = tuple(Node(at, at - 1 if at else None, Fraction(1), ()) for at in range(3))
    zero = Contingency("z", "vendor", frozenset(), frozenset(), 0, Fraction(1), PicoDollars(0))
    return Instance(
        (quarter,) * 3,
        (Block("all", Fraction(1)),),
        (),
        nodes,
        offers,
        Risk(Fraction(1, 2), Fraction(9, 10)),
        (zero,),
    )


def answer(objective: int, bound: int, *signed: Signed) -> Answer:
    cost = Fraction(objective)
    costs = Costs(cost, cost, cost, {}, {}, {}, {})
    return Answer(Plan(signed, (), (), {}, {}), costs, Fraction(bound), "good enough", 0.0)


def solver(cost: Callable[[Instance], tuple[int, int] | None]) -> Solve:
    """A solver whose objective and bound are a function of the problem."""

    def solve(one: Instance) -> Answer | Conflict:
        found = cost(one)
        return Conflict(("x",)) if found is None else answer(*found)

    return solve


def test_a_narrower_problem_is_never_the_cheaper_one() -> None:
    """Its incumbent may be the better one, and yet its best is not."""
    found = narrowed(answer(90, 80), answer(100, 70))
    assert (found.low, found.high) == (0, 20)
    assert not found.told


def test_bounds_of_the_wider_problem_hold_in_the_narrower() -> None:
    found = narrowed(answer(120, 70), answer(100, 95))
    assert (found.low, found.high) == (0, 25)
    assert narrowed(answer(120, 110), answer(100, 95)).low == 10


def test_the_price_of_a_contingency_is_with_it_less_without() -> None:
    one = problem(offer("a"))
    solve = solver(lambda it: (100, 99) if it.contingencies else (80, 78))
    (price,) = contingency_prices(one, answer(100, 99), solve)
    assert price.amount is not None
    assert (price.name, price.amount.low, price.amount.high) == ("z", 19, 22)
    assert price.amount.told


def test_what_exits_are_worth_is_told_one_by_one_and_together() -> None:
    one = problem(offer("a"), offer("b"), offer("c", exits={}))
    solve = solver(lambda it: (100 + 10 * sum(not o.exits for o in it.offers) - 10, 100))
    found = {it.name: it.amount for it in exits_worth(one, answer(100, 100), solve)}
    assert {name: it and it.high for name, it in found.items()} == {"a": 10, "b": 10, "all": 20}


def test_a_signing_that_nothing_replaces_names_the_conflict() -> None:
    one = problem(offer("a"))
    solve = solver(lambda it: None if 0 not in it.offers[0].runs else (100, 100))
    base = answer(100, 100, Signed("a", 0, Fraction(2)))
    (reason,) = signing_reasons(one, base, solve)
    assert (reason.offer, reason.units) == ("a", 2)
    assert reason.never.amount is None
    assert reason.never.conflict == Conflict(("x",))


def test_later_may_be_signed_later_and_never_may_not() -> None:
    one = problem(offer("a", runs={ALREADY: NOTHING, 0: NOTHING, 1: NOTHING}))
    assert sorted(without_signing(one, ["a"], until=1).offers[0].runs) == [ALREADY, 1]
    assert sorted(without_signing(one, ["a"]).offers[0].runs) == [ALREADY]
    assert without_signing(one, ["a"], until=1).offers[0].exits == {}


def test_a_contract_is_left_in_one_period_or_never() -> None:
    held = {ALREADY: NOTHING}
    gone: Mapping[tuple[int, int], Stream] = {
        (ALREADY, 1): replace(NOTHING, after=PicoDollars(7)),
        (ALREADY, 2): NOTHING,
    }
    one = problem(offer("a", signed=Fraction(1), runs=held, exits=gone))
    left = left_in(one, "a", 1).offers[0]
    assert left.runs[ALREADY].after == 7
    assert left.exits == {}
    assert left_in(one, "a", None).offers[0].runs == held
    with pytest.raises(KeyError, match="period 0"):
        left_in(one, "a", 0)


def test_periods_that_are_not_told_apart_are_all_the_best() -> None:
    held = {ALREADY: NOTHING}
    gone = {(ALREADY, at): replace(NOTHING, after=PicoDollars(at)) for at in (0, 1, 2)}
    one = problem(offer("a", signed=Fraction(1), runs=held, exits=gone))
    cost = {0: (100, 96), 1: (98, 97), 2: (105, 103)}

    def asked(it: Instance) -> tuple[int, int]:
        run = it.offers[0].runs[ALREADY]
        return (120, 119) if run is NOTHING else cost[run.after]

    found = bridge(one, answer(97, 95), solver(asked), "a")
    assert found.best == (0, 1)
    assert [it.period for it in found.stays] == [0, 1, 2, None]
    more = found.stays[2].more
    assert more is not None
    assert (more.low, more.high) == (5, 8)
    assert found.deciding is not None
    assert (found.deciding.low, found.deciding.high) == (0, 3)


def test_the_break_even_life_lies_between_those_that_were_told() -> None:
    build = offer("own", kind="build")
    cost = {3: (120, 118), 4: (100, 96), 5: (90, 89)}

    def lived(years: int) -> Instance:
        return replace(problem(build, offer("lease")), blocks=(Block(str(years), Fraction(1)),))

    def asked(it: Instance) -> tuple[int, int]:
        owned = bool(it.offers[0].runs)
        return cost[int(it.blocks[0].name)] if owned else (100, 99)

    found = break_even({Fraction(it): lived(it) for it in cost}, solver(asked))
    assert (found.above, found.at_most) == (3, 5)
    middle = found.lives[1].amount
    assert middle is not None
    assert not middle.told


def test_a_point_of_the_frontier_says_how_far_it_may_be_above_it() -> None:
    weights = [Fraction(1), Fraction(0)]
    solve = solver(lambda it: (100 + int(it.risk.weight * 10), 100))
    found = frontier(problem(offer("a")), weights, solve)
    assert [(it.weight, it.slack) for it in found] == [(0, 0), (1, 10)]


def test_a_plan_that_costs_nothing_is_only_the_best_where_nothing_can_cost_less() -> None:
    assert answer(0, 0).gap == 0
    assert answer(0, -5).gap == 1
    assert answer(-4, -5).gap == Fraction(1, 4)
