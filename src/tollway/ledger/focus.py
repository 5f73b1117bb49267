"""The ledger's lines in the columns of FOCUS 1.4, the FinOps cost and usage specification.

Rules
1. Each day's cost at each source and model is a row: what a provider charges the house. The rows of
   a month add up to what the ledger settled.
2. What the ledger does not know is null, never made up. Our own columns begin with x_.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from tollway.ledger.query import UsageRow
from tollway.units import usd

BY = ("day", "tenant", "source", "model", "tier")
"""What the usage must be grouped by, in this order."""

UNKNOWN = "Unknown"
"""For the names that FOCUS does not allow to be null."""

_COUNTS = {
    "x_Requests": "requests",
    "x_EstimatedRequests": "estimated",
    "x_InputTokens": "input",
    "x_CachedInputTokens": "cached_input",
    "x_CacheWriteTokens": "cache_write",
    "x_OutputTokens": "output",
    "x_ReasoningTokens": "reasoning",
}

_ALWAYS: Mapping[str, str | None] = MappingProxyType(
    {
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeFrequency": "Usage-Based",
        "ConsumedUnit": "Tokens",
        "PricingUnit": "Tokens",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Model inference",
        "ServiceSubcategory": "Generative AI",
    }
)

COLUMNS = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency"),
    *("BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass"),
    *("ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart"),
    *("ConsumedQuantity", "ConsumedUnit", "ContractedCost", "EffectiveCost", "HostProviderName"),
    *("InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit", "RegionId", "RegionName"),
    *("ServiceCategory", "ServiceName", "ServiceProviderName", "ServiceSubcategory"),
    *("SubAccountId", "SubAccountName"),
    *("x_Source", "x_Model", "x_ServiceTier"),
    *_COUNTS,
)
"""FOCUS's own in its order, then ours."""


@dataclass(frozen=True, slots=True)
class Seller:
    """Who a source is: its vendor's name, and the region where it is."""

    vendor: str
    region: str | None


Row = Mapping[str, str | None]


def focus_rows(usage: Iterable[UsageRow], sellers: Mapping[str, Seller]) -> Iterator[Row]:
    """A row for each group of usage (by `BY`) that used or cost anything. A source that `sellers`
    does not hold goes by its own name."""
    for row in usage:
        totals = row.totals
        if totals.cost or totals.input or totals.output:
            yield _row(row, sellers)


def _row(row: UsageRow, sellers: Mapping[str, Seller]) -> Row:
    day, tenant, source, model, tier = row.group
    first = date.fromisoformat(day or "1970-01-01")
    month = first.replace(day=1)
    after = (month + timedelta(days=32)).replace(day=1)
    seller = sellers.get(source or "") or Seller(source or UNKNOWN, None)
    cost = f"{usd(row.totals.cost):f}"
    tokens = f"{row.totals.input + row.totals.output}"
    words = f"{model or 'an unknown model'} at {source or 'an unknown source'}"
    facts: dict[str, str | None] = {
        **_ALWAYS,
        "BilledCost": cost,
        "BillingAccountId": source or UNKNOWN,
        "BillingAccountName": source,
        "BillingPeriodEnd": _at(after),
        "BillingPeriodStart": _at(month),
        "ChargeDescription": f"Tokens of {words}" + (f", tier {tier}" if tier else ""),
        "ChargePeriodEnd": _at(first + timedelta(days=1)),
        "ChargePeriodStart": _at(first),
        "ConsumedQuantity": tokens,
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "HostProviderName": seller.vendor,
        "InvoiceIssuerName": seller.vendor,
        "ListCost": cost,
        "PricingQuantity": tokens,
        "RegionId": seller.region,
        "RegionName": seller.region,
        "ServiceProviderName": seller.vendor,
        "SubAccountId": tenant,
        "SubAccountName": tenant,
    }
    facts |= {"x_Source": source, "x_Model": model, "x_ServiceTier": tier}
    facts |= {name: f"{getattr(row.totals, key)}" for name, key in _COUNTS.items()}
    return {name: facts[name] for name in COLUMNS}


def _at(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
