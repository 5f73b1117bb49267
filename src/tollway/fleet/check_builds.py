"""Whether sites have power, builds fit on them, and what is offered can be signed in the plan."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from tollway.catalog import chip_names
from tollway.errors import unknown
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.fleet.horizon import Horizon, horizon_of
from tollway.fleet.schema_offers import OfferTable, YieldTable
from tollway.fleet.schema_planning import BuildTable, SiteTable

Fault = tuple[Path, str, str]
"""Path below the site, build or contract, problem, mend."""


def check_builds(declared: Declared) -> Iterator[Finding]:
    """Every fault of sites, builds and offers."""
    horizon = horizon_of(declared)
    for name, placed in declared.sites.items():
        for path, problem, mend in _site(placed.table):
            yield Finding(placed.document, ("sites", name, *path), problem, mend)
    for name, placed in declared.builds.items():
        for path, problem, mend in (
            *_build(declared, placed.table),
            *_months(placed.table, horizon, "ordered"),
            *_yields(declared, placed.table.yields),
        ):
            yield Finding(placed.document, ("builds", name, *path), problem, mend)
    for name, placed in declared.contracts.items():
        offer = placed.table.offer
        found = [*_yields(declared, placed.table.yields)]
        if offer is not None:
            offered = (*_sizes(offer), *_months(offer, horizon, "signed"))
            found += [(("offer", *path), problem, mend) for path, problem, mend in offered]
        for path, problem, mend in found:
            yield Finding(placed.document, ("contracts", name, *path), problem, mend)


def _site(table: SiteTable) -> Iterator[Fault]:
    if not table.supply:
        yield (), "has no power", 'Write [[sites.NAME.supply]] with kind = "grid".'
    for index, one in enumerate(table.supply):
        if one.until is not None and one.until < one.since:
            problem = f"is {one.until:%Y-%m}, before its start, {one.since:%Y-%m}"
            yield ("supply", index, "until"), problem, "Write a month that is not before it."


def _build(declared: Declared, table: BuildTable) -> Iterator[Fault]:
    if table.site not in declared.names["sites"]:
        fault = unknown(table.site, declared.names["sites"], "")
        yield ("site",), fault.problem, fault.mend or f"Declare it: [sites.{table.site}]."
    if table.chip not in chip_names():
        fault = unknown(table.chip, chip_names(), "")
        yield ("chip",), fault.problem, fault.mend or "Name a chip of the catalog."
    if table.least > table.most:
        yield ("least",), f"is {table.least}, more than most, {table.most}", "Write less."
    site = declared.sites.get(table.site)
    if site is not None and site.table.supply:
        needed, there = table.mw * site.table.pue, _most_power(site.table)
        if needed > there:
            problem = (
                f"is {table.mw:f}: a module needs {needed:f} MW at the meter, and "
                f"{table.site} never has more than {there:f}"
            )
            yield ("mw",), problem, "Write smaller modules, or more power."


def _most_power(site: SiteTable) -> Decimal:
    """The most megawatts that are ever there."""
    return max(
        sum(
            (it.mw for it in site.supply if it.since <= day and (it.until or day) >= day),
            Decimal(0),
        )
        for day in (one.since for one in site.supply)
    )


def _sizes(offer: OfferTable) -> Iterator[Fault]:
    if not offer.most:
        yield ("most",), "is 0: nothing can be signed", "Write how many units can be."
    elif offer.least > offer.most:
        yield ("least",), f"is {offer.least:f}, more than most, {offer.most:f}", "Write less."


def _months(table: OfferTable | BuildTable, horizon: Horizon | None, word: str) -> Iterator[Fault]:
    since: date | None = table.since
    until: date | None = table.until
    if since is not None and until is not None and until < since:
        problem = f"is {until:%Y-%m}, before its start, {since:%Y-%m}"
        yield ("until",), problem, "Write a month that is not before it."
        return
    if horizon is None:
        return
    if until is not None and until < horizon.start:
        problem = f"is {until:%Y-%m}: it can be {word} only before the plan begins, {horizon}"
        yield ("until",), problem, "Write a later month, or take it out."
    if since is not None and since > horizon.last:
        problem = f"is {since:%Y-%m}: it can be {word} only after the plan, {horizon}"
        yield ("since",), problem, "Write an earlier month, or take it out."


def _yields(declared: Declared, yields: Sequence[YieldTable]) -> Iterator[Fault]:
    for index, one in enumerate(yields):
        path: Path = ("yields", index)
        workloads = declared.names["workloads"]
        if one.workload not in workloads:
            fault = unknown(one.workload, workloads, "")
            mend = fault.mend or f"Declare it: [workloads.{one.workload}]."
            yield (*path, "workload"), fault.problem, mend
            continue
        placed = declared.workloads.get(one.workload)
        if placed is not None and one.model not in placed.table.models:
            fault = unknown(one.model, placed.table.models, "")
            mend = fault.mend or f"Name a model of {one.workload}."
            yield (*path, "model"), fault.problem, mend
