"""What a call cost: as its log states, or its tokens at the catalogue's price of that day.

Rules
1. What a log states wins over the catalogue, unless it states nothing: a proxy that doesn't know a
   price writes 0.
2. A model without a known price has no cost; none is guessed. An engine of one's own has none
   either: its tokens are not bought one by one.
3. A tier costs what the provider publishes for it; where that is not known it counts as standard,
   and is counted as such.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from tollway.catalog.prices import (
    PricedModel,
    Rates,
    TokenPrice,
    price_providers,
    priced_model,
)
from tollway.fleet.tiers import Tier
from tollway.hindsight.records import Call
from tollway.hindsight.vllm import TOOL as VLLM
from tollway.units import PicoDollars

Basis = Literal["stated", "priced", "unpriced"]

ALIASES: Final[dict[str, str]] = {
    "gemini": "google",
    "vertex_ai": "google",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "xai": "x-ai",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "moonshot": "moonshotai",
    "zai": "zhipuai",
}
"""Other names of providers -> the catalogue's."""

MAKERS: Final[tuple[tuple[str, str], ...]] = (
    ("claude", "anthropic"),
    ("gpt-", "openai"),
    ("codex", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("gemini", "google"),
    ("deepseek", "deepseek"),
    ("grok", "x-ai"),
    ("kimi", "moonshotai"),
    ("glm", "zhipuai"),
    ("minimax", "minimax"),
    ("mistral", "mistral"),
)
"""How a model's name begins -> who sells it, for logs that don't name a provider."""


def provider_of(call: Call) -> str | None:
    """The catalogue's name of who answered; None where nothing tells."""
    if call.provider is not None:
        return ALIASES.get(call.provider, call.provider)
    model = call.model.lower()
    return next((maker for start, maker in MAKERS if model.startswith(start)), None)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call cost. `rates` are those of the day and of the prompt's length, None where no
    price is known; `standard` says that its tier was priced as standard (rule 3); `searches` counts
    web searches that are not in it."""

    amount: PicoDollars | None
    basis: Basis
    rates: Rates | None = None
    standard: bool = False
    searches: int = 0


@dataclass(slots=True)
class Prices:
    """The catalogue's prices, and which of them were used."""

    _models: dict[tuple[str | None, str], PricedModel | None] = field(
        default_factory=dict[tuple[str | None, str], PricedModel | None]
    )
    _prices: dict[tuple[str, str, date, Tier], TokenPrice | None] = field(
        default_factory=dict[tuple[str, str, date, Tier], TokenPrice | None]
    )

    def model(self, call: Call) -> PricedModel | None:
        """The catalogue's entry for what answered a call."""
        key = (call.provider, call.model)
        if key not in self._models:
            provider = None if call.tool == VLLM else provider_of(call)
            known = provider in price_providers()
            self._models[key] = priced_model(provider, call.model) if provider and known else None
        return self._models[key]

    def at(self, model: PricedModel, day: date, tier: Tier = "standard") -> TokenPrice | None:
        """A model's price on a day, looked up once."""
        key = model.provider, model.name, day, tier
        if key not in self._prices:
            self._prices[key] = model.at(day, tier)
        return self._prices[key]

    def cost(self, call: Call) -> Cost:
        """What a call cost."""
        model = self.model(call)
        if model is None:
            return _without_price(call)
        day = day_of(call.at)
        usual = self.at(model, day)
        price = usual if call.tier == "standard" else self.at(model, day, call.tier) or usual
        if price is None:
            return _without_price(call)
        rates = rates_of(price, call)
        if call.stated:
            return Cost(call.stated, "stated", rates)
        search = None if usual is None else usual.search
        amount = PicoDollars(charge(call, rates) + call.searches * (search or 0))
        left_out = call.searches if search is None else 0
        return Cost(amount, "priced", rates, price.tier != call.tier, left_out)

    def taken(self) -> date | None:
        """The day on which the oldest of the prices used was read."""
        return min((model.taken for model in self._models.values() if model), default=None)


def _without_price(call: Call) -> Cost:
    if call.stated:
        return Cost(call.stated, "stated")
    return Cost(None, "unpriced", searches=call.searches)


def rates_of(price: TokenPrice, call: Call) -> Rates:
    """The rates of a call, by its prompt's length where one is told."""
    if call.long is not None:
        return price.long if call.long and price.long else price.rates
    return price.rates if call.period is not None else price.of(call.input)


def charge(call: Call, rates: Rates) -> int:
    """A call's tokens at some rates, in pico-dollars."""
    fresh = call.input - call.cached - call.write - call.write_1h
    return (
        fresh * rates.input
        + call.cached * rates.cached_input
        + call.write * rates.cache_write
        + call.write_1h * rates.cache_write_1h
        + call.output * rates.output
    )


EPOCH: Final = date(1970, 1, 1).toordinal()
DAY: Final = 86_400


def day_of(at: float) -> date:
    """The UTC day of a moment; the first of all days for what lies before it."""
    return date.fromordinal(max(1, EPOCH + int(at // DAY)))


@dataclass(slots=True)
class Totals:
    """Sums of calls. `amount` is of those with a cost; `unpriced` counts requests without one."""

    requests: int = 0
    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    reasoning: int = 0
    amount: int = 0
    stated: int = 0
    unpriced: int = 0
    unpriced_tokens: int = 0

    def add(self, call: Call, cost: Cost) -> None:
        """One more."""
        self.requests += call.requests
        self.input += call.input
        self.cached += call.cached
        self.written += call.write + call.write_1h
        self.output += call.output
        self.reasoning += call.reasoning
        if cost.amount is None:
            self.unpriced += call.requests
            self.unpriced_tokens += call.input + call.output
            return
        self.amount += cost.amount
        if cost.basis == "stated":
            self.stated += cost.amount


DIMENSIONS: Final = ("day", "model", "project", "tool")


def key_of(call: Call, by: Iterable[str]) -> tuple[str, ...]:
    """The group of a call, in the dimensions asked for."""
    return tuple(_word(call, dimension) for dimension in by)


def _word(call: Call, dimension: str) -> str:
    if dimension == "day":
        return day_of(call.at).isoformat()
    if dimension == "model":
        return call.model
    return call.tool if dimension == "tool" else call.project or "-"
