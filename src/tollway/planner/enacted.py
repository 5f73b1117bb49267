"""The fleet as it is once a plan is carried out, seen at one of its periods.

Rules
1. What was signed and noticed by then is in force, along the likeliest course of the scenarios;
   what comes later stays on offer. What is noticed ends on its last day of service.
2. Capacity that is paid for becomes servers of whole replicas: chips are divided between models as
   the plan uses them then, in its busiest block. A contract that names its sources keeps them.
3. What a request does not pay for is tried first (`commitment-first`), so that what was planned is
   used before anything is bought.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

from tollway.errors import TollwayError
from tollway.fleet.contract import Contract
from tollway.fleet.objects import (
    Budget,
    Candidate,
    Fleet,
    Limits,
    Objective,
    Route,
    Slo,
    Tenant,
)
from tollway.fleet.planning import Build, Demand
from tollway.planner.agreements import signings_of
from tollway.planner.exits import last_day
from tollway.planner.holdings import NONE, Holding, holdings
from tollway.planner.problem import Problem
from tollway.planner.program.answer import Plan
from tollway.planner.program.instance import Instance, Line
from tollway.planner.signed import ended, scaled
from tollway.planner.speeds import Speeds, load_of
from tollway.planner.streams import notice_day, size_of
from tollway.units import Seconds

MOST_REPLICAS = 1024
"""As many as one source of a fleet file may have; more of them are further sources."""

PREPAID = Objective("commitment-first", 0.0)


@dataclass(frozen=True, slots=True)
class Server:
    """A source that the plan makes of an offer: `replicas` of `tp` chips each serve a model for the
    contract or build `owner`; `prepaid` tokens a minute are paid for, and `slots` requests at once
    keep the promise: what comes beyond them goes elsewhere. `origin`: the speed's."""

    name: str
    offer: str
    owner: str
    model: str
    chip: str
    tp: int
    replicas: int
    slots: int
    prepaid: int
    precision: str | None
    origin: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Enacted:
    """The fleet without the new servers, which are beside it, and what is said of each table, by
    its path. `on` is the first day of the period."""

    on: date
    fleet: Fleet
    servers: tuple[Server, ...]
    said: Mapping[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])


def when_all_serves(instance: Instance, plan: Plan) -> int:
    """The first period in which everything that is signed at the start is there."""
    held = [one for one in holdings(instance, plan)[0] if one.signed == 0]
    firsts = [next((at for at, it in enumerate(one.stream.capacity) if it), 0) for one in held]
    return max(firsts, default=0)


def likeliest(instance: Instance, period: int) -> int:
    """The node of a period that the likeliest course leads to; of equals the first."""
    at = 0
    while instance.nodes[at].period < period:
        after = [number for number, node in enumerate(instance.nodes) if node.parent == at]
        at = min(after, key=lambda it: (-instance.nodes[it].probability, it))
    return at


def enacted(fleet: Fleet, problem: Problem, plan: Plan, speeds: Speeds, period: int) -> Enacted:
    """The fleet at a period (rules 1 to 3)."""
    node = likeliest(problem.instance, period)
    held = holdings(problem.instance, plan)[node]
    on = problem.instance.periods[period].first
    said: dict[tuple[str, ...], str] = {}
    contracts, builds = dict(fleet.contracts), dict(fleet.builds)
    servers: list[Server] = []
    for name in dict.fromkeys(one.offer.name for one in held):
        cohorts = [one for one in held if one.offer.name == name]
        owners: list[tuple[Contract | Build, Holding]] = []
        if name in fleet.contracts:
            owners += _in_force(fleet.contracts[name], problem, cohorts, said)
            left = _on_offer(contracts.pop(name), cohorts)
            contracts |= {} if left is None else {name: left}
        elif name in fleet.builds:
            owners += [(fleet.builds[name], one) for one in cohorts]
            builds[name] = _rest(fleet.builds[name], cohorts)
            said["builds", name] = f"{_units(cohorts)} ordered by {on}, as planned."
        for owner, cohort in owners:
            asked = (fleet.workloads, problem, plan, speeds)
            fresh = [] if _has_sources(owner) else _servers(owner, cohort, asked, node)
            servers += fresh
            if isinstance(owner, Contract):
                names = owner.sources or tuple(one.name for one in fresh)
                contracts[owner.name] = replace(owner, sources=names)
    contracts = _without_rivals(fleet, contracts, {one.offer.name for one in held})
    whole = _asked(replace(fleet, contracts=contracts, builds=builds), said)
    whole = replace(whole, routes=_routes(whole, servers, said))
    return Enacted(on, _rehearsable(whole, said), tuple(servers), said)


def _without_rivals(
    fleet: Fleet, contracts: Mapping[str, Contract], held: set[str]
) -> dict[str, Contract]:
    """Without the offers that one in force excludes, but for those that the plan names."""
    before = (fleet.contracts[name].offer for name in held if name in fleet.contracts)
    taken = {it.group for it in before if it is not None and it.group}
    plan = fleet.plan
    named: set[str] = set()
    if plan is not None:
        for one in (*plan.contingencies.values(), *plan.departures.values()):
            named.update(one.offers)
    return {
        name: one
        for name, one in contracts.items()
        if one.offer is None or one.offer.group not in taken or name in held | named
    }


def _has_sources(owner: Contract | Build) -> bool:
    return isinstance(owner, Contract) and bool(owner.sources)


def _rest(build: Build, cohorts: list[Holding]) -> Build:
    """What may still be ordered; a build that is used up stays declared, for one module."""
    return replace(build, most=max(1, build.most - int(_units(cohorts))))


def _asked(fleet: Fleet, said: dict[tuple[str, ...], str]) -> Fleet:
    """The fleet with somebody who asks, so that its traffic can be played."""
    if fleet.tenants:
        return fleet
    tenant = Tenant("everyone", Limits(), Budget(), None, "interactive")
    said["tenants", tenant.name] = "Added, for nobody may ask of a fleet without a tenant."
    return replace(fleet, tenants={tenant.name: tenant})


def _units(cohorts: list[Holding]) -> Fraction:
    return sum((one.units for one in cohorts), NONE)


def _in_force(
    contract: Contract,
    problem: Problem,
    cohorts: list[Holding],
    said: dict[tuple[str, ...], str],
) -> Iterator[tuple[Contract, Holding]]:
    """The contract as each cohort of it is in force."""
    periods = problem.instance.periods
    signings = dict(signings_of(contract.offer, problem.clauses[contract.name], periods))
    alone = len(cohorts) == 1 and _on_offer(contract, cohorts) is None
    for one in cohorts:
        clauses = signings[one.signed]
        if contract.offer is None:
            words = "In force before the plan"
        else:
            words = f"{one.units} signed on {periods[one.signed].first}, as planned"
        name = (
            contract.name if alone else f"{contract.name}-{_month(one, periods[0].first, problem)}"
        )
        if one.noticed is not None:
            on = notice_day(clauses, periods[one.noticed], periods) or periods[one.noticed].first
            out = last_day(clauses, on, "us")[1]
            clauses = ended(clauses, out)
            words += f"; notice given on {on} ends it on {out}, with what is owed for that"
            words += " (tollway contracts exit), which this file does not count"
            name += "" if alone else "-left"
        said["contracts", name] = f"{words}."
        made = replace(
            contract, name=name, clauses=scaled(clauses, one.units), readings={}, offer=None
        )
        yield made, one


def _month(one: Holding, start: date, problem: Problem) -> str:
    signed = problem.instance.periods[one.signed].first if one.signed >= 0 else start
    return f"{signed:%Y-%m}"


def _on_offer(contract: Contract, cohorts: list[Holding]) -> Contract | None:
    """What may still be signed of it."""
    if contract.offer is None:
        return None
    units = _units(cohorts)
    rest = contract.offer.most - units.numerator / contract.offer.most.__class__(units.denominator)
    if rest <= 0:
        return None
    least = min(contract.offer.least, rest)
    return replace(contract, offer=replace(contract.offer, most=rest, least=least))


def _servers(
    owner: Contract | Build,
    cohort: Holding,
    made: tuple[Mapping[str, Demand], Problem, Plan, Speeds],
    node: int,
) -> list[Server]:
    """What of a cohort is there at a node, as servers (rule 2)."""
    demands, problem, plan, speeds = made
    chips, chip = _chips(owner, cohort, problem, problem.instance.nodes[node].period)
    if not chips or chip is None:
        return []
    found: list[Server] = []
    shares = _shares(problem.instance, plan, cohort, node)
    for line, share in shares:
        demand = demands[line.workload]
        part = int(chips * share)
        try:
            pace = speeds.pace(chip, line.model, load_of(demand), part)
        except TollwayError:
            continue
        replicas = part // pace.chips
        name = owner.name if len(shares) == 1 else f"{owner.name}-{line.model}"
        for index, count in enumerate(_cut(replicas)):
            tokens = int(count * pace.tokens.value / 60)
            found.append(
                Server(
                    f"{name}-{index + 1}" if replicas > MOST_REPLICAS else name,
                    cohort.offer.name, owner.name, line.model, chip, pace.chips, count,
                    count * pace.users, tokens, demand.precision, pace.origin,
                    cohort.offer.attributes,
                )
            )  # fmt: skip
    return found


def _cut(replicas: int) -> list[int]:
    whole, rest = divmod(replicas, MOST_REPLICAS)
    return [MOST_REPLICAS] * whole + ([rest] if rest else [])


def _chips(
    owner: Contract | Build, cohort: Holding, problem: Problem, period: int
) -> tuple[int, str | None]:
    """Chips of a cohort that are there all through a period, and which."""
    if isinstance(owner, Build):
        return int(cohort.capacity(period) * owner.chips), owner.chip
    # Shares are of what all its units come to at their fullest, also where they end before.
    size = size_of(scaled(problem.clauses[cohort.offer.name], cohort.units))
    if size.chips is None:
        return 0, None
    return int(size.chips * cohort.stream.capacity[period]), size.chip


def _shares(
    instance: Instance, plan: Plan, cohort: Holding, node: int
) -> list[tuple[Line, Fraction]]:
    """How an offer's units are divided between models at a node: a line for each, the one that is
    used most, and its model's share. Unused, all is the first line's."""
    offer = cohort.offer
    used: dict[str, dict[str, Fraction]] = {}
    for one in plan.served:
        if one.node == node and one.offer == offer.name:
            line = next(
                it for it in offer.lines if (it.workload, it.model) == (one.workload, one.model)
            )
            hours = instance.blocks[one.block].share * one.tokens / line.tokens
            of = used.setdefault(one.model, {})
            of[one.workload] = of.get(one.workload, NONE) + hours
    total = sum((sum(of.values(), NONE) for of in used.values()), NONE)
    if not total:
        return [(offer.lines[0], Fraction(1))]
    found: list[tuple[Line, Fraction]] = []
    for model, of in used.items():
        most = max(of, key=lambda it: (of[it], it))
        line = next(it for it in offer.lines if (it.workload, it.model) == (most, model))
        found.append((line, sum(of.values(), NONE) / total))
    return found


def _routes(
    fleet: Fleet, servers: list[Server], said: dict[tuple[str, ...], str]
) -> dict[str, Route]:
    """Every route with the new servers first, what is paid for before what is not (rule 3); and one
    of each workload's name, so that its traffic can be played, which falls back on its other
    models."""
    routes = dict(fleet.routes)
    for demand in fleet.workloads.values():
        made = Counter(it.model for it in servers)  # of several models, the one most servers have
        known = max(
            (it for it in demand.models if it in routes), key=lambda it: made[it], default=None
        )
        if demand.name not in routes and known is not None:
            slo = Slo(demand.ttft, demand.speed)
            others = [it for it in demand.models if it != known]
            also = tuple(one for it in others for one in _serving(fleet, servers, it))
            routes[demand.name] = replace(routes[known], alias=demand.name, slo=slo, fallbacks=also)
            more = f", and falls back on {', '.join(others)}" if also else ""
            said["routes", demand.name] = f"What the workload {demand.name} asks for{more}."
    for name, route in routes.items():
        fresh = tuple(Candidate(it.name, it.model) for it in servers if it.model == route.model)
        rest = tuple(it for it in route.objectives if it.name != PREPAID.name)
        candidates = (*fresh, *(it for it in route.candidates if it not in fresh))
        routes[name] = replace(route, candidates=candidates, objectives=(PREPAID, *rest))
    return routes


def _serving(fleet: Fleet, servers: list[Server], model: str) -> list[Candidate]:
    """Everything that serves a model, what is paid for first."""
    new = [Candidate(it.name, model) for it in servers if it.model == model]
    held = [Candidate(name, model) for name, it in fleet.sources.items() if model in it.serves]
    return [*new, *held]


def _rehearsable(fleet: Fleet, said: dict[tuple[str, ...], str]) -> Fleet:
    """APIs that declare no speed answer at what is promised to the workloads, and that is said."""
    sources = dict(fleet.sources)
    for source in fleet.sources.values():
        if source.silicon is not None:
            continue
        serves = dict(source.serves)
        for model, serving in source.serves.items():
            promised = [it for it in fleet.workloads.values() if model in it.models]
            ttft = serving.expected_ttft or _least([it.ttft for it in promised])
            speed = serving.expected_speed or next((it.speed for it in promised if it.speed), None)
            if (ttft, speed) != (serving.expected_ttft, serving.expected_speed):
                serves[model] = replace(serving, expected_ttft=ttft, expected_speed=speed)
                words = "Its speed is assumed: it is what is promised. Declare what you observe."
                said["sources", source.name, "serves", model] = words
        sources[source.name] = replace(source, serves=serves)
    return replace(fleet, sources=sources)


def _least(promised: list[Seconds | None]) -> Seconds | None:
    return min((it for it in promised if it is not None), default=None)
