"""What a fleet file declares that a source charges, against what is public on a day.

Rules
1. Prices are compared minute by minute of the UTC day, as they would be charged: which entries of
   the file they come from does not matter.
2. Minutes that differ alike are one gap.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import cast

from tollway.catalog.public_prices import STANDARD, PublicPrice, PublicPrices
from tollway.fleet.objects import Fleet, Price, Serving, Source
from tollway.fleet.prices import price_at
from tollway.fleet.tiers import Tier
from tollway.units import PicoDollars, UtcSeconds

PARTS = ("input", "cached_input", "cache_write", "output", "request")
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of a price that is declared otherwise than it is public, in `hours` of the UTC day
    (minutes; None is all of it). `declared` None: no price holds then, and it counts as free."""

    source: str
    model: str
    tier: Tier
    hours: tuple[int, int] | None
    part: str
    declared: PicoDollars | None
    public: PicoDollars


@dataclass(frozen=True, slots=True)
class Compared:
    """Every gap; how many (source, model, tier) were compared; and, of those that could not be, the
    source, the model and why. `public` holds what was found public, by source, model and tier."""

    gaps: tuple[Gap, ...]
    compared: int
    unknown: tuple[tuple[str, str, str], ...]
    public: Mapping[tuple[str, str, Tier], tuple[PublicPrice, ...]]


def compare(fleet: Fleet, public: PublicPrices, day: date, tiers: Sequence[Tier]) -> Compared:
    """Compares what each API charges on `day`, in tier standard, the tiers that it declares, and
    `tiers`. Engines of one's own have no public price."""
    gaps: list[Gap] = []
    unknown: list[tuple[str, str, str]] = []
    found: dict[tuple[str, str, Tier], tuple[PublicPrice, ...]] = {}
    for source in fleet.sources.values():
        for serving in source.serves.values() if source.kind == "api" else ():
            prices = _public(source, serving, public, day)
            if isinstance(prices, str):
                unknown.append((source.name, serving.model, prices))
                continue
            declared = [price.tier for price in serving.prices]
            for tier in cast("list[Tier]", list(dict.fromkeys((STANDARD, *declared, *tiers)))):
                if tier in prices:
                    found[source.name, serving.model, tier] = prices[tier]
                    gaps += _gaps(source.name, serving, tier, prices[tier], day)
    return Compared(tuple(gaps), len(found), tuple(unknown), found)


def _public(
    source: Source, serving: Serving, public: PublicPrices, day: date
) -> Mapping[str, tuple[PublicPrice, ...]] | str:
    """The public prices, or why there are none to compare with."""
    # A deployment at Azure has a name of the user's own; the fleet's may be the model's.
    names = serving.upstream_model, serving.model
    known = [it for name in names if (it := public.model(source.base_url, name)) is not None]
    if not known:
        where = "the model" if public.knows(source.base_url) else "the provider"
        return f"{where} is not in {public.origin}"
    prices = known[0].on(day)
    if prices is None:
        return "its price goes by the prompt's length, or is finer than a fleet file can say"
    return prices if STANDARD in prices else f"no price of that day is in {public.origin}"


def _gaps(
    source: str, serving: Serving, tier: Tier, public: Sequence[PublicPrice], day: date
) -> Iterator[Gap]:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    edges = {0, _DAY}
    for price in (*serving.prices, *public):
        edges |= set(price.hours or ())
    spans = sorted(edge for edge in edges if 0 <= edge <= _DAY)
    open_: dict[tuple[str, PicoDollars | None, PicoDollars], list[tuple[int, int]]] = {}
    for start, end in pairwise(spans):
        held = price_at(serving.prices, tier, UtcSeconds(midnight + start * 60))
        charged = _at(public, start)
        for part in PARTS:
            mine: PicoDollars | None = None if held is None else getattr(held, part)
            theirs: PicoDollars = getattr(charged, part)
            if mine != theirs and (mine or theirs):
                open_.setdefault((part, mine, theirs), []).append((start, end))
    for (part, mine, theirs), found in open_.items():
        for hours in _joined(found):
            yield Gap(source, serving.model, tier, hours, part, mine, theirs)


def _joined(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int] | None]:
    """Spans that follow each other as one; the whole day as None."""
    start, end = spans[0]
    for after in spans[1:]:
        if after[0] != end:
            yield start, end
            start = after[0]
        end = after[1]
    yield None if (start, end) == (0, _DAY) else (start, end)


def _at(prices: Sequence[PublicPrice], minute: int) -> PublicPrice:
    """The last that covers the minute; the first is of the whole day."""
    return [price for price in prices if _covers(price.hours, minute)][-1]


def _covers(hours: tuple[int, int] | None, minute: int) -> bool:
    if hours is None:
        return True
    start, end = hours
    return start <= minute < end if start < end else minute >= start or minute < end


def fresh_prices(public: Sequence[PublicPrice], tier: Tier, since: date) -> list[Price]:
    """Public prices as entries of a fleet file that hold from `since` on."""
    return [
        Price(
            since=since,
            tier=tier,
            hours=it.hours,
            input=it.input,
            cached_input=it.cached_input,
            cache_write=it.cache_write,
            output=it.output,
            request=it.request,
        )
        for it in public
    ]
