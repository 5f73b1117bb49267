"""From a fleet file to a planning problem: all that gives tokens, and all that may fall away.

Rules
1. Every gap of the file is named at once; what was taken for granted is told beside the problem.
2. A contract with several readings is planned under the one that is chosen, never under a mixture.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from types import MappingProxyType

from tollway.errors import Fault, FaultsFound, TollwayError, listed, unknown
from tollway.fleet.contract import Clauses
from tollway.fleet.contract_dates import start_of
from tollway.fleet.objects import Fleet
from tollway.fleet.planning import Planning
from tollway.planner.agreements import Drawn, contract_offer
from tollway.planner.blocks import blocks_of
from tollway.planner.contingencies import Notice, contingencies, unknown_fears
from tollway.planner.exits import first_notice, notice_of
from tollway.planner.horizon import periods_of
from tollway.planner.outlook import Measured, nodes_of, workloads_of
from tollway.planner.own import build_offer
from tollway.planner.portability import Port, ported
from tollway.planner.program.instance import (
    Budget,
    Contingency,
    Instance,
    Limit,
    Node,
    Offer,
    Period,
    Resource,
    Risk,
)
from tollway.planner.program.security import counts
from tollway.planner.sites import power_of
from tollway.planner.sources import api_offer
from tollway.planner.speeds import Speeds
from tollway.planner.stated import NotStatedError

MILLION = 10**6

BEYOND = 4
"""An API without a quota gives so many times the most that is ever wanted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan is made with besides the fleet: the `readings` of contracts by name, what was
    `measured` of demand, and the name of a `life` of own chips (None: as the builds say)."""

    readings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    measured: Mapping[str, Measured] = field(default_factory=lambda: MappingProxyType({}))
    life: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """The instance, with what it was made from: each contract's clauses as they were read,
    contingencies that nothing on offer survives (`fatal`), `notes` on what was taken for granted,
    and `ports` that a line waits for."""

    instance: Instance
    clauses: Mapping[str, Clauses]
    fatal: tuple[Contingency, ...]
    notes: tuple[str, ...]
    ports: tuple[Port, ...]


def problem_of(fleet: Fleet, speeds: Speeds, asked: Asked) -> Problem:
    """The planning problem of a fleet.

    Raises:
        FaultsFound: with all that is needed and not stated.
        TollwayError: nothing is planned, or a demand was not measured.
    """
    plan = fleet.plan
    if plan is None or not fleet.workloads:
        raise TollwayError("the fleet has no plan. Write [plan] and [workloads.NAME].")
    periods = periods_of(plan)
    nodes = nodes_of(plan, fleet.workloads, asked.measured)
    clauses = _read(fleet, asked.readings)
    drawn = list(_drawn(fleet, clauses, periods, nodes, speeds, asked.life))
    offers, ports = _ported([one.offer for one in drawn if one.offer], plan, periods)
    others = {*fleet.contracts, *fleet.builds, *fleet.sources}
    faults = [fault for one in drawn for fault in one.faults]
    faults += [] if faults else unknown_fears(offers, others, plan)
    if faults:
        raise FaultsFound(faults)
    if not offers:
        raise TollwayError("nothing serves the plan. Declare APIs, contracts or builds that do.")
    notices = dict(_notices(clauses, periods[0].first))
    instance = Instance(
        periods=periods,
        blocks=blocks_of(plan),
        workloads=workloads_of(fleet.workloads),
        nodes=nodes,
        offers=offers,
        risk=Risk(Fraction(plan.weight, MILLION), Fraction(plan.beta, MILLION)),
        contingencies=contingencies(offers, notices, plan, periods),
        limits=tuple(Limit(name, Fraction(it, MILLION)) for name, it in plan.limits.items()),
        budgets=tuple(_budgets(plan, periods)),
        resources=tuple(_power(fleet, offers, periods)),
    )
    fatal = tuple(one for one in instance.contingencies if not _survived(instance, one))
    met = tuple(one for one in instance.contingencies if one not in fatal)
    instance = replace(instance, contingencies=met)
    notes = [note for one in drawn for note in one.notes]
    notes += [*_unsaid_vendors(instance, notices), *_fatal_at_times(instance), *_port_notes(ports)]
    return Problem(instance, clauses, fatal, tuple(notes), ports)


def _read(fleet: Fleet, readings: Mapping[str, str]) -> dict[str, Clauses]:
    """Each contract's clauses (rule 2)."""
    faults = [
        unknown(name, fleet.contracts, "--reading")
        for name in readings
        if name not in fleet.contracts
    ]
    found: dict[str, Clauses] = {}
    for name, one in fleet.contracts.items():
        reading = readings.get(name)
        if reading is not None and reading not in one.readings:
            faults.append(unknown(reading, one.readings, f"--reading {name}"))
        elif reading is None and one.readings:
            problem = f"is read in several ways: {listed(one.readings)}"
            mend = f"Choose one: --reading {name}={min(one.readings)}."
            faults.append(Fault(f"contracts.{name}", problem, mend))
        else:
            found[name] = one.read(reading)
    if faults:
        raise FaultsFound(faults)
    return found


def _drawn(
    fleet: Fleet,
    clauses: Mapping[str, Clauses],
    periods: Sequence[Period],
    nodes: Sequence[Node],
    speeds: Speeds,
    life: str | None,
) -> Iterator[Drawn]:
    """Every source, contract and build as an offer."""
    demands, plan = fleet.workloads, fleet.plan
    most = BEYOND * max(sum(max(row, default=0) for row in node.demand) for node in nodes)
    backed = {name for one in fleet.contracts.values() for name in one.sources}
    for source in fleet.sources.values():
        if source.kind == "api" and source.name not in backed:
            quota = plan.sources.get(source.name) if plan else None
            found = api_offer(source, quota, demands, periods, max(1, most))
            yield Drawn(found.offer, found.notes)
        elif source.name not in backed:
            words = f"{source.name} runs on chips of which no contract says the price"
            yield Drawn(notes=(f"{words}: it is left out of the plan.",))
    for name, contract in fleet.contracts.items():
        yield contract_offer(contract, clauses[name], demands, periods, speeds)
    lives = {name for one in fleet.builds.values() for name in one.lives}
    if life is not None and life not in lives:
        raise FaultsFound([unknown(life, lives, "--life")])
    for build in fleet.builds.values():
        months = None if life is None else build.lives.get(life)
        yield build_offer(build, fleet.sites[build.site], demands, periods, speeds, months)


def _ported(
    offers: Sequence[Offer], plan: Planning, periods: Sequence[Period]
) -> tuple[tuple[Offer, ...], tuple[Port, ...]]:
    """Offers whose lines begin once their model runs there; those that never do are left out."""
    found: list[Offer] = []
    ports: dict[Port, None] = {}
    for one in offers:
        lines, needed = ported(one.lines, one.attributes.get("software"), plan.software, periods)
        ports |= dict.fromkeys(needed)
        if lines:
            found.append(replace(one, lines=lines))
    return tuple(found), tuple(ports)


def _notices(clauses: Mapping[str, Clauses], start: date) -> Iterator[tuple[str, Notice]]:
    """What contracts state of their suppliers' notice, for a plan that begins on `start`."""
    for name, one in clauses.items():
        notice = notice_of(one, "them")
        if notice is None:
            continue
        if notice.none:
            yield name, Notice(None, None)
            continue
        days = notice.days if notice.months is None else notice.months * 30
        try:
            first = first_notice(one, "them")
            later = first is not None and first > max(start, start_of(one) or start)
            yield name, Notice(None, None) if later else Notice(days or 0, first)
        except NotStatedError:  # an offer's first day is that of its signing
            yield name, Notice(days or 0, None)


def _unsaid_vendors(instance: Instance, notices: Mapping[str, Notice]) -> Iterator[str]:
    silent = [
        one.name
        for one in instance.offers
        if one.kind in ("contract", "block") and one.name not in notices
    ]
    if silent:
        yield (
            f"What notice the supplier of {', '.join(silent)} may give is not stated: none is "
            "taken."
        )


def _port_notes(ports: Sequence[Port]) -> Iterator[str]:
    for one in ports:
        whose = "as declared" if one.declared else "a judgement; declare port_months"
        yield f"{one.model} is to be ported to {one.software}: {one.months} months, {whose}."


def _survived(instance: Instance, one: Contingency) -> list[int]:
    """The periods in which something on offer survives a contingency."""
    return [at for at in range(len(instance.periods)) if counts(instance, one, at)]


def _fatal_at_times(instance: Instance) -> Iterator[str]:
    for one in instance.contingencies:
        able = {*range(one.since), *_survived(instance, one)}
        months = [f"{it.first:%Y-%m}" for at, it in enumerate(instance.periods) if at not in able]
        if months:
            yield (
                f"{one.name}: in the periods from {', '.join(months)}, nothing on offer would "
                "serve what people wait for, and no plan survives that. It counts in the others."
            )


def _budgets(plan: Planning, periods: Sequence[Period]) -> Iterator[Budget]:
    for name, one in plan.budgets.items():
        inside = [at for at, it in enumerate(periods) if it.last >= one.first]
        until = [at for at, it in enumerate(periods) if it.first <= one.last]
        yield Budget(name, inside[0], until[-1], one.amount)


def _power(fleet: Fleet, offers: Sequence[Offer], periods: Sequence[Period]) -> Iterator[Resource]:
    used = {name for one in offers for name in one.uses}
    return (power_of(site, periods) for name, site in fleet.sites.items() if name in used)
