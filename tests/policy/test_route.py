"""Each objective keeps what it promises to keep."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.policy.options import Ask, Option
from tollway.policy.route import (
    OBJECTIVES,
    cheapest,
    commitment_first,
    fastest,
    keeping_slo,
    least_outstanding,
    mix,
    prefix_affinity,
    weighted,
)


def option(order: int, **facts: object) -> Option:
    values: dict[str, object] = {
        "name": f"s{order}",
        "seed": mix(order + 1),
        "outstanding": 0,
        "load": 0.0,
        "cost": 100,
        "ttft": 0.5,
        "speed": 50.0,
        "prepaid": False,
    }
    values.update(facts)
    return Option(order, **values)  # type: ignore[arg-type]


def ask(output: int = 100, prefix: int = 0, draw: int = 0) -> Ask:
    return Ask(output, prefix, draw)


def orders(options: object) -> list[int]:
    return [kept.order for kept in options]  # type: ignore[attr-defined]


def test_cheapest_keeps_those_within_the_tolerance() -> None:
    options = [option(0, cost=100), option(1, cost=109), option(2, cost=111)]
    assert orders(cheapest(options, ask(), 0.1, {})) == [0, 1]
    assert orders(cheapest(options, ask(), 0.0, {})) == [0]


def test_fastest_weighs_first_token_against_token_speed_by_the_length_of_the_answer() -> None:
    quick_start = option(0, ttft=0.1, speed=20.0)
    quick_tokens = option(1, ttft=1.0, speed=200.0)
    assert orders(fastest([quick_start, quick_tokens], ask(output=10), 0.0, {})) == [0]
    assert orders(fastest([quick_start, quick_tokens], ask(output=500), 0.0, {})) == [1]


def test_fastest_gives_way_as_a_source_fills_up() -> None:
    quick, slow = option(0, ttft=1.0, load=0.0), option(1, ttft=1.6)
    assert orders(fastest([quick, slow], ask(output=0), 0.0, {})) == [0]
    full = option(0, ttft=1.0, load=1.0)
    assert orders(fastest([full, slow], ask(output=0), 0.0, {})) == [1]


def test_least_outstanding_takes_the_less_loaded_of_two_drawn() -> None:
    options = [option(0, outstanding=9), option(1, outstanding=1)]
    for draw in (0, 1, 1 << 32, (1 << 32) + 1):
        assert orders(least_outstanding(options, ask(draw=draw), 0.0, {})) == [1]


@given(st.integers(0, 2**64 - 1), st.lists(st.integers(0, 5), min_size=2, max_size=8))
def test_the_most_loaded_of_all_is_never_kept_by_power_of_two_choices(
    draw: int, loads: list[int]
) -> None:
    options = [option(order, outstanding=load) for order, load in enumerate(loads)]
    (kept,) = least_outstanding(options, ask(draw=draw), 0.0, {})
    assert kept.outstanding < max(loads) or loads.count(max(loads)) > 1


def test_a_tie_goes_to_the_first_drawn_so_that_equal_sources_share() -> None:
    options = [option(order) for order in range(3)]
    kept = Counter(orders(least_outstanding(options, ask(draw=d), 0.0, {}))[0] for d in range(300))
    assert kept == {0: 100, 1: 100, 2: 100}


def test_weighted_draws_in_proportion() -> None:
    options = [option(0), option(1), option(2)]
    weights = {"s0": 3.0, "s1": 1.0}
    drawn = Counter(
        orders(weighted(options, ask(draw=step * 2**32 // 400), 0.0, weights))[0]
        for step in range(400)
    )
    assert drawn == {0: 300, 1: 100}


def test_weights_that_name_no_available_source_leave_the_choice_open() -> None:
    options = [option(0), option(1)]
    assert weighted(options, ask(), 0.0, {"other": 1.0}) == options


@given(st.integers(0, 2**64 - 1))
def test_one_prefix_stays_with_one_source_and_moves_only_when_that_source_goes(prefix: int) -> None:
    options = [option(order) for order in range(5)]
    (home,) = prefix_affinity(options, ask(prefix=prefix), 0.0, {})
    for gone in range(5):
        rest = [kept for kept in options if kept.order != gone]
        (kept,) = prefix_affinity(rest, ask(prefix=prefix), 0.0, {})
        assert kept.order == home.order or gone == home.order


def test_prefixes_are_spread_evenly() -> None:
    options = [option(order) for order in range(4)]
    homes = Counter(
        orders(prefix_affinity(options, ask(prefix=mix(prefix)), 0.0, {}))[0]
        for prefix in range(4000)
    )
    # Four standard deviations of a binomial(4000, 1/4).
    assert all(abs(count - 1000) < 4 * (4000 * 0.25 * 0.75) ** 0.5 for count in homes.values())


@given(st.integers(0, 2**64 - 1), st.lists(st.integers(0, 40), min_size=2, max_size=6))
def test_affinity_gives_way_to_the_bounded_load(prefix: int, loads: list[int]) -> None:
    options = [option(order, outstanding=load) for order, load in enumerate(loads)]
    (kept,) = prefix_affinity(options, ask(prefix=prefix), 0.0, {})
    assert kept.outstanding + 1 <= 1.25 * (sum(loads) + 1) / len(loads) + 1


def test_commitment_first_keeps_prepaid_options_and_all_where_there_is_none() -> None:
    assert orders(commitment_first([option(0), option(1, prepaid=True)], ask(), 0.0, {})) == [1]
    assert orders(commitment_first([option(0), option(1)], ask(), 0.0, {})) == [0, 1]


def test_options_expected_to_keep_the_slo_come_first() -> None:
    options = [option(0, ttft=3.0), option(1, speed=5.0), option(2)]
    assert orders(keeping_slo(options, 1.0, 10.0)) == [2]
    assert orders(keeping_slo(options[:2], 1.0, 10.0)) == [0, 1]


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
@given(data=st.data())
def test_every_objective_keeps_at_least_one_of_the_options_it_was_given(
    name: str, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, 6))
    options = [
        option(
            order,
            cost=data.draw(st.integers(0, 10**18)),
            outstanding=data.draw(st.integers(0, 100)),
            ttft=data.draw(st.floats(0.0, 100.0)),
            speed=data.draw(st.floats(0.01, 1000.0)),
            prepaid=data.draw(st.booleans()),
        )
        for order in range(count)
    ]
    draw = data.draw(st.integers(0, 2**64 - 1))
    kept = OBJECTIVES[name](options, Ask(50, draw, draw), 0.0, {"s0": 0.0, "s1": 2.0})
    assert kept
    assert all(any(one is given for given in options) for one in kept)


def test_mix_is_the_published_finaliser() -> None:
    # splitmix64's first three outputs for the seed 1234567, as its author's C code gives them.
    gamma = 0x9E3779B97F4A7C15
    states = [(1234567 + gamma * step) % 2**64 for step in (1, 2, 3)]
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [mix(state) for state in states] == published
