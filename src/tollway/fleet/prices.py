"""What a request costs: the price that holds at a moment, and exact arithmetic on usage."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tollway.fleet.objects import Price
from tollway.fleet.tiers import Tier
from tollway.fleet.usage import Usage
from tollway.units import PicoDollars, UtcSeconds

FREE: PicoDollars = PicoDollars(0)


def _covers(price: Price, minute: int) -> bool:
    if price.hours is None:
        return True
    start, end = price.hours
    if start <= end:
        return start <= minute < end
    return minute >= start or minute < end


def price_at(prices: Sequence[Price], tier: Tier, utc: UtcSeconds) -> Price | None:
    """The price that holds at `utc` in `tier`; None where nothing is declared for that moment.

    Of the prices of that tier that have begun and cover the minute, the latest `since` wins, and
    on one date a price with hours wins over one without. A tier without a price of its own is
    charged as standard.
    """
    at = datetime.fromtimestamp(utc, UTC)
    today, minute = at.date(), at.hour * 60 + at.minute
    for wanted in (tier, "standard"):
        holding = [
            price
            for price in prices
            if price.tier == wanted and price.since <= today and _covers(price, minute)
        ]
        if holding:
            return max(holding, key=lambda price: (price.since, price.hours is not None))
    return None


def cost_of(price: Price | None, usage: Usage) -> PicoDollars:
    """Exact cost in pico-dollars. `usage.input` includes cached and cache-write tokens, which are
    charged at their own prices instead of the input price. No price is free."""
    if price is None:
        return FREE
    cached, written = usage.cached_input, usage.cache_write
    if not (cached or written):
        return plain_cost(price, usage.input, usage.output)
    fresh = usage.input - cached - written
    return PicoDollars(
        fresh * price.input
        + cached * price.cached_input
        + written * price.cache_write
        + usage.output * price.output
        + price.request
    )


def plain_cost(price: Price | None, given: int, output: int) -> PicoDollars:
    """`cost_of` so many tokens of input, none of them cached or written to a cache, and output."""
    if price is None:
        return FREE
    return PicoDollars(given * price.input + output * price.output + price.request)
