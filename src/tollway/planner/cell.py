"""A slice of a planned fleet that is small enough to be played, and what it shows.

Rules
1. A cell has one of every so many replicas, slots, prepaid tokens, quotas and requests; what does
   not divide is left out, and of the cells that are small enough it is the one that leaves out
   least. A smaller cell waits more than the whole would: its queues pool less.
2. What is played is Poisson traffic of the interactive workloads at the rate of the busiest block.
   Batch work is not in it: it waits.
3. An API answers at its declared speed, with so many requests at once as its quota allows
   (Little's law).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from heapq import merge
from math import ceil

from tollway.fleet.objects import Fleet, KeyTerms, Route, Serving, Source
from tollway.fleet.planning import Demand
from tollway.planner.program.instance import Instance, Node
from tollway.simulator.clients import Size, arrivals
from tollway.simulator.play import Play
from tollway.simulator.rehearsal import Rehearsed, rehearse_fleet
from tollway.simulator.trace import Trace, TraceRequest
from tollway.units import Seconds

KEPT = 4
"""Replicas of the smallest source that a cell keeps, if it has as many."""

REQUESTS = 4_000
"""About so many are played at most."""

HOUR = 3600
KEY = "plan"
UTC = 1_800_000_000.0
"""When it is played matters to prices by the hour only."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One `part`-th of a fleet at a node, played for `seconds`. TTFTs are in seconds, of those who
    were answered; `answered` is their share."""

    part: int
    seconds: Seconds
    requests: int
    answered: float
    ttft_p50: float | None
    ttft_p90: float | None


def played(
    fleet: Fleet, instance: Instance, node: Node, quotas: Mapping[str, Fraction], seconds: Seconds
) -> Cell | None:
    """A slice of the fleet; None where nothing serves, or nobody waits. `quotas` are tokens an hour
    of APIs."""
    demands = {it.name: it for it in fleet.workloads.values() if it.request_class == "interactive"}
    rates = _rates(instance, node, demands)
    if not fleet.sources or not sum(rates.values()):
        return None
    part = _part(fleet.sources, sum(rates.values()), seconds)
    made = [_slice(demands, it, quotas.get(it.name), part) for it in fleet.sources.values()]
    sources = {it.name: it for it in made if it is not None}
    cell = _routed(replace(fleet, sources=sources, contracts={}))
    routes = {name: rate for name, rate in rates.items() if name in cell.routes}
    if not routes:
        return None
    traces = [
        _trace(demands[name], name, rate / part, seconds, at)
        for at, (name, rate) in enumerate(routes.items())
    ]
    rows = tuple(merge(*traces, key=lambda it: it.at))
    if not rows:
        return None
    tenant = next(iter(cell.tenants))
    play = Play(next(iter(routes)), KEY, (KeyTerms(KEY, tenant),), UTC)
    return _seen(rehearse_fleet(cell, Trace("peak", rows), play), part, seconds)


def _seen(shown: Rehearsed, part: int, seconds: Seconds) -> Cell:
    total = shown.report.total
    answered = total.ok / max(1, total.requests)
    return Cell(part, seconds, shown.asked, answered, total.ttft.p50, total.ttft.p90)


def _rates(instance: Instance, node: Node, demands: Mapping[str, Demand]) -> dict[str, float]:
    """Requests a second of each workload in the block in which most is wanted of all of them."""
    rows = {
        workload.name: node.demand[at]
        for at, workload in enumerate(instance.workloads)
        if workload.name in demands
    }
    blocks = range(len(instance.blocks))
    busiest = max(blocks, key=lambda at: (sum(row[at] for row in rows.values()), -at))
    return {
        name: row[busiest] / HOUR / (demands[name].input_tokens + demands[name].output_tokens)
        for name, row in rows.items()
    }


def _part(sources: Mapping[str, Source], rate: float, seconds: Seconds) -> int:
    counts = [it.silicon.replicas for it in sources.values() if it.silicon is not None]
    wanted = max(1, min(counts, default=KEPT) // KEPT, ceil(rate * seconds / REQUESTS))
    return min(
        range((wanted + 1) // 2, wanted + 1),
        key=lambda part: (_left_out(counts, part), abs(wanted - part)),
    )


def _left_out(counts: Sequence[int], part: int) -> float:
    """The largest share of a source's replicas that does not divide, in hundredths."""
    return round(100 * max((count % part / count for count in counts), default=0.0))


def _slice(
    demands: Mapping[str, Demand], source: Source, quota: Fraction | None, part: int
) -> Source | None:
    """A part of a source (rule 1); None where nothing of it is left."""
    silicon = source.silicon
    if silicon is not None and silicon.replicas < part:
        return None
    serves = {
        name: replace(it, prepaid=None if it.prepaid is None else max(1, it.prepaid // part))
        for name, it in source.serves.items()
    }
    slots = source.slots
    if silicon is not None:
        kept = silicon.replicas // part
        slots = None if not slots else slots * kept * part // silicon.replicas
        silicon = replace(silicon, replicas=kept, scaling=None)
    elif quota is not None:
        slots = ceil(_at_once(demands, source, float(quota)))
    return replace(
        source, serves=serves, silicon=silicon, slots=None if not slots else max(1, slots // part)
    )


def _at_once(demands: Mapping[str, Demand], source: Source, quota: float) -> float:
    """Requests at once that a quota of tokens an hour comes to, the longest of all (rule 3)."""
    most = 0.0
    for demand in demands.values():
        tokens = demand.input_tokens + demand.output_tokens
        for model, serving in source.serves.items():
            if model in demand.models:
                most = max(most, quota / HOUR / tokens * _seconds(serving, demand))
    return most


def _seconds(serving: Serving, demand: Demand) -> float:
    """How long a mean request takes there."""
    speed = serving.expected_speed or 1.0
    return (serving.expected_ttft or 0.0) + demand.output_tokens / speed


def _routed(fleet: Fleet) -> Fleet:
    """The fleet with routes to the sources that there are."""
    routes: dict[str, Route] = {}
    for name, route in fleet.routes.items():
        kept = tuple(it for it in route.candidates if it.source in fleet.sources)
        others = tuple(it for it in route.fallbacks if it.source in fleet.sources)
        if kept:
            routes[name] = replace(route, candidates=kept, fallbacks=others)
    return replace(fleet, routes=routes)


def _trace(
    demand: Demand, route: str, rate: float, seconds: Seconds, seed: int
) -> list[TraceRequest]:
    if not rate:
        return []
    made = arrivals(rate, seconds, Size(demand.input_tokens, demand.output_tokens), seed)
    return [TraceRequest(it.at, it.input, it.output, route=route) for it in made.requests]
