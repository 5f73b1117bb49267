"""Public token prices by provider, model and day, from the packaged files.

Rules
1. A name is matched by the pattern that says most of it: a whole name before any with a star or
   `/a regex/`, then the longest. A star stands for a date or a word and never for a further version
   (`-5` of `opus-5-5`). Where no pattern matches there is no price, and none is guessed.
2. Of a model's prices in a tier the latest that has begun holds.
3. A prompt above `above` tokens is charged the `long` prices in all its parts.
4. Parts without a price of their own (cache reads and writes) are charged as input, and a write
   that lives an hour as one of the usual life.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from tollway.units import PicoDollars, Tokens, pico_from_usd, pico_per_token

Tier = Literal["standard", "flex", "batch", "priority"]


@dataclass(frozen=True, slots=True)
class Rates:
    """Pico-dollars a token."""

    input: PicoDollars
    cached_input: PicoDollars
    cache_write: PicoDollars
    cache_write_1h: PicoDollars
    output: PicoDollars


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """What a model costs in a tier from `since` on (None: from its first day); rule 3. `search` is
    pico-dollars a web search, None where that is not known."""

    since: date | None
    tier: Tier
    rates: Rates
    above: Tokens | None
    long: Rates | None
    search: PicoDollars | None

    def of(self, prompt: int) -> Rates:
        """The rates of a request with so many input tokens."""
        if self.long is None or self.above is None or prompt <= self.above:
            return self.rates
        return self.long


@dataclass(frozen=True, slots=True)
class PricedModel:
    """A model as a provider sells it. `taken` is the day on which `source` was read."""

    provider: str
    name: str
    match: tuple[str, ...]
    context: Tokens | None
    prices: tuple[TokenPrice, ...]
    source: str
    taken: date

    def at(self, day: date, tier: Tier = "standard") -> TokenPrice | None:
        """The price on a day; None where none has begun in that tier (rule 2)."""
        begun = [
            one
            for one in self.prices
            if one.tier == tier and (one.since is None or one.since <= day)
        ]
        return max(begun, key=lambda one: one.since or date.min, default=None)


_ENDING = ".toml"


@cache
def price_providers() -> tuple[str, ...]:
    """The providers whose prices are known, sorted."""
    entries = (files("tollway.catalog") / "prices").iterdir()
    names = (entry.name for entry in entries)
    return tuple(sorted(n.removesuffix(_ENDING) for n in names if n.endswith(_ENDING)))


@cache
def priced_models(provider: str) -> tuple[PricedModel, ...]:
    """What a provider sells; empty where nothing is known of it."""
    if provider not in price_providers():
        return ()
    file = files("tollway.catalog") / "prices" / f"{provider}{_ENDING}"
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return tuple(_model(provider, table, tables) for table in tables["models"])


@cache
def priced_model(provider: str, name: str) -> PricedModel | None:
    """A provider's model by its name here, or one that a log uses (rule 1)."""
    lowered = name.lower()
    found = [
        ("*" not in pattern and pattern[0] != "/", len(pattern), model)
        for model in priced_models(provider)
        for pattern in (model.name.lower(), *model.match)
        if _matches(lowered, pattern)
    ]
    return max(found, key=lambda one: one[:2])[2] if found else None


_VERSION = re.compile(r"[-.]?\d{1,2}(?!\d)")


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("/"):
        return re.search(pattern.strip("/"), name) is not None
    return fnmatchcase(name, pattern) and not _is_newer(name, pattern)


def _is_newer(name: str, pattern: str) -> bool:
    """Whether the star at a pattern's end would stand for a further version."""
    _, begun, rest = name.partition(pattern.strip("*"))
    return pattern.endswith("*") and bool(begun) and _VERSION.match(rest) is not None


def _model(provider: str, table: Mapping[str, Any], tables: Mapping[str, Any]) -> PricedModel:
    return PricedModel(
        provider=provider,
        name=table["name"],
        match=tuple(table["match"]),
        context=table.get("context"),
        prices=tuple(map(_price, table["prices"])),
        source=tables["source"],
        taken=tables["date"],
    )


def _price(written: Mapping[str, Any]) -> TokenPrice:
    rates, long = _rates(written), written.get("long")
    search = written.get("searches")
    return TokenPrice(
        since=written.get("since"),
        tier=written.get("tier", "standard"),
        rates=rates,
        above=None if long is None else long["above"],
        # A part that is not dearer in long prompts is not written there.
        long=None if long is None else _rates({**written, **long}),
        search=None if search is None else pico_from_usd(Decimal(search) / 1000),
    )


def _rates(written: Mapping[str, Any]) -> Rates:
    def rate(*keys: str) -> PicoDollars:
        return pico_per_token(Decimal(next(written[key] for key in keys if key in written)))

    return Rates(
        input=rate("input"),
        cached_input=rate("cached_input", "input"),
        cache_write=rate("cache_write", "input"),
        cache_write_1h=rate("cache_write_1h", "cache_write", "input"),
        output=rate("output"),
    )
