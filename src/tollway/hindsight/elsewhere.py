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

from tollway.catalog.prices import PricedModel, priced_model
from tollway.fleet.tiers import Tier
from tollway.hindsight.money import Prices, charge
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
        if model is not None and prices.at(model, day) is not None:
            kept.append(call)
            amount += _in(call, model, prices, day, call.tier)
    return kept, amount


def in_tier(calls: Sequence[Call], prices: Prices, day: date) -> dict[str, tuple[int, int]]:
    """Tier -> (the cost as it is of what is sold in it, the cost of all with that in it)."""
    found: dict[str, tuple[int, int]] = {}
    for tier in TIERS:
        sold = amount = 0
        for call in calls:
            model = prices.model(call)
            if model is None:
                continue
            now = _in(call, model, prices, day, call.tier)
            there = prices.at(model, day, tier) is not None
            sold += now if there else 0
            amount += min(now, _in(call, model, prices, day, tier)) if there else now
        if sold:
            found[tier] = (sold, amount)
    return found


def _in(call: Call, model: PricedModel, prices: Prices, day: date, tier: Tier) -> int:
    """A call's cost in a tier, or as standard where the tier has no price."""
    price = prices.at(model, day, tier) or prices.at(model, day)
    return 0 if price is None else charge(call, price.of(_prompt(call)))


def models_instead(
    calls: Sequence[Call], wanted: Iterable[tuple[str, str]], day: date
) -> list[Instead]:
    """What each (provider, model) of the catalogue would have cost for all the calls as standard,
    cheapest first; those without a price are left out."""
    found: list[Instead] = []
    for provider, name in wanted:
        model = priced_model(provider, name)
        price = None if model is None else model.at(day)
        if model is not None and price is not None:
            amount = sum(charge(call, price.of(_prompt(call))) for call in calls)
            label = f"{model.provider}:{model.name}"
            found.append(Instead(label, amount, _too_long(calls, model.context)))
    return sorted(found, key=lambda one: (one.amount, one.name))


def _too_long(calls: Sequence[Call], limit: Tokens | None) -> int:
    if limit is None:
        return 0
    return sum(call.period is None and call.input + call.output > limit for call in calls)


def _prompt(call: Call) -> int:
    """The prompt's length as prices by length see it; a row of many calls has none."""
    return call.input if call.period is None else 0
