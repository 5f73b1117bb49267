"""What a request cost, line by line: tokens by kind times the price in force then.

Rules
1. What was booked is the truth. The lines are the fleet file's prices of that moment, as the file
   is now: where they give another amount than was booked, that is said and both are shown.
2. The parts add up to the ledger's cost of the request, to the pico-dollar.
"""

from dataclasses import dataclass
from typing import cast, get_args

from tollway.fleet.objects import Fleet, Price
from tollway.fleet.prices import cost_of, price_at
from tollway.fleet.tiers import Tier
from tollway.fleet.usage import Usage
from tollway.ledger.search import Line, Whole
from tollway.units import UtcSeconds, exact_usd

_TIERS = get_args(Tier)


@dataclass(frozen=True, slots=True)
class Item:
    """So many of a kind at a price each, in pico-dollars."""

    kind: str
    count: int
    price: int

    @property
    def amount(self) -> int:
        """What they come to."""
        return self.count * self.price


@dataclass(frozen=True, slots=True)
class Part:
    """What one attempt cost. `booked` is the ledger's; `items` are by the fleet file's price,
    `price`, None where it has none; `words` say what must be known, and `agrees` whether the items
    add up to what was booked."""

    title: str
    booked: int
    items: tuple[Item, ...]
    price: Price | None
    words: str
    agrees: bool

    @property
    def priced(self) -> int:
        """What the items come to."""
        return sum(item.amount for item in self.items)


def parts(fleet: Fleet, whole: Whole) -> tuple[Part, ...]:
    """The failed attempts, then the one that answered or was last tried."""
    line = whole.line
    began = line.reserved_utc if line.reserved_utc is not None else line.utc
    found: list[Part] = []
    for tried in whole.failed:
        began += tried.duration
        usage = Usage(tried.input, tried.cached_input, tried.cache_write, tried.output)
        title = f"Attempt {tried.attempt}, failed: {tried.model} at {tried.source}"
        price = _price(fleet, tried.source, tried.model, line.tier, began)
        found.append(_part(title, tried.cost, price, usage))
    own = Usage(line.input, line.cached_input, line.cache_write, line.output)
    if line.outcome == "abandoned":
        words = (
            "The gateway was killed while it ran: what was reserved is booked, and the tokens are "
            "those that were reserved for."
        )
        found.append(
            Part("Cut off by a crash", line.cost - line.failed_cost, (), None, words, True)
        )
        return tuple(found)
    if line.source is not None:
        price = _price(fleet, line.source, line.model or "", line.tier, line.utc)
        title = f"{'Answer' if line.outcome == 'completed' else 'Last attempt'}: "
        title += f"{line.model} at {line.source}"
        found.append(_part(title, line.cost - line.failed_cost, price, own))
    return tuple(found)


def _price(fleet: Fleet, source: str, model: str, tier: str | None, utc: float) -> Price | str:
    """The price that holds by the file as it is now, or why there is none."""
    known = fleet.sources.get(source)
    if known is None:
        return f'The fleet file no longer has the source "{source}": its prices are not known here.'
    serving = known.serves.get(model)
    if serving is None:
        return f'By the fleet file "{source}" no longer serves "{model}": no price is known here.'
    named = cast("Tier", tier) if tier in _TIERS else "standard"
    price = price_at(serving.prices, named, UtcSeconds(utc))
    return price or "The fleet file declares no price for that moment: it cost nothing."


def _part(title: str, booked: int, price: Price | str, usage: Usage) -> Part:
    if not usage.input + usage.output and not booked:
        return Part(title, 0, (), None, "It used nothing, and nothing is charged.", True)
    if isinstance(price, str):
        return Part(title, booked, (), None, price, booked == 0)
    items = _items(price, usage)
    priced = cost_of(price, usage)
    if priced == booked:
        return Part(title, booked, items, price, "", True)
    if booked == 0:
        words = (
            "Nothing was booked: prepaid tokens covered it, or no price was declared then. At the "
            f"fleet file's price it would have been {exact_usd(priced)}."
        )
        return Part(title, booked, items, price, words, False)
    words = (
        f"The fleet file as it is now gives {exact_usd(priced)} for that moment; booked were "
        f"{exact_usd(booked)}. The file's prices were changed since. What is booked counts."
    )
    return Part(title, booked, items, price, words, False)


def _items(price: Price, usage: Usage) -> tuple[Item, ...]:
    """`cost_of`, taken apart."""
    fresh = usage.input - usage.cached_input - usage.cache_write
    items = (
        Item("input tokens", fresh, price.input),
        Item("cached input tokens", usage.cached_input, price.cached_input),
        Item("cache write tokens", usage.cache_write, price.cache_write),
        Item("output tokens", usage.output, price.output),
        Item("request", 1, price.request),
    )
    return tuple(item for item in items if item.count and (item.price or item.kind != "request"))


def price_words(price: Price) -> str:
    """Which price that is."""
    words = f"{price.tier} price, in force since {price.since}"
    if price.hours is None:
        return words
    first, last = (f"{minute // 60:02}:{minute % 60:02}" for minute in price.hours)
    return f"{words}, {first} to {last} UTC"


def difference(line: Line) -> str | None:
    """What was reserved beside what was settled; None where nothing was reserved."""
    if line.reserved is None:
        return None
    rest = line.reserved - line.cost
    if rest >= 0:
        return f"{exact_usd(line.reserved)} were reserved, {exact_usd(rest)} of it given back."
    return (
        f"{exact_usd(line.reserved)} were reserved; the answer outgrew that by {exact_usd(-rest)}."
    )
