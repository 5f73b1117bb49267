"""From a route to a pair: what a route may use, and which of it to take now."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tollway.dispatch.sources import Pair, Sources
from tollway.fleet.demands import meets
from tollway.fleet.objects import Candidate, Demand, Dialect, Fleet, Route
from tollway.fleet.prices import cost_of
from tollway.fleet.tiers import Tier
from tollway.fleet.usage import Usage
from tollway.policy import route as rules
from tollway.policy.options import Ask, Option
from tollway.units import UtcSeconds

Pairs = tuple[Pair, ...]

UNKNOWN_TTFT: Final = 0.5
UNKNOWN_SPEED: Final = 60.0
"""Assumed where nothing is known of any source: they are compared with each other only, and with
an SLO, so ordinary values of hosted models do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A route with the live state of the pairs that may serve it."""

    route: Route
    reserve_output: int
    candidates: tuple[Pair, ...]
    fallbacks: tuple[Pair, ...]
    usual: Pair | None
    fits_all: int
    by_load: bool


def plan_of(route: Route, reserve: int, candidates: Pairs, fallbacks: Pairs) -> Plan:
    """A plan, with what is worked out once for all its requests: the pair that is no substitution,
    the tokens that every pair has room for, and whether load alone decides."""
    contexts = [pair.serving.context for pair in candidates + fallbacks]
    first = candidates[0] if candidates else None
    usual = first if first is not None and first.model == route.model else None
    fits_all = min((context for context in contexts if context is not None), default=sys.maxsize)
    by_load = {one.name for one in route.objectives} <= {"least-outstanding"}
    by_load = by_load and route.slo.ttft is None and route.slo.speed is None
    return Plan(route, reserve, candidates, fallbacks, usual, fits_all, by_load)


def plan_routes(fleet: Fleet, sources: Sources) -> dict[str, Plan]:
    """Every route's plan. A fallback meets the route's demand too: a demand that gives way in an
    outage is not one."""

    def pairs(candidates: Sequence[Candidate], demand: Demand) -> tuple[Pair, ...]:
        found = [
            sources.by_name[candidate.source].pairs[candidate.model] for candidate in candidates
        ]
        return tuple(pair for pair in found if meets(pair.serving, demand))

    return {
        alias: plan_of(
            route,
            fleet.models[route.model].reserve_output,
            pairs(route.candidates, route.demand),
            pairs(route.fallbacks, route.demand),
        )
        for alias, route in fleet.routes.items()
    }


def holding(pairs: Sequence[Pair], tokens: int) -> tuple[Pair, ...]:
    """The pairs whose context has room for so many tokens, as far as they state one."""
    return tuple(
        pair for pair in pairs if pair.serving.context is None or pair.serving.context >= tokens
    )


def named(pairs: Sequence[Pair], name: str) -> tuple[Pair, ...]:
    """The pair of this name, "source:model", if it is among them."""
    return tuple(pair for pair in pairs if f"{pair.source.name}:{pair.model}" == name)


def without(pairs: Sequence[Pair], source: str) -> tuple[Pair, ...]:
    """The pairs of other sources."""
    return tuple(pair for pair in pairs if pair.source.name != source)


def among(pairs: Sequence[Pair], sources: Sequence[str]) -> tuple[Pair, ...]:
    """The pairs of these sources."""
    return tuple(pair for pair in pairs if pair.source.name in sources)


def speaking(pairs: Sequence[Pair], spoken: Sequence[Dialect]) -> tuple[Pair, ...]:
    """The pairs whose sources speak one of these dialects."""
    return tuple(
        pair for pair in pairs if any(it in spoken for it in pair.source.declared.dialects)
    )


def selling(pairs: Sequence[Pair], tier: Tier) -> tuple[Pair, ...]:
    """The pairs that state a price in a tier which the request itself asks its source for, or no
    price at all. Booked at another tier's price, the bill would be a surprise."""
    return tuple(
        pair
        for pair in pairs
        if not pair.serving.prices or any(price.tier == tier for price in pair.serving.prices)
    )


def substitution(plan: Plan, pair: Pair) -> str | None:
    """How what `pair` serves differs from what the route names first; None where it does not."""
    if pair.model != plan.route.model:
        return f"model {pair.model} for {plan.route.model}"
    first = plan.candidates[0] if plan.candidates else pair
    if pair.serving.precision != first.serving.precision:
        return f"precision {pair.serving.precision} for {first.serving.precision}"
    return None


def pick(
    plan: Plan, pairs: Sequence[Pair], ask: Ask, usage: Usage, now: float, utc: UtcSeconds
) -> Pair:
    """The best of the available pairs (at least one) by the route's SLO and objectives."""
    if len(pairs) == 1:
        return pairs[0]
    if plan.by_load:  # what each is expected to cost and to take need not be worked out
        outstanding = [pair.source.outstanding for pair in pairs]
        return pairs[rules.least_of(outstanding, ask.draw)]
    route = plan.route
    ttfts = _assumed([pair.expected_ttft(now) for pair in pairs], min, UNKNOWN_TTFT)
    speeds = _assumed([pair.expected_speed(now) for pair in pairs], max, UNKNOWN_SPEED)
    options: Sequence[Option] = [
        _option(order, pair, route, usage, (ttft, speed), (now, utc))
        for order, (pair, ttft, speed) in enumerate(zip(pairs, ttfts, speeds, strict=True))
    ]
    if route.slo.ttft is not None or route.slo.speed is not None:
        options = rules.keeping_slo(options, route.slo.ttft, route.slo.speed)
    for objective in route.objectives:
        if len(options) == 1:
            break
        options = rules.OBJECTIVES[objective.name](
            options, ask, objective.tolerance, objective.weights
        )
    if len(options) > 1:
        options = rules.least_outstanding(options, ask, 0.0, {})
    return pairs[options[0].order]


def _assumed(
    known: Sequence[float | None], best: Callable[[list[float]], float], unknown: float
) -> list[float]:
    """What is not known is taken to be as good as the best that is, so that it is tried."""
    values = [value for value in known if value is not None]
    guess = best(values) if values else unknown
    return [guess if value is None else value for value in known]


def _option(
    order: int,
    pair: Pair,
    route: Route,
    usage: Usage,
    expected: tuple[float, float],
    at: tuple[float, UtcSeconds],
) -> Option:
    now, utc = at
    source = pair.source
    prepaid = pair.covers(usage.input + usage.output, now)
    return Option(
        order,
        source.name,
        pair.seed,
        source.outstanding,
        rules.load(source.outstanding, source.declared.slots),
        0 if prepaid else cost_of(pair.price(route.tier, utc), usage),
        *expected,
        prepaid,
    )
