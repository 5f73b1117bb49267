"""Whether demand says how much there is, of what, and how it may go, and nothing twice."""

from collections.abc import Iterator

from tollway.errors import unknown
from tollway.fleet.declared import Declared
from tollway.fleet.events import Chain, chains, leaves
from tollway.fleet.findings import Finding, Path
from tollway.fleet.horizon import Horizon, horizon_of
from tollway.fleet.schema_planning import WorkloadTable

MOST_SCENARIOS = 200
"""Beyond it a plan takes hours and its tail no longer changes: combine outlooks instead."""

Fault = tuple[Path, str, str]
"""Path below the workload, problem, mend."""


def check_workloads(declared: Declared) -> Iterator[Finding]:
    """Every fault of workloads, and of the scenarios that they make together."""
    horizon = horizon_of(declared)
    for name, placed in declared.workloads.items():
        for path, problem, mend in (
            *_amount(declared, placed.table),
            *_models(declared, placed.table),
            *_shape(declared, placed.table),
            *_outlooks(placed.table, horizon),
        ):
            yield Finding(placed.document, ("workloads", name, *path), problem, mend)
    yield from _told_otherwise(declared)
    yield from _scenarios(declared)


def _amount(declared: Declared, table: WorkloadTable) -> Iterator[Fault]:
    said = [key for key in ("tokens_per_day", "trace", "ledger") if getattr(table, key) is not None]
    if not said:
        mend = "Write tokens_per_day, trace or ledger."
        yield (), "does not say how much there is", mend
    for extra in said[1:]:
        yield (extra,), f"is given beside {said[0]}", "Keep one of them."
    recorded = table.ledger
    if recorded is None:
        return
    for key, section in (("route", "routes"), ("tenant", "tenants")):
        name = getattr(recorded, key)
        known = declared.names[section]
        if key == "route":
            known |= declared.names["models"]
        if name is not None and name not in known:
            fault = unknown(name, known, "")
            yield ("ledger", key), fault.problem, fault.mend or f"Declare it in [{section}]."


def _models(declared: Declared, table: WorkloadTable) -> Iterator[Fault]:
    known = declared.names["models"]
    for index, model in enumerate(table.models):
        if model not in known:
            fault = unknown(model, known, "")
            mend = fault.mend or f"Declare it: [models.{model}]."
            yield ("models", index), fault.problem, mend


def _shape(declared: Declared, table: WorkloadTable) -> Iterator[Fault]:
    for month in table.seasonality:
        if month not in map(str, range(1, 13)):
            yield ("seasonality", month), "is not a month", "Write its number, 1 to 12."
    if table.seasonality and not any(table.seasonality.values()):
        yield ("seasonality",), "leaves nothing in any month", "Write a factor above 0."
    if table.hours and table.profile:
        yield ("hours",), "is given beside profile", "Keep one of them."
    elif table.hours and len(table.hours) != 24:
        problem = f"has {len(table.hours)} hours, and a day has 24"
        yield ("hours",), problem, "Write one number an hour, from midnight UTC."
    elif table.hours and not any(table.hours):
        yield ("hours",), "leaves nothing in any hour", "Write a number above 0."
    plan = declared.plan.table
    if plan is None:
        return
    for block in table.profile:
        if block not in plan.blocks:
            fault = unknown(block, plan.blocks, "")
            yield ("profile", block), fault.problem, fault.mend or "Name a block of plan.blocks."
    if table.profile and not any(table.profile.get(block, 1) for block in plan.blocks):
        yield ("profile",), "leaves nothing in any block", "Write a factor above 0."


def _outlooks(table: WorkloadTable, horizon: Horizon | None) -> Iterator[Fault]:
    for name, one in table.outlooks.items():
        path: Path = ("outlooks", name)
        before = None if one.after is None else table.outlooks.get(one.after)
        if one.after is not None and before is None:
            fault = unknown(one.after, table.outlooks, "")
            yield (*path, "after"), fault.problem, fault.mend or "Name an outlook of this workload."
        elif before is not None and one.since <= before.since:
            problem = f"is {one.since:%Y-%m}, not after {one.after}, {before.since:%Y-%m}"
            yield (*path, "since"), problem, "Write a later month."
        if horizon is not None and not horizon.start < one.since <= horizon.last_period:
            problem = f"is {one.since:%Y-%m}, and no period of the plan but its first begins then"
            mend = f"Write a month after {horizon.start:%Y-%m}, to {horizon.last_period:%Y-%m}."
            yield (*path, "since"), problem, mend


def _told_otherwise(declared: Declared) -> Iterator[Finding]:
    """Outlooks of one name that are not the same event."""
    first: dict[str, tuple[str, int, str | None]] = {}
    plan = declared.plan.table
    for name, one in (plan.departures if plan else {}).items():
        first[name] = (f"plan.departures.{name}", one.probability, None)
    for workload, placed in declared.workloads.items():
        for name, one in placed.table.outlooks.items():
            path: Path = ("workloads", workload, "outlooks", name)
            where, probability, after = first.setdefault(
                name, (f"workloads.{workload}", one.probability, one.after)
            )
            mend = "Make them alike, for they happen together; or rename one of them."
            if one.probability != probability:
                problem = f"is not that of {where}, which has the name {name} too"
                yield Finding(placed.document, (*path, "probability"), problem, mend)
            elif one.after != after and "departures" not in where:
                problem = f"is not that of {where}, which has the name {name} too"
                yield Finding(placed.document, (*path, "after"), problem, mend)


def _scenarios(declared: Declared) -> Iterator[Finding]:
    """Probabilities over one, and more scenarios than a plan can be made for."""
    plan = declared.plan.table
    every = chains(
        [it.table.outlooks for it in declared.workloads.values()], plan.departures if plan else {}
    )
    count = 1
    for chain in every:
        count *= leaves(chain)
        yield from _beyond_one(declared, chain)
    if plan is not None and count > MOST_SCENARIOS:
        problem = f"makes {count} scenarios of its outlooks and departures"
        mend = "Give outlooks of workloads that go together the same name: they are one event then."
        yield Finding(declared.plan.document, ("plan",), problem, mend)


def _beyond_one(declared: Declared, chain: Chain) -> Iterator[Finding]:
    for state in (None, *(event.name for event in chain)):
        ways = [event for event in chain if event.after == state]
        total = sum(event.share for event in ways)
        if total > 1:
            last = ways[-1].name
            path, document = _where(declared, last)
            names = ", ".join(event.name for event in ways)
            percent = f"{float(total * 100):.10g}%"
            problem = f"brings the probabilities of {names} to {percent}"
            yield Finding(document, path, problem, "They exclude each other: 100% at most.")


def _where(declared: Declared, name: str) -> tuple[Path, str]:
    for workload, placed in declared.workloads.items():
        if name in placed.table.outlooks:
            return ("workloads", workload, "outlooks", name, "probability"), placed.document
    return ("plan", "departures", name, "probability"), declared.plan.document
