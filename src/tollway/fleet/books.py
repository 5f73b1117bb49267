"""What tenants are charged, as frozen objects: price books, their dated terms, rates and steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from tollway.fleet.tiers import Tier
from tollway.units import PartsPerMillion, PicoDollars

Kind = Literal["input", "cached_input", "cache_write", "output", "request"]
"""What is counted: tokens of a kind, or requests that were answered."""

KINDS: tuple[Kind, ...] = ("input", "cached_input", "cache_write", "output", "request")


@dataclass(frozen=True, slots=True)
class Step:
    """A price, pico-dollars each, for what a month counts up to `up_to`; None is without end."""

    up_to: int | None
    price: PicoDollars


@dataclass(frozen=True, slots=True)
class Rate:
    """What usage is charged at that `model`, `source` and `tier` fit; None fits every one.

    One of `markup` and `ladders` is given. `markup` comes on top of what the usage cost. A ladder
    holds the steps of one kind, from the first to one without end; a kind of token without a ladder
    is counted as input.
    """

    model: str | None
    source: str | None
    tier: Tier | None
    markup: PartsPerMillion | None
    ladders: Mapping[Kind, tuple[Step, ...]]


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds from a month on. `monthly` is due in a month in which the tenant asked for
    anything; charges up to `included` are covered by it. `markup` is for what no rate fits."""

    since: date
    monthly: PicoDollars
    included: PicoDollars
    markup: PartsPerMillion
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Terms by date, the earliest first."""

    name: str
    terms: tuple[Terms, ...]

    def at(self, month: date) -> Terms | None:
        """The terms of the month that begins on `month`; None before the first."""
        holding = [terms for terms in self.terms if terms.since <= month]
        return holding[-1] if holding else None
