"""What the same tokens would have cost from another model, source or tier.

Rules
1. The same tokens are assumed: another model counts a text in other tokens, and says more or less.
2. The same share of each prompt is assumed to be read from a cache, at the other's price for that;
   where it has none, at its price of input.
3. Prices are those of `day` throughout, so that a change of price does not look like a difference.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import msgspec

from tollway.catalog.prices import PricedModel, priced_model
from tollway.fleet.tiers import Tier
from tollway.hindsight.money import TIER_PERCENT, Prices, charge
from tollway.hindsight.records import Call
from tollway.units import Tokens

TIERS: Final[tuple[Tier, ...]] = ("batch", "flex")


@dataclass(frozen=True, slots=True)
class Instead:
    """One alternative: its amount in pico-dollars, and calls whose prompt it could not take."""

    name: str
    amount: int
    too_long: int = 0


def priced_now(calls: Iterable[Call], prices: Prices, day: date) -> tuple[list[Call], int]:
    """The calls whose model has a price, and their cost at the prices of `day`, in their tiers."""
    kept: list[Call] = []
    amount = 0
    for call in calls:
        model = prices.model(call)
        price = None if model is None else model.at(day)
        if model is not None and price is not None:
            kept.append(call)
            percent = TIER_PERCENT.get((model.provider, call.tier), 100)
            amount += charge(call, price.of(_prompt(call))) * percent // 100
    return kept, amount


def in_tier(calls: Iterable[Call], prices: Prices, day: date) -> dict[str, tuple[int, int]]:
    """Tier -> (the cost as it is of what it is sold for, the cost of all with that in it)."""
    found: dict[str, tuple[int, int]] = {}
    rows: list[tuple[str, int, int]] = []
    for call in calls:
        model = prices.model(call)
        price = None if model is None else model.at(day)
        if model is not None and price is not None:
            percent = TIER_PERCENT.get((model.provider, call.tier), 100)
            rows.append((model.provider, charge(call, price.of(_prompt(call))), percent))
    for tier in TIERS:
        sold = amount = 0
        for provider, full, percent in rows:
            less = TIER_PERCENT.get((provider, tier))
            sold += full * percent // 100 if less is not None else 0
            amount += full * min(percent, less or 100) // 100
        if sold:
            found[tier] = (sold, amount)
    return found


def models_instead(
    calls: Sequence[Call], wanted: Iterable[tuple[str, str]], day: date
) -> list[Instead]:
    """What each (provider, model) of the catalogue would have cost for all the calls, cheapest
    first; those without a price are left out."""
    found: list[Instead] = []
    for provider, name in wanted:
        model = priced_model(provider, name)
        if model is not None and model.at(day) is not None:
            found.append(_instead(calls, model, day))
    return sorted(found, key=lambda one: (one.amount, one.name))


def _instead(calls: Sequence[Call], model: PricedModel, day: date) -> Instead:
    price = model.at(day)
    assert price is not None  # noqa: S101 - asked before
    amount = sum(charge(_plain(call), price.of(_prompt(call))) for call in calls)
    limit = model.context
    return Instead(f"{model.provider}:{model.name}", amount, _too_long(calls, limit))


def _too_long(calls: Sequence[Call], limit: Tokens | None) -> int:
    if limit is None:
        return 0
    return sum(call.period is None and call.input + call.output > limit for call in calls)


def _plain(call: Call) -> Call:
    """The call with all that it wrote to a cache written the usual way."""
    if not call.write_1h:
        return call
    return msgspec.structs.replace(call, write=call.write + call.write_1h, write_1h=0)


def _prompt(call: Call) -> int:
    """The prompt's length as prices by length see it; a row of many calls has none."""
    return call.input if call.period is None else 0
