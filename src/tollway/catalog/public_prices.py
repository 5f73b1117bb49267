"""Public prices by date, out of data of the form of github.com/pydantic/genai-prices.

Rules
1. Prices are exact: a number that is finer than a pico-dollar a token is no price that can be used.
2. Of a model's prices those that have begun hold from the last one on, as that project defines it;
   prices for hours of the day that come after it hold in those hours.
3. What a fleet file cannot say (a price by the prompt's length) is told apart, never taken for the
   price of short prompts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, cast

from tollway.errors import Fault, FaultsFound
from tollway.units import PicoDollars, pico_from_usd, pico_per_token

Table = Mapping[str, Any]

_TOKENS = {
    "input": "input_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "output": "output_mtok",
}
_TIERS = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
}
STANDARD = "standard"


@dataclass(frozen=True, slots=True)
class PublicPrice:
    """A price in one tier, from `since` on (None: since ever), in `hours` as minutes of the UTC day
    (None: the whole day). Pico-dollars a token; `request` is pico-dollars a request."""

    tier: str
    since: date | None
    hours: tuple[int, int] | None
    input: PicoDollars
    cached_input: PicoDollars
    cache_write: PicoDollars
    output: PicoDollars
    request: PicoDollars


@dataclass(frozen=True, slots=True)
class PublicModel:
    """A model as a provider sells it; `prices` and `variants` are as the data has them."""

    provider: str
    name: str
    prices: Sequence[Table]
    variants: Sequence[Table]

    def on(self, day: date) -> Mapping[str, tuple[PublicPrice, ...]] | None:
        """The prices that hold on a day by tier, in order of their hours; None where they depend on
        the prompt's length, or are finer than can be said (rules 1 and 3)."""
        by_tier: dict[str, list[tuple[Table | None, Table]]] = {
            STANDARD: [(it.get("constraint"), it["prices"]) for it in self.prices]
        }
        for variant in self.variants:
            when = cast("Table", variant["when"])
            tier = _TIERS.get(next(iter(when.items()))) if len(when) == 1 else None
            if tier is not None:
                entry = variant.get("constraint"), variant["prices"]
                by_tier.setdefault(tier, []).append(entry)
        found: dict[str, tuple[PublicPrice, ...]] = {}
        for tier, entries in by_tier.items():
            holding = _holding(entries, day)
            prices = [_price(tier, constraint, table) for constraint, table in holding]
            known = tuple(it for it in prices if it is not None)
            if len(known) < len(prices):
                return None
            if known and known[0].hours is None:
                found[tier] = known
        return found


@dataclass(frozen=True, slots=True)
class PublicPrices:
    """All of the data, and where it is from in words."""

    origin: str
    providers: Sequence[Table]

    def model(self, url: str, name: str) -> PublicModel | None:
        """The model that a source at `url` calls `name`; None where it is not known."""
        for provider in self.providers:
            if re.match(str(provider["api_pattern"]), url):
                for model in cast("Sequence[Table]", provider["models"]):
                    if _matches(model["match"], name) or _matches(model["match"], name.lower()):
                        return _model(str(provider["id"]), model)
        return None

    def knows(self, url: str) -> bool:
        """Whether the provider behind a URL is in the data."""
        return any(re.match(str(it["api_pattern"]), url) for it in self.providers)


def public_prices(providers: object, origin: str) -> PublicPrices:
    """The prices in data of that form.

    Raises:
        FaultsFound: it is of another form.
    """
    mend = "Name a file of genai-prices, such as its data.json."
    if not isinstance(providers, list) or not providers:
        raise FaultsFound([Fault(origin, "is not a list of providers", mend)])
    for provider in cast("list[Any]", providers):
        if not isinstance(provider, dict) or not {"id", "api_pattern", "models"} <= set(
            cast("Table", provider)
        ):
            problem = "holds an entry without id, api_pattern or models"
            raise FaultsFound([Fault(origin, problem, mend)])
    return PublicPrices(origin, cast("list[Table]", providers))


def _model(provider: str, model: Table) -> PublicModel:
    prices = model["prices"]
    listed = cast("list[Table]", prices) if isinstance(prices, list) else [{"prices": prices}]
    variants = cast("Sequence[Table]", model.get("price_variants") or ())
    return PublicModel(provider, str(model["id"]), listed, variants)


def _matches(clause: Table, name: str) -> bool:
    for kind, value in clause.items():
        if kind in ("or", "or_", "and", "and_"):
            each = [_matches(inner, name) for inner in cast("Sequence[Table]", value)]
            return any(each) if kind.startswith("or") else all(each)
        word = str(value)
        if kind == "equals":
            return name == word
        if kind == "starts_with":
            return name.startswith(word)
        if kind == "ends_with":
            return name.endswith(word)
        if kind == "contains":
            return word in name
        if kind == "regex":
            return re.search(word, name) is not None
    return False


def _holding(
    entries: Sequence[tuple[Table | None, Table]], day: date
) -> list[tuple[Table | None, Table]]:
    """The last that has begun, and those for hours that come after it (rule 2)."""
    held: list[tuple[Table | None, Table]] = []
    for constraint, table in entries:
        if constraint is not None and "start_time" in constraint:
            held.append((constraint, table))
        elif constraint is None or _day(constraint["start_date"]) <= day:
            held = [(constraint, table)]
    return held


def _price(tier: str, constraint: Table | None, table: Table) -> PublicPrice | None:
    limits = constraint or {}
    since = _day(limits["start_date"]) if "start_date" in limits else None
    hours = None
    if "start_time" in limits:
        hours = _minute(limits["start_time"]), _minute(limits["end_time"])
    try:
        tokens = {name: _per_token(table.get(key)) for name, key in _TOKENS.items()}
        thousand = _number(table.get("requests_kcount")) or Decimal(0)
        request = pico_from_usd(thousand / 1000)
    except ValueError:
        return None
    if tokens["input"] is None and tokens["output"] is None:
        return None
    # A kind of input without a price of its own is charged as input, as a fleet file has it.
    paid = tokens["input"] or PicoDollars(0)
    return PublicPrice(
        tier=tier,
        since=since,
        hours=hours,
        input=paid,
        cached_input=paid if tokens["cached_input"] is None else tokens["cached_input"],
        cache_write=paid if tokens["cache_write"] is None else tokens["cache_write"],
        output=tokens["output"] or PicoDollars(0),
        request=request,
    )


def _per_token(value: object) -> PicoDollars | None:
    number = _number(value)
    return None if number is None else pico_per_token(number)


def _number(value: object) -> Decimal | None:
    """Raises ValueError where it is a price by the prompt's length."""
    if value is None:
        return None
    if isinstance(value, Decimal | int):
        return Decimal(value)
    raise ValueError("not one price")


def _day(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _minute(value: object) -> int:
    at = value if isinstance(value, time) else time.fromisoformat(str(value))
    return at.hour * 60 + at.minute
