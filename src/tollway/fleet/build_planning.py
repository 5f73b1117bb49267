"""From what was declared for a plan to frozen objects, field by field of the same name."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, TypeVar, cast, get_args

from tollway.fleet import planning as objects
from tollway.fleet.build_contracts import depends_of, evidence_of, yields_of
from tollway.fleet.declared import Declared
from tollway.fleet.evidence import Evidence
from tollway.fleet.planning import Attribute, Build, Demand, Fear, Planning, Quota, Site
from tollway.fleet.schema_offers import EvidenceTable
from tollway.fleet.schema_planning import (
    BuildTable,
    FearTable,
    PlanTable,
    QuotaTable,
    SiteTable,
    WorkloadTable,
)
from tollway.fleet.table import Table
from tollway.units import PicoDollars

T = TypeVar("T")

ATTRIBUTES: tuple[str, ...] = get_args(Attribute)


def plan_of(declared: Declared) -> Planning | None:
    """The plan of a declaration without faults; None where it has none."""
    table = declared.plan.table
    if table is None:
        return None
    return Planning(
        **_plain(table, "start", "months", "period", "discount", "cover"),
        **_plain(table.risk, "weight", "beta"),
        short=_highest_unserved(declared) if table.short is None else table.short,
        blocks=MappingProxyType(dict(table.blocks)),
        limits=cast("Mapping[Attribute, Any]", MappingProxyType(dict(table.limits))),
        **_named(table),
    )


def _highest_unserved(declared: Declared) -> PicoDollars | None:
    """What work costs most that is not served; None where some must be served."""
    prices = [it.table.unserved for it in declared.workloads.values()]
    known = [price for price in prices if price is not None]
    return max(known) if known and len(known) == len(prices) else None


def _named(table: PlanTable) -> dict[str, Any]:
    windows = {name: _made(objects.BudgetWindow, it, name) for name, it in table.budgets.items()}
    leaving = {name: _made(objects.Departure, it, name) for name, it in table.departures.items()}
    return {
        "budgets": MappingProxyType(windows),
        "contingencies": MappingProxyType(
            {name: _fear(name, it) for name, it in table.contingencies.items()}
        ),
        "sources": MappingProxyType({name: _quota(name, it) for name, it in table.sources.items()}),
        "departures": MappingProxyType(leaving),
        "software": MappingProxyType(
            {
                name: _made(objects.Portability, it, name, "model")
                for name, it in table.software.items()
            }
        ),
    }


def attribute_of(name: str, table: FearTable) -> str | None:
    """The attribute that a contingency is of: the one it states, or its name where it is one."""
    if table.attribute is not None or table.offers or table.models:
        return table.attribute
    return name if name in ATTRIBUTES else None


def _fear(name: str, table: FearTable) -> Fear:
    stated = _values(Fear, table, ("name", "attribute"))
    return Fear(name=name, attribute=cast("Any", attribute_of(name, table)), **stated)


def _quota(name: str, table: QuotaTable) -> Quota:
    stated = _values(Quota, table, ("source", "depends"))
    return Quota(source=name, depends=depends_of(table.depends), **stated)


def workloads(declared: Declared) -> Mapping[str, Demand]:
    """The workloads of a declaration without faults."""
    return MappingProxyType(
        {name: _demand(name, it.table) for name, it in declared.workloads.items()}
    )


def _demand(name: str, table: WorkloadTable) -> Demand:
    apart = ("name", "ledger", "outlooks", "seasonality", "evidence")
    return Demand(
        name=name,
        ledger=None if table.ledger is None else objects.Recorded(**dict(table.ledger)),
        outlooks=MappingProxyType(
            {key: _made(objects.Outlook, it, key) for key, it in table.outlooks.items()}
        ),
        seasonality=MappingProxyType({int(key): it for key, it in table.seasonality.items()}),
        evidence=evidence_of(table),
        **_values(Demand, table, apart),
    )


def sites(declared: Declared) -> Mapping[str, Site]:
    """The sites of a declaration without faults."""
    return MappingProxyType({name: _site(name, it.table) for name, it in declared.sites.items()})


def _site(name: str, table: SiteTable) -> Site:
    above = evidence_of(table)
    supply = _evident(objects.Supply, table.supply, above)
    stated = _values(Site, table, ("name", "supply", "evidence"))
    return Site(name=name, supply=supply, evidence=above, **stated)


def builds(declared: Declared) -> Mapping[str, Build]:
    """The builds of a declaration without faults."""
    return MappingProxyType({name: _build(name, it.table) for name, it in declared.builds.items()})


def _build(name: str, table: BuildTable) -> Build:
    above = evidence_of(table)
    debt = _evident(objects.Debt, [] if table.debt is None else [table.debt], above)
    return Build(
        name=name,
        debt=debt[0] if debt else None,
        depends=depends_of(table.depends),
        yields=yields_of(table.yields, above),
        evidence=above,
        **_values(Build, table, ("name", "debt", "depends", "yields", "evidence")),
    )


def _evident(kind: type[Any], tables: Iterable[EvidenceTable], above: Evidence) -> tuple[Any, ...]:
    return tuple(
        kind(evidence=evidence_of(table, above), **_values(kind, table, ("evidence",)))
        for table in tables
    )


def _made(kind: type[T], table: Table, name: str, called: str = "name") -> T:
    return kind(**{called: name}, **_values(kind, table, (called,)))


def _plain(table: Table, *keys: str) -> dict[str, Any]:
    return {key: getattr(table, key) for key in keys}


def _values(kind: type[Any], table: Table, apart: tuple[str, ...]) -> dict[str, Any]:
    """What the table says of the fields of an object, as frozen as the object."""
    names = [field.name for field in fields(kind) if field.name not in apart]
    return {name: _frozen(getattr(table, name)) for name in names}


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(cast("list[Any]", value))
    if isinstance(value, dict):
        return MappingProxyType(dict(cast("dict[str, Any]", value)))
    return value
