"""The tail of a sum of independent draws is bounded from above, and closely."""

from itertools import product
from math import prod

from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.pins.drift.tail import tail

VALUES = st.lists(st.floats(0.0, 10.0, allow_nan=False), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=4), st.floats(0.01, 30.0))
def test_it_is_never_below_the_exact_probability_and_at_most_that_of_a_little_less(
    values: list[list[float]], seen: float
) -> None:
    draws = [[(it, 1.0 / len(each)) for it in each] for each in values]

    def exact(least: float) -> float:
        return sum(
            prod(weight for _, weight in one)
            for one in product(*draws)
            if sum(value for value, _ in one) >= least
        )

    found = tail(draws, seen)
    assert found >= exact(seen) - 1e-9
    assert found <= exact(seen * (1.0 - 0.01 * len(draws))) + 1e-9


def test_a_tiny_probability_is_no_rounding_error() -> None:
    draws = [[(0.0, 1.0 - 1e-3), (1.0, 1e-3)]] * 6
    assert abs(tail(draws, 6.0) / 1e-18 - 1.0) < 1e-6


def test_nothing_seen_is_no_surprise() -> None:
    assert tail([[(0.0, 1.0)]], 0.0) == 1.0
    assert tail([], 0.0) == 1.0
