"""What is said of several seeds, whatever was simulated."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.simulator.compare import Passed
from tollway.simulator.draws import Stream
from tollway.simulator.seeds import ENOUGH, FEWEST, across, chance, passed_mostly, ways

DEMO = [0.34, 0.35, 0.35, 0.36, 0.57, 0.36, 0.37, 0.37, 0.56, 0.37, 0.38, 0.39, 0.40, 0.38]
"""Latency P50 by seed, as a small fleet under an SLO once had it."""


def test_two_ways_to_settle_are_told_with_their_seeds_and_ranges() -> None:
    speed = [1.0 / value for value in DEMO]
    [found] = ways({"latency": DEMO, "speed": speed, "TTFT": [0.1] * len(DEMO)})
    assert found.few == (4, 8)
    assert len(found.many) == len(DEMO) - 2
    assert found.figures["latency"] == ((0.34, 0.40), (0.56, 0.57))
    assert set(found.figures) == {"latency", "speed"}


@pytest.mark.parametrize(
    "values",
    [
        DEMO[:9],  # fewer than ENOUGH
        [*DEMO[:4], 0.36, *DEMO[5:]],  # one alone is no way
        [value / 10 + 1.0 for value in DEMO],  # a difference that nobody feels
        [0.0] * 20,
    ],
)
def test_what_is_not_told_as_two_ways(values: list[float]) -> None:
    assert ways({"latency": values}) == ()


@pytest.mark.parametrize(
    ("draw", "most"),
    [(Stream.normal, 0.01), (lambda some: some.exponential(1.0), 0.06)],
)
def test_chance_alone_seldom_looks_like_two_ways(
    draw: Callable[[Stream], float], most: float
) -> None:
    some = Stream(1, 2)
    cases = [[10.0 + draw(some) for _ in range(ENOUGH)] for _ in range(2000)]
    apart = [[50.0 * (value - 10.0) for value in case] for case in cases]
    assert sum(bool(ways({"x": case})) for case in apart) / len(cases) <= 2 * most


@given(st.integers(1, 60))
def test_another_seed_is_within_the_interval_with_the_chance_that_is_told(count: int) -> None:
    found = across([float(value) for value in range(count)])
    assert found is not None
    # Of count + 1 equally likely places for one more value, those within the interval.
    assert found.high - found.low == pytest.approx(chance(count) * (count + 1))
    assert found.lowest <= found.low <= found.median <= found.high <= found.highest
    if count >= 9:
        assert 0.8 <= chance(count) < 0.92


def test_the_interval_holds_another_seed_as_often_as_is_told() -> None:
    some, inside, count = Stream(3, 4), 0, 20
    for _ in range(2000):
        found = across([some.exponential(1.0) for _ in range(count)])
        assert found is not None
        inside += found.low <= some.exponential(1.0) <= found.high
    # Five standard errors.
    assert abs(inside / 2000 - chance(count)) < 5 * (0.81 * 0.19 / 2000) ** 0.5


def test_a_figure_that_some_seeds_do_not_have_is_told_of_the_others() -> None:
    found = across([None, 2.0, None, 1.0])
    assert found is not None
    assert (found.lowest, found.highest) == (1.0, 2.0)
    assert found.values == (None, 2.0, None, 1.0)
    assert across([None]) is None


def test_a_threshold_is_passed_with_more_than_half_of_the_seeds() -> None:
    late, dear = Passed("TTFT p50", 1.0, 2.0, 0.1), Passed("cost", 1.0, 2.0, 0.1)
    assert passed_mostly([(late,), (late, dear), (dear,), (late,)]) == {"TTFT p50": 3}
    assert FEWEST >= 2
