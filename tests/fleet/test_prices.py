"""Which price holds when, and what usage costs by it."""

from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tollway.fleet.objects import Price
from tollway.fleet.prices import FREE, cost_of, price_at
from tollway.fleet.tiers import Tier
from tollway.fleet.usage import Usage
from tollway.units import PicoDollars, UtcSeconds, pico_from_usd, pico_per_token, usd


def price(
    since: str = "2026-01-01",
    tier: Tier = "standard",
    hours: tuple[int, int] | None = None,
    output: int = 1,
) -> Price:
    one = PicoDollars(1)
    return Price(
        date.fromisoformat(since), tier, hours, one, one, one, PicoDollars(output), PicoDollars(0)
    )


def at(moment: str) -> UtcSeconds:
    return UtcSeconds(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())


def test_a_price_begins_with_its_utc_day() -> None:
    old, new = price("2026-01-01", output=1), price("2026-06-01", output=2)
    for prices in ((old, new), (new, old)):
        assert price_at(prices, "standard", at("2025-12-31T23:59:59.999")) is None
        assert price_at(prices, "standard", at("2026-01-01T00:00:00")) is old
        assert price_at(prices, "standard", at("2026-05-31T23:59:59.999")) is old
        assert price_at(prices, "standard", at("2026-06-01T00:00:00")) is new


def test_hours_may_pass_midnight_and_end_before_their_last_minute() -> None:
    day, night = price(), price(hours=(16 * 60 + 30, 30))
    for prices in ((day, night), (night, day)):
        for moment, expected in (
            ("2026-03-01T16:29:59", day),
            ("2026-03-01T16:30:00", night),
            ("2026-03-01T23:59:59", night),
            ("2026-03-02T00:29:59", night),
            ("2026-03-02T00:30:00", day),
        ):
            assert price_at(prices, "standard", at(moment)) is expected


def test_hours_within_a_day_are_half_open() -> None:
    lunch = price(hours=(12 * 60, 13 * 60))
    assert price_at((lunch,), "standard", at("2026-03-01T11:59:59")) is None
    assert price_at((lunch,), "standard", at("2026-03-01T12:00:00")) is lunch
    assert price_at((lunch,), "standard", at("2026-03-01T13:00:00")) is None


def test_a_later_price_wins_over_older_hours() -> None:
    old_night, new = price(hours=(0, 24 * 60)), price("2026-06-01")
    assert price_at((old_night, new), "standard", at("2026-06-01T03:00:00")) is new


def test_a_tier_without_a_price_is_charged_as_standard() -> None:
    standard, batch = price(), price("2026-02-01", tier="batch")
    assert price_at((standard, batch), "batch", at("2026-02-01T00:00:00")) is batch
    assert price_at((standard, batch), "batch", at("2026-01-31T00:00:00")) is standard
    assert price_at((standard, batch), "flex", at("2026-02-01T00:00:00")) is standard
    assert price_at((batch,), "standard", at("2026-02-01T00:00:00")) is None


def test_no_price_is_free() -> None:
    assert cost_of(None, Usage(input=10**9, output=10**9)) == FREE


prices_per_million = st.decimals("0", "100000", places=6, allow_nan=False)


@given(
    st.tuples(*[prices_per_million] * 4),
    st.decimals("0", "10", places=12),
    st.tuples(*[st.integers(0, 10**7)] * 4),
)
def test_a_cost_is_exactly_what_decimal_arithmetic_says(
    rates: tuple[Decimal, ...], request: Decimal, tokens: tuple[int, ...]
) -> None:
    fresh, cached, written, output = tokens
    usage = Usage(fresh + cached + written, cached, written, output)
    input_, cached_price, write_price, output_price = map(pico_per_token, rates)
    terms = Price(
        since=date(2026, 1, 1),
        tier="standard",
        hours=None,
        input=input_,
        cached_input=cached_price,
        cache_write=write_price,
        output=output_price,
        request=pico_from_usd(request),
    )
    parts = [rate * count for rate, count in zip(rates, tokens, strict=True)]
    assert usd(cost_of(terms, usage)) == sum(parts, Decimal(0)).scaleb(-6) + request
    assert cost_of(terms, usage) < 2**63
