"""What a request cost, line by line: tokens by kind times the price in force then.

Rules
1. What was booked is the truth. The lines are the fleet file's prices of that moment, as the file
   is now: where they give another amount than was booked, the rest is a line of its own.
2. The lines of a part add up to what was booked for it, and the parts to the ledger's cost of the
   request, to the pico-dollar.
3. The ledger has no moment of a failed attempt: it lies between what it surely took and the end of
   the request, and the price is the one of the two that gives what was booked.
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
    `price`, None where it has none; `words` say what must be known."""

    title: str
    booked: int
    items: tuple[Item, ...]
    price: Price | None
    words: str

    @property
    def priced(self) -> int:
        """What the items come to."""
        return sum(item.amount for item in self.items)

    @property
    def rest(self) -> int:
        """What was booked beyond the items; below zero where they come to more."""
        return self.booked - self.priced


@dataclass(frozen=True, slots=True)
class _Tried:
    """An attempt: where, at which tier, between which moments, what it used and what is booked."""

    source: str
    model: str
    tier: str | None
    moments: tuple[float, ...]
    usage: Usage
    booked: int


def parts(fleet: Fleet, whole: Whole) -> tuple[Part, ...]:
    """The failed attempts, then the one that answered or was cut off."""
    line = whole.line
    began = line.reserved_utc if line.reserved_utc is not None else line.utc
    found: list[Part] = []
    for one in whole.failed:
        began = min(began + one.duration, line.utc)
        usage = Usage(one.input, one.cached_input, one.cache_write, one.output, one.reasoning)
        moments = began, line.utc
        tried = _Tried(one.source, one.model, line.tier, moments, usage, one.cost)
        found.append(
            _part(f"Attempt {one.attempt}, failed: {one.model} at {one.source}", fleet, tried)
        )
    own = line.cost - line.failed_cost
    if line.outcome == "abandoned":
        words = (
            "The gateway was killed while it ran: what was reserved is booked, and the tokens are "
            "those that were reserved for."
        )
        found.append(Part("Cut off by a crash", own, (), None, words))
    elif line.source is not None and (line.attempts > len(whole.failed) or own):
        answered = "Answer" if line.outcome == "completed" else "Last attempt"
        usage = Usage(line.input, line.cached_input, line.cache_write, line.output, line.reasoning)
        model = line.model or ""
        tried = _Tried(line.source, model, line.tier, (line.utc,), usage, own)
        found.append(_part(f"{answered}: {model} at {line.source}", fleet, tried))
    return tuple(found)


def _part(title: str, fleet: Fleet, tried: _Tried) -> Part:
    booked, usage = tried.booked, tried.usage
    if not usage.input + usage.output and not booked:
        return Part(title, 0, (), None, "It used nothing, and nothing is charged.")
    price = _price(fleet, tried)
    if isinstance(price, str):
        return Part(title, booked, (), None, price)
    items = _items(price, usage)
    priced = cost_of(price, usage)
    if priced == booked:
        return Part(title, booked, items, price, "")
    if booked == 0:
        words = (
            "Nothing was booked: prepaid tokens covered it, or no price was declared then. At the "
            f"fleet file's price it would have been {exact_usd(priced)}."
        )
        return Part(title, booked, items, price, words)
    words = (
        f"The fleet file as it is now gives {exact_usd(priced)} for that moment; booked were "
        f"{exact_usd(booked)}. The file's prices were changed since. What is booked counts."
    )
    return Part(title, booked, items, price, words)


def _price(fleet: Fleet, tried: _Tried) -> Price | str:
    """The price that holds by the file as it is now, or why there is none."""
    source, model = tried.source, tried.model
    known = fleet.sources.get(source)
    if known is None:
        return f'The fleet file no longer has the source "{source}": its prices are not known here.'
    serving = known.serves.get(model)
    if serving is None:
        return f'By the fleet file "{source}" no longer serves "{model}": no price is known here.'
    tier = cast("Tier", tried.tier) if tried.tier in _TIERS else "standard"
    held = [price_at(serving.prices, tier, UtcSeconds(utc)) for utc in tried.moments]
    prices = [price for price in held if price is not None]
    for price in prices:
        if cost_of(price, tried.usage) == tried.booked:
            return price
    if prices:
        return prices[0]
    if tried.booked:
        return (
            "The fleet file as it is now declares no price for that moment. One was declared then: "
            f"{exact_usd(tried.booked)} were booked, and what is booked counts."
        )
    return "No price is declared for that moment: it cost nothing."


def _items(price: Price, usage: Usage) -> tuple[Item, ...]:
    """`cost_of`, taken apart."""
    fresh = usage.input - usage.cached_input - usage.cache_write
    thought = f", {usage.reasoning:,} of them reasoning" if usage.reasoning else ""
    items = (
        Item("input tokens", fresh, price.input),
        Item("cached input tokens", usage.cached_input, price.cached_input),
        Item("cache write tokens", usage.cache_write, price.cache_write),
        Item(f"output tokens{thought}", usage.output, price.output),
        Item("request", 1, price.request),
    )
    return tuple(item for item in items if item.count and (item.price or item.kind != "request"))


def price_words(price: Price, tier: str | None = None) -> str:
    """Which price that is, for a request of a service tier."""
    words = f"{price.tier} price, in force since {price.since}"
    if tier in _TIERS and tier != price.tier:
        words = f"{tier} tier has no price of its own: {words}"
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
    why = "it was longer than that, or another source than the one reserved for answered"
    if line.attempts < 2:
        why = "the answer outgrew that"
    return f"{exact_usd(line.reserved)} were reserved, {exact_usd(-rest)} less: {why}."
