"""What is held for an answer."""

from hypothesis import given
from hypothesis import strategies as st

from tollway.policy import breaker, retry, spend


@given(
    st.none() | st.floats(0.0, 1e6), st.integers(1, 10**6), st.integers(1, 8), st.integers(1, 10**6)
)
def test_never_more_is_held_than_the_client_allows(
    learned: float | None, declared: int, choices: int, cap: int
) -> None:
    assert 1 <= spend.output_to_hold(learned, declared, choices, cap) <= cap


def test_the_declared_amount_holds_until_something_was_learned() -> None:
    assert spend.output_to_hold(None, 512, 1, None) == 512
    assert spend.output_to_hold(40.0, 512, 1, None) == 41


def test_a_bound_may_be_reached_and_not_passed() -> None:
    assert spend.fits(100, 60, 30, 10)
    assert not spend.fits(100, 60, 30, 11)
    assert spend.fits(None, 10**30, 0, 0)


def test_a_breaker_needs_enough_samples_and_at_least_one_failure() -> None:
    assert not breaker.trips(4, 4, 5, 0.5)
    assert breaker.trips(6, 3, 5, 0.5)
    assert not breaker.trips(6, 2, 5, 0.5)
    assert not breaker.trips(5, 0, 5, 0.0)


def test_an_open_breaker_stays_open_twice_as_long_each_time_up_to_a_bound() -> None:
    assert [breaker.open_seconds(10.0, times) for times in range(1, 7)] == [
        10.0,
        20.0,
        40.0,
        80.0,
        80.0,
        80.0,
    ]


def test_what_the_source_would_repeat_is_not_retried_and_what_passes_is() -> None:
    repeated = [status for status in range(400, 600) if retry.is_client_fault("status", status)]
    assert repeated == [400, 405, 406, 411, 413, 414, 415, 416, 422, 431, 451]
    assert not retry.is_client_fault("cut", 400)


def test_a_429_rests_and_does_not_count_as_ill_health() -> None:
    assert not retry.is_ill_health("status", 429)
    assert retry.is_ill_health("status", 500)
    assert retry.is_ill_health("status", 401)
    assert retry.rest_seconds(429, None) == 1.0
    assert retry.rest_seconds(429, 7.0) == 7.0
    assert retry.rest_seconds(503, 7.0) == 7.0
    assert retry.rest_seconds(500, 7.0) == 0.0
    assert retry.rest_seconds(429, 10**9) == 300.0


@given(st.lists(st.tuples(st.floats(0.0, 100.0), st.integers(0, 300)), max_size=50))
def test_the_retry_budget_saves_up_no_storm(steps: list[tuple[float, int]]) -> None:
    balance = 0.0
    for seconds, firsts in steps:
        balance = retry.replenished(balance, seconds, 3.0)
        for _ in range(firsts):
            balance = retry.earned(balance, 0.2, 3.0)
        assert balance <= 3.0 * 10.0 + 0.2 * 100.0 + 0.2
