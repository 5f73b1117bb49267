"""Money is exact inside, and rounded only where people read it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.units import (
    PicoDollars,
    exact_usd,
    format_usd,
    pico_from_usd,
    pico_per_token,
    usd,
)


def test_a_token_at_the_cheapest_public_price_is_a_whole_number_of_pico_dollars() -> None:
    assert pico_per_token(Decimal("0.0375")) == 37_500


@given(st.integers(-(10**24), 10**24))
def test_an_amount_survives_the_way_to_dollars_and_back(amount: int) -> None:
    assert pico_from_usd(usd(amount)) == amount


@pytest.mark.parametrize("finer", ["0.0000000000001", "1E-13", f"1.{'0' * 40}1"])
def test_an_amount_finer_than_a_pico_dollar_is_refused(finer: str) -> None:
    with pytest.raises(ValueError, match="finer than a pico-dollar"):
        pico_from_usd(Decimal(finer))


def test_a_price_finer_than_a_pico_dollar_a_token_is_refused() -> None:
    assert pico_per_token(Decimal("0.000001")) == 1
    with pytest.raises(ValueError, match=r"\$0\.0000001 a million tokens is finer"):
        pico_per_token(Decimal("0.0000001"))


@pytest.mark.parametrize("word", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_no_money(word: str) -> None:
    with pytest.raises(ValueError, match="is not an amount of money"):
        pico_from_usd(Decimal(word))
    with pytest.raises(ValueError, match="is not a price"):
        pico_per_token(Decimal(word))


@pytest.mark.parametrize(
    ("amount", "places", "text"),
    [
        (0, 4, "$0.0000"),
        (1_234_500_000_000, 2, "$1.23"),
        (5_000_000_000, 2, "$0.00"),  # half to even
        (15_000_000_000, 2, "$0.02"),
        (-3_500_000_000_000, 4, "-$3.5000"),
        (1_234_567 * 10**12, 2, "$1,234,567.00"),
    ],
)
def test_an_amount_for_people(amount: int, places: int, text: str) -> None:
    assert format_usd(PicoDollars(amount), places) == text


def test_an_exact_amount_has_every_digit_and_at_least_four():
    assert [exact_usd(it) for it in (0, 5 * 10**11, 1, -37_500, 10**15 + 10**6)] == [
        "$0.0000",
        "$0.5000",
        "$0.000000000001",
        "-$0.0000000375",
        "$1,000.000001",
    ]
