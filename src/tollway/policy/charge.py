"""What a tenant is charged for a month, and what that month cost: exact, whatever the order.

Rules
1. All money is whole pico-dollars. The lines of a bill add up to the ledger's cost and, with the
   fee and what it covers, to what is charged.
2. A line is one model at one rate. Steps are climbed by a month's sum, so that the order of
   requests does not matter, and a markup is taken of a line's whole cost, rounded half up once.
3. Cents are made once, of the whole bill, half up; the rest is a line of its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tollway.fleet.books import KINDS, Kind, Rate, Step, Terms
from tollway.units import PartsPerMillion, PicoDollars

PICO_PER_CENT = 10**10
_MILLION = 10**6


@dataclass(frozen=True, slots=True)
class Used:
    """What a month's requests of one model, source and tier used, and cost in pico-dollars.

    `answered` are the requests that completed; `input` includes `cached_input` and `cache_write`.
    `model`, `source` and `tier` are None where the ledger does not know them.
    """

    model: str | None
    source: str | None
    tier: str | None
    answered: int
    input: int
    cached_input: int
    cache_write: int
    output: int
    cost: int


@dataclass(frozen=True, slots=True)
class Item:
    """A part of a line: `count` units above the first `above` at `price` each, in pico-dollars.

    `kind` and `price` None are a whole line at cost plus a markup; `count` is then all its tokens.
    """

    kind: Kind | None
    above: int
    count: int
    price: PicoDollars | None
    charged: int


@dataclass(frozen=True, slots=True)
class Line:
    """One model at one rate; `rate` None is the terms' own markup. Money is pico-dollars."""

    model: str | None
    rate: Rate | None
    cost: int
    items: tuple[Item, ...]

    @property
    def charged(self) -> int:
        """The sum of its items."""
        return sum(item.charged for item in self.items)


@dataclass(frozen=True, slots=True)
class Bill:
    """A tenant's month. `covered` is the part of the lines that the fee pays for, zero or more."""

    lines: tuple[Line, ...]
    fee: int
    covered: int

    @property
    def cost(self) -> int:
        """What the ledger settled."""
        return sum(line.cost for line in self.lines)

    @property
    def charged(self) -> int:
        """Exactly what is charged, before it is made cents."""
        return sum(line.charged for line in self.lines) - self.covered + self.fee

    @property
    def due(self) -> int:
        """What is charged, in whole cents, as pico-dollars (rule 3)."""
        return _half_up(self.charged, PICO_PER_CENT) * PICO_PER_CENT


def bill(terms: Terms, month: Iterable[Used]) -> Bill:
    """The bill of what one tenant used in one month."""
    used = list(month)
    groups: dict[tuple[str | None, int | None], list[Used]] = defaultdict(list)
    for part in used:
        groups[part.model, rate_for(terms, part)].append(part)
    order = sorted(groups, key=lambda it: (it[0] or "", -1 if it[1] is None else it[1]))
    lines = tuple(
        _line(terms, model, None if index is None else terms.rates[index], groups[model, index])
        for model, index in order
    )
    charged = sum(line.charged for line in lines)
    return Bill(lines, terms.monthly if used else 0, min(charged, terms.included))


def rate_for(terms: Terms, used: Used) -> int | None:
    """Which rate usage is charged at: of those that fit the one that names the model, then the
    source, then the tier. None is the terms' own markup."""
    fitting = [
        (rate.model is not None, rate.source is not None, rate.tier is not None, index)
        for index, rate in enumerate(terms.rates)
        if rate.model in (None, used.model)
        and rate.source in (None, used.source)
        and rate.tier in (None, used.tier)
    ]
    return max(fitting)[-1] if fitting else None


def _line(terms: Terms, model: str | None, rate: Rate | None, parts: Iterable[Used]) -> Line:
    parts = list(parts)
    cost = sum(part.cost for part in parts)
    markup = terms.markup if rate is None else rate.markup
    if rate is None or markup is not None:
        tokens = sum(part.input + part.output for part in parts)
        marked_up = _marked_up(cost, markup or PartsPerMillion(0))
        return Line(model, rate, cost, (Item(None, 0, tokens, None, marked_up),))
    counts = counts_of(rate, parts)
    items = [item for kind in KINDS if kind in counts for item in _climbed(rate, kind, counts)]
    return Line(model, rate, cost, tuple(items))


def counts_of(rate: Rate, parts: Iterable[Used]) -> Mapping[Kind, int]:
    """How many of each kind that has a ladder; other kinds of input tokens count as input."""
    counts: dict[Kind, int] = dict.fromkeys(rate.ladders, 0)
    for part in parts:
        rest = part.input
        for kind, count in (("cached_input", part.cached_input), ("cache_write", part.cache_write)):
            if kind in counts:
                counts[kind] += count
                rest -= count
        counts["input"] += rest
        counts["output"] += part.output
        if "request" in counts:
            counts["request"] += part.answered
    return counts


def _climbed(rate: Rate, kind: Kind, counts: Mapping[Kind, int]) -> Iterable[Item]:
    return climb(kind, rate.ladders[kind], counts[kind])


def climb(kind: Kind, ladder: Iterable[Step], count: int) -> list[Item]:
    """`count` of a kind, each part of it at the price of the step that it falls in. A count below
    zero, which only a wrong ledger has, is charged at the first step."""
    items: list[Item] = []
    above = 0
    for step in ladder:
        upto = count if step.up_to is None else min(count, step.up_to)
        if upto > above or (count < 0 and not items):
            part = upto - above
            items.append(Item(kind, above, part, step.price, part * step.price))
        above = max(above, upto)
    return items


def _marked_up(cost: int, markup: PartsPerMillion) -> int:
    return _half_up(cost * (_MILLION + markup), _MILLION)


def _half_up(amount: int, unit: int) -> int:
    """How many units an amount is nearest to; the middle goes up."""
    return (2 * amount + unit) // (2 * unit)
