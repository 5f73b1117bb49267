"""From what was declared of contracts to frozen ones, field by field of the same name."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, cast

from tollway.fleet import contract as objects
from tollway.fleet import schema_contracts as tables
from tollway.fleet.contract import Clauses, Contract, Party, Reading
from tollway.fleet.declared import Declared
from tollway.fleet.evidence import Evidence
from tollway.fleet.offers import Offer, Yield
from tollway.fleet.schema_contracts import ClausesTable, ContractTable
from tollway.fleet.schema_offers import DependsTable, EvidenceTable, OfferTable, YieldTable


def parties(declared: Declared) -> Mapping[str, Party]:
    """The parties of a declaration without faults."""
    tables = declared.parties.items()
    return MappingProxyType({name: Party(name, it.table.title) for name, it in tables})


def contracts(declared: Declared) -> Mapping[str, Contract]:
    """The contracts of a declaration without faults."""
    tables = declared.contracts.items()
    return MappingProxyType({name: _contract(name, it.table) for name, it in tables})


def _contract(name: str, table: ContractTable) -> Contract:
    evidence = evidence_of(table)
    readings = {key: _reading(key, it, evidence) for key, it in table.readings.items()}
    return Contract(
        name=name,
        title=table.title,
        kind=table.kind,
        buyer=table.buyer,
        supplier=table.supplier,
        sources=tuple(table.sources),
        evidence=evidence,
        clauses=_clauses(table, evidence),
        readings=MappingProxyType(readings),
        offer=None if table.offer is None else _value(table.offer, evidence),
        depends=depends_of(table.depends),
        yields=yields_of(table.yields, evidence),
    )


def depends_of(table: DependsTable) -> Mapping[str, str]:
    """What is named of attributes."""
    return MappingProxyType({name: value for name, value in table if value is not None})


def yields_of(tables: Iterable[YieldTable], above: Evidence) -> tuple[Yield, ...]:
    """What a unit is said to make; evidence is that of the whole unless stated."""
    return tuple(_value(table, above) for table in tables)


def _reading(name: str, table: ClausesTable, above: Evidence) -> Reading:
    evidence = evidence_of(table, above)
    return Reading(name, table.title, evidence, _clauses(table, evidence))


def clauses(table: ClausesTable) -> Clauses:
    """The clauses alone, to be looked at before the contract is known to be sound."""
    return _clauses(table, evidence_of(table))


def _clauses(table: ClausesTable, above: Evidence) -> Clauses:
    return Clauses(
        **{field.name: _value(getattr(table, field.name), above) for field in fields(Clauses)}
    )


def evidence_of(table: EvidenceTable, above: Evidence | None = None) -> Evidence:
    """A clause that names no source has the evidence of what it stands in; a note is its own."""
    if table.source is None and above is not None:
        grade, when = table.grade or above.grade, table.date or above.date
        return Evidence(above.source, grade, when, table.note, table.about)
    return Evidence(table.source, table.grade, table.date, table.note, table.about)


def _value(value: object, above: Evidence) -> Any:
    if isinstance(value, EvidenceTable):
        return _frozen(_OBJECTS[type(value)], value, above)
    if isinstance(value, list):
        return tuple(_value(item, above) for item in cast("list[object]", value))
    return value


_OBJECTS: Mapping[type[EvidenceTable], type[Any]] = MappingProxyType(
    {
        tables.TermTable: objects.Term,
        tables.ExtensionTable: objects.Extension,
        tables.CapacityTable: objects.CapacityStep,
        tables.FeeTable: objects.FeeStep,
        tables.PriceTierTable: objects.PriceTier,
        tables.BillingTable: objects.Billing,
        tables.EscalatorTable: objects.Escalator,
        tables.MinimumTable: objects.Minimum,
        tables.PrepayTable: objects.Prepay,
        tables.CommitmentTable: objects.Commitment,
        tables.LockInTable: objects.LockIn,
        tables.NoticeTable: objects.Notice,
        tables.TerminationTable: objects.Termination,
        tables.SlaTable: objects.Sla,
        tables.DeliveryTable: objects.Delivery,
        tables.BackstopTable: objects.Backstop,
        tables.ProvisionedTable: objects.Provisioned,
        tables.RetirementTable: objects.Retirement,
        tables.ReclaimTable: objects.Reclaim,
        tables.TotalTable: objects.Total,
        tables.RemarkTable: objects.Remark,
        OfferTable: Offer,
        YieldTable: Yield,
    }
)


def _frozen(kind: type[Any], table: EvidenceTable, above: Evidence) -> Any:
    facts = {
        field.name: _value(getattr(table, field.name), above)
        for field in fields(kind)
        if field.name != "evidence"
    }
    return kind(evidence=evidence_of(table, above), **facts)
