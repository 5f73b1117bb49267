"""The fleet file's price books as pydantic models: see `schema` for the rules.

Rules
1. Terms are dated and hold for whole months: what was charged before a change stays as it was.
"""

from typing import Annotated, Literal

from pydantic import Field

from tollway.fleet.fields import Count, Day, Markup, Money, Text, TokenPrice
from tollway.fleet.table import Table, key
from tollway.fleet.tiers import Tier


class StepTable(Table):
    """A price for the first part of what a month counts of one kind. "0" is volume included."""

    of: Literal["input", "cached_input", "cache_write", "output"] = key("Which tokens it prices.")
    up_to: Count = key("The tokens a month at which it ends, for each tenant and model.")
    price: TokenPrice = key("USD a million tokens.")


class RateTable(Table):
    """What usage is charged that fits the keys written. The one that names the model holds before
    one that does not, then the one that names the source, then the tier."""

    model: Text | None = key("The model that answered; any unless written.", None)
    source: Text | None = key("The source that answered; any unless written.", None)
    tier: Tier | None = key("The service tier; any unless written.", None)
    markup: Markup | None = key(
        'On top of cost, as a share: "0.20" is a fifth. Instead of prices.', None
    )
    input: TokenPrice | None = key("Input tokens, USD a million, beyond the steps.", None)
    cached_input: TokenPrice | None = key(
        "Input read from a provider's cache; counted as `input` unless written.", None
    )
    cache_write: TokenPrice | None = key(
        "Input written to a provider's cache; counted as `input` unless written.", None
    )
    output: TokenPrice | None = key("Output tokens, USD a million, beyond the steps.", None)
    request: Money | None = key("Each request that was answered, in USD.", None)
    steps: list[StepTable] = key("Other prices for a month's first tokens, in order.", [])


class TermsTable(Table):
    """What a price book charges from a month on."""

    since: Day = key("The first UTC day of the month from which it holds.")
    monthly: Money = key("A fee for each month in which the tenant asked for anything.", "0")
    included: Money = key("Charges of a month that the fee covers.", "0")
    markup: Markup = key("On top of cost, as a share, for what no rate fits.", "0")
    rates: Annotated[list[RateTable], Field(max_length=1000)] = key("Charges of their own.", [])
