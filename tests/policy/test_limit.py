"""A minute's allowance, never more."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from tollway.policy import limit


@given(
    st.integers(1, 1000),
    st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(1, 50)), min_size=1, max_size=200),
)
def test_no_window_admits_more_than_its_allowance_and_one_minutes(
    per_minute: int, asks: list[tuple[float, int]]
) -> None:
    horizon, now = -inf, 0.0
    admitted: list[tuple[float, int]] = []
    for gap, amount in asks:
        now += gap
        if limit.wait_for(horizon, now, amount, per_minute) == 0.0:
            horizon = limit.take(horizon, now, amount, per_minute)
            admitted.append((now, amount))
    for start, (began, _) in enumerate(admitted):
        total = 0
        for at, amount in admitted[start:]:
            total += amount
            assert total <= per_minute * (at - began + 60.0) / 60.0 + 1e-3


@given(st.integers(1, 1000), st.integers(1, 1000), st.floats(0.0, 1e6))
def test_the_wait_that_is_told_is_long_enough_and_not_too_long(
    per_minute: int, amount: int, now: float
) -> None:
    horizon = limit.take(-inf, now, per_minute, per_minute)
    wait = limit.wait_for(horizon, now, amount, per_minute)
    if amount > per_minute:
        assert wait == inf
        return
    assert limit.wait_for(horizon, now + wait, amount, per_minute) == 0.0
    assert limit.wait_for(horizon, now + wait * 0.99 - 1e-5, amount, per_minute) > 0.0


@given(st.integers(1, 1000), st.integers(1, 100))
def test_what_is_given_back_can_be_taken_again(per_minute: int, amount: int) -> None:
    horizon = limit.take(-inf, 0.0, per_minute, per_minute)
    horizon = limit.give_back(horizon, min(amount, per_minute), per_minute)
    assert limit.wait_for(horizon, 0.0, min(amount, per_minute), per_minute) == 0.0


def test_a_minutes_allowance_is_earned_back_in_sixty_seconds() -> None:
    horizon = limit.take(-inf, 0.0, 10, 10)
    assert limit.wait_for(horizon, 0.0, 10, 10) == 60.0
    assert limit.wait_for(horizon, 0.0, 1, 10) == 6.0
