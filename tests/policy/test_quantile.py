"""Quantiles of a fading histogram are near the true ones."""

from hypothesis import given
from hypothesis import strategies as st

from tollway.dispatch.observed import Observed
from tollway.policy import quantile as q


@given(st.floats(q.SMALLEST * 1.01, 2.0**17))
def test_a_value_is_within_a_tenth_of_its_bins_middle(value: float) -> None:
    assert abs(q.middle_of(q.bin_of(value)) / value - 1.0) < 0.0951


@given(st.floats(q.LARGEST))
def test_whatever_is_too_large_is_in_the_last_bin(value: float) -> None:
    assert q.bin_of(value) == q.BINS - 1


@given(
    st.lists(st.floats(0.01, 1000.0), min_size=1, max_size=200),
    st.sampled_from([0.1, 0.5, 0.9, 0.95]),
)
def test_a_quantile_is_within_a_tenth_of_an_order_statistic(
    values: list[float], share: float
) -> None:
    observed = Observed(300.0, 0.0)
    for value in values:
        observed.add(value, 0.0)
    weights = [0.0] * q.BINS
    for value in values:
        weights[q.bin_of(value)] += 1.0
    found = q.quantile(weights, share)
    assert found is not None
    ranked = sorted(values)
    low = ranked[max(int(share * len(ranked)) - 1, 0)]
    high = ranked[min(int(share * len(ranked)) + 1, len(ranked) - 1)]
    assert low * 0.9 <= found <= high * 1.1


def test_old_observations_fade() -> None:
    observed = Observed(300.0, 0.0)
    for _ in range(1000):
        observed.add(1.0, 0.0)
    for second in range(100):
        observed.add(10.0, 3000.0 + second)
    median = observed.quantile(0.5)
    assert median is not None
    assert 9.0 < median < 11.0


def test_a_first_observation_may_come_days_after_the_start() -> None:
    observed = Observed(30.0, 0.0, 20.0)
    observed.add(2.0, 86_400.0)
    observed.add(2.0, 86_400.1)
    median = observed.quantile(0.5)
    assert median is not None
    assert 1.8 < median < 2.2


def test_what_is_older_than_any_weight_counts_for_nothing() -> None:
    observed = Observed(30.0, 0.0)
    for _ in range(1000):
        observed.add(1.0, 0.0)
    observed.add(10.0, 86_400.0)
    median = observed.quantile(0.5)
    assert median is not None
    assert 9.0 < median < 11.0


def test_a_histogram_that_lives_for_a_year_keeps_its_numbers_finite() -> None:
    observed = Observed(300.0, 0.0)
    for day in range(365):
        observed.add(2.0, day * 86_400.0)
    median = observed.quantile(0.5)
    assert median is not None
    assert 1.8 < median < 2.2


def test_nothing_observed_has_no_quantile() -> None:
    assert Observed(1.0, 0.0).quantile(0.5) is None
