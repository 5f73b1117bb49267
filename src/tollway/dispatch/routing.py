"""From a route to a pair: what a route may use, and which of it to take now."""

from collections.abc import Sequence
from dataclasses import dataclass

from tollway.dispatch.sources import Pair, Sources
from tollway.fleet.objects import Candidate, Demand, Fleet, Route, Serving
from tollway.fleet.prices import cost_of
from tollway.fleet.usage import Usage
from tollway.policy import route as rules
from tollway.units import UtcSeconds


@dataclass(frozen=True, slots=True)
class Plan:
    """A route with the live state of the pairs that may serve it."""

    route: Route
    reserve_output: int
    candidates: tuple[Pair, ...]
    fallbacks: tuple[Pair, ...]


def meets(demand: Demand, serving: Serving) -> bool:
    """Whether a serving states every fact that is demanded, and fits it."""
    if demand.precision and serving.precision not in demand.precision:
        return False
    return demand.min_context is None or (
        serving.context is not None and serving.context >= demand.min_context
    )


def plan_routes(fleet: Fleet, sources: Sources) -> dict[str, Plan]:
    """Every route's plan. A fallback meets the route's demand too: a demand that gives way in an
    outage is not one."""

    def pairs(candidates: Sequence[Candidate], demand: Demand) -> tuple[Pair, ...]:
        found = (
            sources.by_name[candidate.source].pairs[candidate.model] for candidate in candidates
        )
        return tuple(pair for pair in found if meets(demand, pair.serving))

    return {
        alias: Plan(
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


def substitution(plan: Plan, pair: Pair) -> str | None:
    """How what `pair` serves differs from what the route names first; None where it does not."""
    if pair.model != plan.route.model:
        return f"model {pair.model} for {plan.route.model}"
    first = plan.candidates[0] if plan.candidates else pair
    if pair.serving.precision != first.serving.precision:
        return f"precision {pair.serving.precision} for {first.serving.precision}"
    return None


def pick(
    plan: Plan, pairs: Sequence[Pair], ask: rules.Ask, usage: Usage, now: float, utc: UtcSeconds
) -> Pair:
    """The best of the available pairs (at least one) by the route's SLO and objectives."""
    if len(pairs) == 1:
        return pairs[0]
    route = plan.route
    tokens = usage.input + usage.output
    options: Sequence[rules.Option] = [
        _option(order, pair, route, usage, tokens, now, utc) for order, pair in enumerate(pairs)
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


def _option(  # noqa: PLR0913 - a row of the table that policies read
    order: int, pair: Pair, route: Route, usage: Usage, tokens: int, now: float, utc: UtcSeconds
) -> rules.Option:
    prepaid = pair.covers(tokens, now)
    return rules.Option(
        order,
        pair.source.name,
        pair.seed,
        pair.source.outstanding,
        0 if prepaid else cost_of(pair.price(route.tier, utc), usage),
        pair.expected_ttft(),
        pair.expected_speed(),
        prepaid,
    )
