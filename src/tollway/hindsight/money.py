"""What a call cost: as its log states, or its tokens at the catalogue's price of that day.

Rules
1. What a log states wins over the catalogue, unless it states nothing: a proxy that doesn't know a
   price writes 0.
2. A model without a known price has no cost; none is guessed. An engine of one's own has none
   either: its tokens are not bought one by one.
3. A tier is a share of the standard price where the provider publishes one; else it counts as
   standard, and is counted as such.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, Literal

from tollway.catalog.prices import PricedModel, Rates, price_providers, priced_model
from tollway.fleet.tiers import Tier
from tollway.hindsight.records import Call
from tollway.hindsight.vllm import TOOL as VLLM
from tollway.units import PicoDollars

Basis = Literal["stated", "priced", "unpriced"]

HOUR_WRITE: Final = 2
"""Anthropic charges a cache write that lives an hour at twice the price of input;
https://docs.claude.com/en/docs/build-with-claude/prompt-caching"""

TIER_PERCENT: Final[dict[tuple[str, Tier], int]] = {
    ("anthropic", "batch"): 50,
    ("openai", "batch"): 50,
    ("openai", "flex"): 50,
    ("google", "batch"): 50,
}
"""Percent of the standard price; https://docs.claude.com/en/docs/build-with-claude/batch-processing,
https://platform.openai.com/docs/guides/batch, https://platform.openai.com/docs/guides/flex-processing,
https://ai.google.dev/gemini-api/docs/batch-api"""

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
    price is known; `standard` says that its tier was priced as standard (rule 3)."""

    amount: PicoDollars | None
    basis: Basis
    rates: Rates | None = None
    standard: bool = False


@dataclass(slots=True)
class Prices:
    """The catalogue's prices, and which of them were used. `own` are models priced by hand."""

    _models: dict[tuple[str | None, str], PricedModel | None] = field(
        default_factory=dict[tuple[str | None, str], PricedModel | None]
    )

    def model(self, call: Call) -> PricedModel | None:
        """The catalogue's entry for what answered a call."""
        key = (call.provider, call.model)
        if key not in self._models:
            provider = None if call.tool == VLLM else provider_of(call)
            known = provider in price_providers()
            self._models[key] = priced_model(provider, call.model) if provider and known else None
        return self._models[key]

    def cost(self, call: Call) -> Cost:
        """What a call cost."""
        model = self.model(call)
        rates = None if model is None else rates_at(model, call)
        if call.stated:
            return Cost(call.stated, "stated", rates)
        if model is None or rates is None:
            return Cost(None, "unpriced")
        percent = TIER_PERCENT.get((model.provider, call.tier))
        amount = charge(call, rates) * (percent or 100) // 100
        standard = percent is None and call.tier != "standard"
        return Cost(PicoDollars(amount), "priced", rates, standard)

    def taken(self) -> date | None:
        """The day on which the oldest of the prices used was read."""
        return min((model.taken for model in self._models.values() if model), default=None)


def rates_at(model: PricedModel, call: Call) -> Rates | None:
    """A model's rates for a call: of its day, and of its prompt's length where one is told."""
    price = model.at(day_of(call.at))
    if price is None:
        return None
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
        + call.write_1h * hour_rate(call, rates)
        + call.output * rates.output
    )


def hour_rate(call: Call, rates: Rates) -> int:
    """Pico-dollars a token that was written to live an hour."""
    return HOUR_WRITE * rates.input if call.write_1h else rates.cache_write


def day_of(at: float) -> date:
    """The UTC day of a moment."""
    return datetime.fromtimestamp(at, UTC).date()


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
