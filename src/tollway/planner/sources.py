"""The fleet's APIs as a planner sees them: a quota at list prices, blended by a workload's shape.

Rules
1. A price a million tokens is what a mean request costs over its tokens, in and out together. No
   prompt is taken to be cached.
2. A price that changes within a period counts by its days; batch work pays the batch tier where it
   is priced. Of prices by the hour of the day, the dearest of the day counts.
3. List prices change by the declared growth with each whole year of the plan.
4. Without a declared quota there is no bound, and that is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise

from tollway.fleet.contract_dates import DAY
from tollway.fleet.objects import Price, Serving, Source
from tollway.fleet.planning import Demand, Quota
from tollway.fleet.tiers import Tier
from tollway.planner.program.instance import ALREADY, Line, Offer, Period, Stream
from tollway.units import PicoDollars

MILLION = 10**6
MINUTES = 60


@dataclass(frozen=True, slots=True)
class Found:
    """An offer, and sentences about what was taken for it. None: it serves nothing of the plan."""

    offer: Offer | None
    notes: tuple[str, ...]


def api_offer(
    source: Source,
    quota: Quota | None,
    demands: Mapping[str, Demand],
    periods: Sequence[Period],
    boundless: int,
) -> Found:
    """An API's quota as an offer that is in force already. `boundless` is more tokens an hour than
    the plan ever wants."""
    bound = None if quota is None else quota.tokens_per_minute
    tokens = boundless if bound is None else bound * MINUTES
    growth = 0 if quota is None else quota.price_growth
    notes: list[str] = []
    lines: list[Line] = []
    for demand in demands.values():
        for serving in _serving(source, demand):
            why = _why_not(serving, demand)
            if why:
                notes.append(f"{source.name} does not serve {demand.name}: {why}.")
                continue
            prices = _prices(serving, demand, periods, growth)
            if prices is None:
                what = f"{source.name} has no price for {serving.model} on {periods[0].first}"
                notes.append(f"{what}: it is left out of the plan. Declare one: prices = [{{…}}].")
                continue
            lines.append(Line(demand.name, serving.model, tokens, prices, tokens, tokens))
    if not lines:
        return Found(None, tuple(notes))
    if bound is None:
        notes.append(f"{source.name} declares no quota: it is taken to be without bound.")
    emergency = 0 if quota is None else quota.emergency * MINUTES
    offer = Offer(
        name=source.name,
        kind="api",
        attributes=_attributes(source, quota),
        lines=tuple(lines),
        runs={ALREADY: _always(len(periods))},
        signed=Fraction(1),
        emergency=Fraction(emergency, tokens),
        emergency_days=0 if quota is None else quota.emergency_days,
    )
    return Found(offer, tuple(notes))


def _serving(source: Source, demand: Demand) -> Iterator[Serving]:
    return (one for one in source.serves.values() if one.model in demand.models)


def _why_not(serving: Serving, demand: Demand) -> str:
    """Why a source cannot keep what is promised to a workload; empty where it can."""
    speed, ttft = serving.expected_speed, serving.expected_ttft
    if demand.speed is not None and speed is not None and speed < demand.speed:
        return f"{speed:g} tokens a second are expected of it, {demand.speed:g} are promised"
    if demand.ttft is not None and ttft is not None and ttft > demand.ttft:
        return f"a first token is expected of it after {ttft:g} s, {demand.ttft:g} s are promised"
    if demand.precision and serving.precision and demand.precision != serving.precision:
        return f"it serves {serving.model} in {serving.precision}, not in {demand.precision}"
    length = demand.input_tokens + demand.output_tokens
    if serving.context is not None and serving.context < length:
        return f"its context is {serving.context:,} tokens, a request has {length:,}"
    return ""


def _attributes(source: Source, quota: Quota | None) -> Mapping[str, str]:
    said = {} if quota is None else dict(quota.depends)
    found = {"vendor": source.vendor or source.name}
    if source.region:
        found["region"] = source.region
    return {**found, **said}


def _always(count: int) -> Stream:
    return Stream((Fraction(1),) * count, (PicoDollars(0),) * count)


def _prices(
    serving: Serving, demand: Demand, periods: Sequence[Period], growth: int
) -> tuple[PicoDollars, ...] | None:
    """Pico-dollars a million tokens by period; None where no price holds at the start."""
    tier: Tier = "batch" if demand.request_class == "batch" else "standard"
    found: list[PicoDollars] = []
    for period in periods:
        days = _mean(serving.prices, tier, demand, period)
        if days is None:
            return None
        years = (period.first - periods[0].first).days // 365
        grown = days * Fraction(MILLION + growth, MILLION) ** years
        found.append(PicoDollars(round(grown)))
    return tuple(found)


def _mean(prices: Sequence[Price], tier: Tier, demand: Demand, period: Period) -> Fraction | None:
    """Rule 2, day by day where a price changes."""
    cuts = {one.since for one in prices if period.first < one.since <= period.last}
    days = sorted({period.first, *cuts, period.last + DAY})
    total = Fraction(0)
    for first, after in pairwise(days):
        price = _dearest(prices, tier, first, demand)
        if price is None:
            return None
        total += price * (after - first).days
    return total / ((period.last - period.first).days + 1)


def _dearest(prices: Sequence[Price], tier: Tier, day: date, demand: Demand) -> Fraction | None:
    for wanted in (tier, "standard"):
        begun = [one for one in prices if one.tier == wanted and one.since <= day]
        latest = {
            hours: max(one.since for one in begun if one.hours == hours)
            for hours in {one.hours for one in begun}
        }
        holding = [one for one in begun if one.since == latest[one.hours]]
        if holding:
            return max(blend(one, demand) for one in holding)
    return None


def blend(price: Price, demand: Demand) -> Fraction:
    """Pico-dollars a million tokens of a mean request (rule 1)."""
    given, made = demand.input_tokens, demand.output_tokens
    cost = given * price.input + made * price.output + price.request
    return Fraction(cost * MILLION, given + made)
