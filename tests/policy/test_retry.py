"""What may be tried again, and how much of it is saved up."""

import pytest

from tollway.policy import retry


@pytest.mark.parametrize(
    ("min_per_second", "quiet", "most"), [(0.5, 10.0, 30.0), (1.0, 10.0, 30.0), (3.0, 30.0, 50.0)]
)
def test_ten_quiet_seconds_and_a_hundred_first_attempts_are_saved_up(
    min_per_second: float, quiet: float, most: float
) -> None:
    balance = retry.replenished(0.0, 1e6, min_per_second)
    assert balance == quiet
    for _ in range(1000):
        balance = retry.earned(balance, 0.2, min_per_second)
    assert balance == pytest.approx(most)
    assert retry.replenished(balance, 1e6, min_per_second) == balance


def test_a_fault_of_ours_and_one_of_the_client_are_no_ill_health() -> None:
    assert not retry.is_ill_health("internal", None)
    assert not retry.is_ill_health("status", 400)
    assert not retry.is_ill_health("status", 429)
    assert retry.is_ill_health("status", 500)
    assert retry.is_ill_health("cut", None)


def test_only_a_429_and_a_503_ask_for_a_rest_and_never_for_more_than_the_longest() -> None:
    assert retry.rest_seconds(429, None) == retry.DEFAULT_REST
    assert retry.rest_seconds(503, None) == 0.0
    assert retry.rest_seconds(503, 7.0) == retry.rest_seconds(429, 7.0) == 7.0
    assert retry.rest_seconds(500, 7.0) == 0.0
    assert retry.rest_seconds(429, 1e9) == retry.LONGEST_REST
