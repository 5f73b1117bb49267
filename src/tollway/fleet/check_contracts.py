"""Whether contracts can be: parties that exist, an end after the start, ramps within the term.

Rules
1. Every reading is checked as a contract of its own; what it shares with the contract is reported
   once.
2. What two keys that exclude each other say is a fault, and so is a clause that says nothing.
"""

from collections.abc import Iterator
from datetime import date

from tollway.catalog import chip_names
from tollway.errors import unknown
from tollway.fleet.build_contracts import clauses as built
from tollway.fleet.check_clauses import Fault, check_clauses
from tollway.fleet.contract import Clauses
from tollway.fleet.contract_dates import end_of, locked_until, start_of, steps_by_day
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.fleet.schema_contracts import ContractTable


def check_contracts(declared: Declared) -> Iterator[Finding]:
    """Every fault of contracts beyond their own keys."""
    for name, placed in declared.contracts.items():
        contract, at = placed.table, ("contracts", name)
        yield from _names(declared, placed.document, at, contract)
        base = built(contract)
        shared = dict.fromkeys(_faults(declared, base))
        for path, problem, mend in shared:
            yield Finding(placed.document, (*at, *path), problem, mend)
        for reading, table in contract.readings.items():
            own = built(table)
            for path, problem, mend in _faults(declared, base.under(own)):
                if (path, problem, mend) in shared and not getattr(own, str(path[0])):
                    continue
                if getattr(own, str(path[0])):
                    where: Path = (*at, "readings", reading, *path)
                    yield Finding(placed.document, where, problem, mend)
                else:
                    words = f"{problem}, as {reading} reads it"
                    yield Finding(placed.document, (*at, *path), words, mend)


def _names(
    declared: Declared, document: str, at: Path, contract: ContractTable
) -> Iterator[Finding]:
    for side in ("buyer", "supplier"):
        for _, problem, mend in _party(declared, (side,), getattr(contract, side)):
            yield Finding(document, (*at, side), problem, mend)
    known = declared.names["sources"]
    for index, source in enumerate(contract.sources):
        if known and source not in known:  # a file of contracts alone names the fleet's sources
            fault = unknown(source, known, "")
            mend = fault.mend or "Declare it in [sources]."
            yield Finding(document, (*at, "sources", index), fault.problem, mend)


def _faults(declared: Declared, clauses: Clauses) -> Iterator[Fault]:
    yield from _parties(declared, clauses)
    yield from _dates(clauses)
    yield from _chips(clauses)
    yield from check_clauses(clauses)


def _party(declared: Declared, path: Path, name: str) -> Iterator[Fault]:
    if name not in declared.names["parties"]:
        fault = unknown(name, declared.names["parties"], "")
        yield path, fault.problem, fault.mend or f"Declare it: [parties.{name}]."


def _parties(declared: Declared, clauses: Clauses) -> Iterator[Fault]:
    for index, one in enumerate(clauses.backstop):
        yield from _party(declared, ("backstop", index, "guarantor"), one.guarantor)
    if clauses.reclaim is not None:
        yield from _party(declared, ("reclaim", "by"), clauses.reclaim.by)


def _chips(clauses: Clauses) -> Iterator[Fault]:
    for index, step in enumerate(clauses.capacity):
        if step.chip is not None and step.chip not in chip_names():
            fault = unknown(step.chip, chip_names(), "")
            mend = fault.mend or "Name a chip of the catalog."
            yield ("capacity", index, "chip"), fault.problem, mend


def _dates(clauses: Clauses) -> Iterator[Fault]:
    term, start, end = clauses.term, start_of(clauses), end_of(clauses)
    if term is not None and term.end is not None:
        if term.months is not None:
            yield ("term", "months"), "is given beside end", "Keep one of them."
        elif term.start is not None and term.end.last < term.start.first:
            problem = f"is {term.end}, before its start, {term.start}"
            yield ("term", "end"), problem, "Write an end that is not before the start."
    if start is not None and end is not None and end < start:
        return  # said above, and everything else would lie outside
    yield from _steps(clauses, "capacity", start, end)
    yield from _steps(clauses, "fee", start, end)
    locked = locked_until(clauses)
    if locked is not None and end is not None and locked > end:
        problem = f"lasts until {locked}, beyond the term, which ends on {end}"
        yield ("lock_in",), problem, "Shorten it, or write a later end."
    for index, notice in enumerate(clauses.notice):
        if notice.not_before is not None and end is not None and notice.not_before > end:
            problem = f"is {notice.not_before}, beyond the term, which ends on {end}"
            yield ("notice", index, "not_before"), problem, "Write an earlier day."
    prepay = clauses.prepay
    if prepay is not None and prepay.on is not None and end is not None and prepay.on.first > end:
        problem = f"is {prepay.on}, beyond the term, which ends on {end}"
        yield ("prepay", "on"), problem, "Write an earlier day."


def _steps(clauses: Clauses, name: str, start: date | None, end: date | None) -> Iterator[Fault]:
    steps = clauses.capacity if name == "capacity" else clauses.fee
    for index, step in enumerate(steps):
        if step.since is not None and step.month is not None:
            yield (name, index, "month"), "is given beside since", "Keep one of them."
    before: date | None = None
    for index, day in steps_by_day(clauses, steps):
        step = steps[index]
        key = "since" if step.month is None else "month"
        said = f"is {step.since if step.month is None else step.month}"
        path: Path = (name, index, key)
        if end is not None and day > end:
            problem = f"{said}: the ramp goes beyond the term, which ends on {end}"
            yield path, problem, "Take the step out, or write a later end."
        elif start is not None and step.since is not None and step.since.last < start:
            problem = f"{said}, before the term, which starts on {start}"
            yield path, problem, "Write when it holds, or an earlier start."
        elif before is not None and day <= before:
            problem = f"begins on {day}, and the step before it on {before}"
            yield (name, index), problem, "Write steps in the order of their days."
        before = day
