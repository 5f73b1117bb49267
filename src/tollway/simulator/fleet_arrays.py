# pyright: basic
"""Puts a fleet, its engines and a trace into arrays, and says what has no compiled form."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf, nan

import numpy as np

from tollway.dispatch.accounts import OUTPUT_FADE
from tollway.dispatch.routing import Plan, plan_routes
from tollway.dispatch.sources import FADE, STALE, Pair, Sources
from tollway.fleet.objects import Budget, Fleet, Limits
from tollway.fleet.prices import price_at
from tollway.policy.retry import RETRY_WINDOW
from tollway.policy.route import MASK, mix
from tollway.simulator import fleet_layout as layout
from tollway.simulator.arrays import Array, requests_of
from tollway.simulator.draws import ARRIVALS, STEP
from tollway.simulator.fleet_layout import World
from tollway.simulator.layout import NONE
from tollway.simulator.play import Play, followers
from tollway.simulator.steps import SECOND
from tollway.simulator.supply import EnginePool, Pool
from tollway.simulator.trace import Trace
from tollway.units import UtcSeconds

FIRST_FLOWS = 1024
MOST_TOLD = 2**14
"""What the end of one step may tell, at most."""

ANY = 2**62


def uncompiled(fleet: Fleet, pools: tuple[Pool, ...], trace: Trace, play: Play) -> list[str]:
    """Why this has no compiled form; empty where it has one. Ordinary words, for a report."""
    return list(dict.fromkeys([*_of_fleet(fleet, pools, play), *_of_trace(trace, play)]))


def _of_fleet(fleet: Fleet, pools: tuple[Pool, ...], play: Play) -> Iterator[str]:
    terms = next((key for key in play.keys if key.key == play.key), None)
    route = fleet.routes.get(play.route)
    if terms is None or terms.tenant not in fleet.tenants or route is None:
        yield "the key or the route is not in the fleet"
        return
    tenant = fleet.tenants[terms.tenant]
    allowed = (tenant.routes, terms.routes)
    if any(routes is not None and play.route not in routes for routes in allowed):
        yield "the key may not use the route"
    if tenant.limits != Limits() or terms.limits != Limits():
        yield "limits"
    if _spends(tenant.budget) or _spends(terms.budget):
        yield "budgets"
    if play.tier is not None:
        yield "a service tier"
    if play.drains:
        yield "a drain"
    plan = _plan(fleet, play)
    if not plan.candidates and not plan.fallbacks:
        yield "nothing meets what the route requires"
    for pair in plan.candidates + plan.fallbacks:
        yield from _of_pair(pair, pools, play)


def _spends(budget: Budget) -> bool:
    return budget.day is not None or budget.month is not None


def _of_pair(pair: Pair, pools: tuple[Pool, ...], play: Play) -> Iterator[str]:
    if pair.source.declared.breaker.min_speed is not None:
        yield "a token-speed floor"
    if pair.serving.prepaid is not None:
        yield "prepaid tokens"
    if any(price.hours is not None for price in pair.serving.prices):
        yield "prices by the hour"
    begun = np.datetime64(int(play.utc), "s").astype("datetime64[D]").astype(object)
    if any(price.since > begun for price in pair.serving.prices):
        yield "prices that change"
    pool = _pool(pools, pair)
    if not isinstance(pool, EnginePool):
        yield "a source with a declared speed"
    elif pool.scaling is not None:
        yield "scaling"
    elif pool.prefill is not None:
        yield "engines that only prefill"


def _of_trace(trace: Trace, play: Play) -> Iterator[str]:
    for one in trace.requests:
        if not one.stream or one.operation == "embedding":
            yield "answers that are not streamed"
        if one.route not in (None, play.route) or one.key not in (None, play.key):
            yield "several routes or keys"
        if one.request_class == "batch":
            yield "requests of the batch class"


def _pool(pools: tuple[Pool, ...], pair: Pair) -> Pool:
    return next(
        pool for pool in pools if (pool.source, pool.model) == (pair.source.name, pair.model)
    )


def _plan(fleet: Fleet, play: Play) -> Plan:
    return plan_routes(fleet, Sources(fleet, 0.0))[play.route]


@dataclass(frozen=True, slots=True)
class Floor:
    """The pools of a route in the fleet's order: `numbers` are the places of their replicas among
    all places of the fleet, `kinds` the pool of each, `first` the first replica of each pool."""

    pools: tuple[EnginePool, ...]
    numbers: tuple[int, ...]
    kinds: tuple[int, ...]
    first: dict[tuple[str, str], int]


def floor_of(fleet: Fleet, pools: tuple[Pool, ...], play: Play) -> Floor:
    """The replicas that the route may use."""
    plan = _plan(fleet, play)
    wanted = {(pair.source.name, pair.model) for pair in plan.candidates + plan.fallbacks}
    used: list[EnginePool] = []
    numbers: list[int] = []
    kinds: list[int] = []
    first: dict[tuple[str, str], int] = {}
    number = 0
    for pool in pools:
        count = pool.places if isinstance(pool, EnginePool) else 1
        if isinstance(pool, EnginePool) and (pool.source, pool.model) in wanted:
            first[pool.source, pool.model] = len(numbers)
            numbers += range(number, number + count)
            kinds += [len(used)] * count
            used.append(pool)
        number += count
    return Floor(tuple(used), tuple(numbers), tuple(kinds), first)


def room_for(count: int, before: dict[str, Array] | None = None) -> dict[str, Array]:
    """The arrays of `World` that grow with how many requests are here at once, with what was in
    them."""
    flows = np.zeros(count, layout.FLOW)
    free = np.zeros(count + 1, np.int64)
    old = 0 if before is None else len(before["flows"])
    if before is not None:
        flows[:old] = before["flows"]
        free[: old + 1] = before["free_flows"]
    fresh = np.arange(count - 1, old - 1, -1)
    free[free[0] + 1 : free[0] + 1 + len(fresh)] = fresh
    free[0] += len(fresh)
    return {
        "flows": flows,
        "free_flows": free,
        "due": np.zeros(count, np.int64),
        "actions": np.zeros((2 * count + 64, 2), np.int64),
        "events": np.zeros((12 * count + 64, 4), np.int64),
        "happened": np.zeros((count + MOST_TOLD, 4), np.int64),
    }


def world_of(fleet: Fleet, floor: Floor, trace: Trace, play: Play) -> tuple[World, Array, int]:
    """The arrays of dispatch; the ids of hashed blocks, and how many names they have."""
    plan, asked = _plan(fleet, play), trace.requests
    pairs, objectives = plan.candidates + plan.fallbacks, plan.route.objectives
    names = list(dict.fromkeys(pair.source.name for pair in pairs))
    requests = requests_of(
        [round(one.at * SECOND) for one in asked],
        [one.input for one in asked],
        [max(1, one.output) for one in asked],
        [one.prefix for one in asked] if any(one.prefix for one in asked) else None,
    )
    affine = any(objective.name == "prefix-affinity" for objective in objectives)
    hashes = [mix(one.prefix[0] + 1) if one.prefix else 0 for one in asked] if affine else []
    capped = any(one.max_output is not None for one in asked)
    caps = [-1 if one.max_output is None else one.max_output for one in asked] if capped else []
    results = np.zeros(len(asked), layout.RESULT)
    results["arrived"] = results["end"] = NONE
    weights = [[one.weights.get(pair.source.name, 0.0) for pair in pairs] for one in objectives]
    world = World(
        dispatch=_dispatch(fleet, plan, play),
        sources=_sources(fleet, names),
        pairs=_pairs(pairs, names, floor, plan, play),
        windows=_windows(pairs),
        seen=_seen(len(pairs)),
        lists=np.array([(-1, -1)] * (3 + 2 * len(names)), layout.LIST),
        first_list=np.array([0, 1, 3 + len(names), 3 + 2 * len(names)]),
        options=np.zeros(len(pairs), layout.OPTION),
        objectives=np.array([layout.OBJECTIVES[one.name] for one in objectives], np.int64),
        tolerances=np.array([one.tolerance for one in objectives], np.float64),
        weights=np.array(weights, np.float64).reshape(len(objectives), len(pairs)),
        results=results,
        requests=requests.rows,
        caps=np.array(caps, np.int64),
        prefixes=np.array(hashes, np.uint64),
        changes=_changes(play, names),
        leading=np.array([at for at, one in enumerate(asked) if one.after is None], np.int64),
        links=_links(trace),
        following=np.zeros((1 + sum(one.after is not None for one in asked), 2), np.int64),
        **room_for(FIRST_FLOWS),
    )
    return world, requests.ids, requests.names


def _links(trace: Trace) -> Array:
    """Who follows whom; empty where nobody follows anybody."""
    following = followers(trace)
    made = np.zeros(len(trace.requests) if following else 0, layout.LINK)
    made["first"] = made["next"] = NONE
    for leader, some in following.items():
        made[leader]["first"] = some[0]
        for one, after in pairwise(some):
            made[one]["next"] = after
        for one in some:
            asked = trace.requests[one]
            made[one]["pause"] = round(asked.pause * SECOND)
            made[one]["needs_answer"] = asked.needs_answer
    return made


def _dispatch(fleet: Fleet, plan: Plan, play: Play) -> Array:
    terms = next(key for key in play.keys if key.key == play.key)
    batch = (terms.request_class or fleet.tenants[terms.tenant].request_class) == "batch"
    queue, slo, [one] = fleet.queue, plan.route.slo, (made := np.zeros(1, layout.DISPATCH))
    one["deadline"] = plan.route.deadline
    one["patience"] = queue.batch_wait if batch else queue.interactive_wait
    one["queue_length"] = queue.batch_length if batch else queue.interactive_length
    one["retry_ratio"], one["retry_least"] = fleet.retry.ratio, fleet.retry.min_per_second
    one["slo_ttft"] = inf if slo.ttft is None else slo.ttft
    one["slo_speed"] = 0.0 if slo.speed is None else slo.speed
    one["reserve_output"], one["candidates"] = plan.reserve_output, len(plan.candidates)
    fastest = any(objective.name == "fastest" for objective in plan.route.objectives)
    one["timed"] = fastest or slo.ttft is not None or slo.speed is not None
    one["draws"] = mix((play.seed * STEP + ARRIVALS) & MASK)
    one["retries"] = RETRY_WINDOW * fleet.retry.min_per_second
    for empty in ("waiting", "waiting_tail", "alive", "alive_tail"):
        one[empty] = NONE
    one["soonest"] = one["recovery"] = inf
    return made


def _sources(fleet: Fleet, names: list[str]) -> Array:
    made = np.zeros(len(names), layout.SOURCE)
    for one, name in zip(made, names, strict=True):
        declared = fleet.sources[name]
        terms = declared.breaker
        one["slots"] = -1 if declared.slots is None else declared.slots
        one["first_content"] = declared.timeouts.first_content
        deadline = terms.ttft_deadline
        one["late"] = -1.0 if deadline is None else deadline + terms.thinking
        one["min_samples"], one["error_share"] = terms.min_samples, terms.error_share
        one["open_for"], one["probes"] = terms.open_for, terms.probes
    return made


def _pairs(
    pairs: tuple[Pair, ...], names: list[str], floor: Floor, plan: Plan, play: Play
) -> Array:
    made = np.zeros(len(pairs), layout.PAIR)
    for one, pair in zip(made, pairs, strict=True):
        serving = pair.serving
        one["source"], one["seed"] = names.index(pair.source.name), pair.seed
        one["context"] = ANY if serving.context is None else serving.context
        one["ttft"] = nan if serving.expected_ttft is None else serving.expected_ttft
        one["speed"] = nan if serving.expected_speed is None else serving.expected_speed
        price = price_at(serving.prices, plan.route.tier, UtcSeconds(play.utc))
        if price is not None:
            one["price_input"], one["price_cached"] = price.input, price.cached_input
            one["price_output"], one["price_request"] = price.output, price.request
        place = floor.first[pair.source.name, pair.model]
        one["place"], one["places"] = place, floor.kinds.count(floor.kinds[place])
        one["recovers"] = NONE
    return made


def _windows(pairs: tuple[Pair, ...]) -> Array:
    made = np.zeros((len(pairs), 2), layout.WINDOW)
    made["bucket"] = -1
    for at, pair in enumerate(pairs):
        made[at]["length"] = pair.breaker.long.length, pair.breaker.short.length
    return made


def _seen(pairs: int) -> Array:
    made = np.zeros(2 * pairs + 1, layout.SEEN)
    made["fade"], made["stale"], made["weight"] = FADE, STALE, 1.0
    made[-1]["fade"], made[-1]["stale"] = OUTPUT_FADE, inf
    return made


def _changes(play: Play, names: list[str]) -> Array:
    """Rows of moment, source and whether it is lost; losses before recoveries of one moment."""
    rows = [(loss.at, 0, at, loss.source) for at, loss in enumerate(play.losses)]
    rows += [
        (loss.back, 1, (loss.at, at), loss.source)
        for at, loss in enumerate(play.losses)
        if loss.back is not None
    ]
    known = [
        (at, names.index(name), 1 - back) for at, back, _, name in sorted(rows) if name in names
    ]
    return np.array(known, np.int64).reshape(len(known), 3)
