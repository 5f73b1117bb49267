"""Whether a plan can be made of what is declared: what exists, within the horizon, and sums up.

Rules
1. What needs a horizon is checked where there is a [plan].
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from tollway.errors import unknown
from tollway.fleet.build_planning import ATTRIBUTES, attribute_of
from tollway.fleet.check_builds import check_builds
from tollway.fleet.check_workloads import check_workloads
from tollway.fleet.contract_dates import add_months
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.fleet.horizon import Horizon, horizon_of
from tollway.fleet.schema_planning import FearTable, PlanTable


def check_planning(declared: Declared) -> Iterator[Finding]:
    """Every fault of the plan, of demand, of sites and builds, and of offers."""
    yield from check_workloads(declared)
    yield from check_builds(declared)
    plan, horizon = declared.plan.table, horizon_of(declared)
    if plan is None:
        return
    document = declared.plan.document
    found = [*_of_itself(plan), *_contingencies(declared, plan), *_names(declared, plan)]
    if horizon is not None:
        found += [*_budgets(plan, horizon), *_since(plan, horizon), *_departures(plan, horizon)]
    for path, problem, mend in found:
        yield Finding(document, ("plan", *path), problem, mend)
    if not declared.names["workloads"]:
        mend = "Write [workloads.NAME]."
        yield Finding(document, ("plan",), "has no demand to plan for", mend)
    yield from _called_twice(declared)


Fault = tuple[Path, str, str]
"""Path below the plan, problem, mend."""


def _of_itself(plan: PlanTable) -> Iterator[Fault]:
    if plan.period == "quarter" and plan.months % 3:
        mend = 'Write a multiple of 3, or period = "month".'
        yield ("months",), f"is {plan.months}, not a number of whole quarters", mend
    hours = sum(plan.blocks.values())
    if hours != 24:
        mend = "Write blocks whose hours make a day."
        yield ("blocks",), f"sum to {hours} hours, and a day has 24", mend
    if plan.risk.beta == 1_000_000:
        mend = 'Write less, "90%": the worst tenth.'
        yield ("risk", "beta"), "is 100%, beyond which there is nothing", mend
    shared = [name for name in ATTRIBUTES if name != "model"]  # no offer has one model
    for name in plan.limits:
        if name not in shared:
            fault = unknown(name, shared, "")
            yield ("limits", name), fault.problem, fault.mend or "Name an attribute."


def _budgets(plan: PlanTable, horizon: Horizon) -> Iterator[Fault]:
    for name, one in plan.budgets.items():
        if one.last < one.first:
            problem = f"is {one.last:%Y-%m}, before its first, {one.first:%Y-%m}"
            yield ("budgets", name, "last"), problem, "Write a last month that is not before it."
            continue
        for key, month, edge in (
            ("first", one.first, one.first),
            ("last", one.last, add_months(one.last, 1)),
        ):
            path: Path = ("budgets", name, key)
            if not horizon.holds(month):
                yield path, *_outside(month, horizon)
            elif (edge.year - horizon.start.year) * 12 + edge.month - horizon.start.month not in (
                range(0, plan.months + 1, horizon.step)
            ):
                mend = 'Write months at which periods begin and end, or period = "month".'
                yield path, f"is {month:%Y-%m}, within a period of the plan", mend


def _outside(month: date, horizon: Horizon) -> tuple[str, str]:
    problem = f"is {month:%Y-%m}, outside the plan, {horizon}"
    return problem, "Write a month of the plan."


def _contingencies(declared: Declared, plan: PlanTable) -> Iterator[Fault]:
    for name, one in plan.contingencies.items():
        path: Path = ("contingencies", name)
        for below, problem, mend in _fear(name, one):
            yield (*path, *below), problem, mend
        yield from _offers(declared, (*path, "offers"), one.offers)
        for index, model in enumerate(one.models):
            yield from _known(declared, "models", (*path, "models", index), model)


def _since(plan: PlanTable, horizon: Horizon) -> Iterator[Fault]:
    for name, one in plan.contingencies.items():
        if one.since is not None and not horizon.holds(one.since):
            yield ("contingencies", name, "since"), *_outside(one.since, horizon)


def _fear(name: str, one: FearTable) -> Iterator[tuple[Path, str, str]]:
    named = bool(one.offers or one.models)
    if one.attribute is not None and named:
        yield ("attribute",), "is given beside what falls away", "Keep one of them."
    elif attribute_of(name, one) is None and not named:
        mend = "Write an attribute, offers or models; or name it as an attribute."
        yield (), "does not say what falls away", mend
    elif one.value is not None and attribute_of(name, one) is None:
        yield ("value",), "is of no attribute", "Write its attribute."


def _departures(plan: PlanTable, horizon: Horizon) -> Iterator[Fault]:
    for name, one in plan.departures.items():
        path: Path = ("departures", name)
        known = one.since - timedelta(days=one.notice_days)
        if not horizon.start < one.since <= horizon.last_period:
            yield (*path, "since"), *_outside(one.since, horizon)
        elif known <= horizon.start:
            problem = (
                f"is {one.notice_days}: it is known on {known}, when the plan begins or before"
            )
            mend = "Write a later month, or a shorter notice; what is certain is no scenario."
            yield (*path, "notice_days"), problem, mend


def _offers(declared: Declared, path: Path, names: Iterable[str]) -> Iterator[Fault]:
    known = declared.names["contracts"] | declared.names["builds"] | declared.names["sources"]
    for index, name in enumerate(names):
        if name not in known:
            fault = unknown(name, known, "")
            mend = fault.mend or "Name a contract, a build or a source."
            yield (*path, index), fault.problem, mend


def _known(declared: Declared, section: str, path: Path, name: str) -> Iterator[Fault]:
    if name not in declared.names[section]:
        fault = unknown(name, declared.names[section], "")
        yield path, fault.problem, fault.mend or f"Declare it: [{section}.{name}]."


def _names(declared: Declared, plan: PlanTable) -> Iterator[Fault]:
    for name, one in plan.departures.items():
        yield from _offers(declared, ("departures", name, "offers"), one.offers)
    for name in plan.sources:
        path: Path = ("sources", name)
        yield from _known(declared, "sources", path, name)
        placed = declared.sources.get(name)
        if placed is not None and placed.table.kind != "api":
            problem = f'is a source of kind "{placed.table.kind}"'
            yield path, problem, "Name an API: what runs on own or leased chips is predicted."
    for name in plan.software:
        yield from _known(declared, "models", ("software", name), name)


def _called_twice(declared: Declared) -> Iterator[Finding]:
    """A plan tells its offers apart by name."""
    apis = {name for name, it in declared.sources.items() if it.table.kind == "api"}
    for section, others in (
        ("contracts", {"source": apis}),
        ("builds", {"source": apis, "contract": declared.names["contracts"]}),
    ):
        for name, placed in getattr(declared, section).items():
            for word, names in others.items():
                if name in names:
                    problem = f"is the name of a {word} too, and a plan has offers of both"
                    yield Finding(placed.document, (section, name), problem, "Rename one of them.")
