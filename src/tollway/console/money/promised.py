"""Commitments of the contracts in force: their draw-down, and what is to be decided by when."""

from dataclasses import dataclass
from datetime import date

from tollway.fleet.contract_dates import add_months
from tollway.fleet.objects import Fleet
from tollway.fleet.readings import Read, readings
from tollway.ledger.commitments import drawn_down
from tollway.ledger.sqlite import SqliteLedger
from tollway.planner.burndown import Burn
from tollway.planner.decisions import Dated, decisions
from tollway.planner.stated import NotStatedError


@dataclass(frozen=True, slots=True)
class Drawn:
    """A commitment and its draw-down, or why there is none to tell."""

    name: str
    burn: Burn | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """Something dated of a contract."""

    contract: str
    dated: Dated


def _in_force(fleet: Fleet) -> list[Read]:
    return [read for one in fleet.contracts.values() if one.offer is None for read in readings(one)]


def drawn(fleet: Fleet, ledger: SqliteLedger, today: date) -> list[Drawn]:
    """Every commitment of a contract in force."""
    found: list[Drawn] = []
    for one in _in_force(fleet):
        if one.clauses.commitment is None:
            continue
        if not one.contract.sources:
            why = 'It names no sources, whose cost draws it down: write sources = ["NAME"].'
            found.append(Drawn(one.name, None, why))
            continue
        try:
            found.append(Drawn(one.name, drawn_down(ledger, one, today)))
        except NotStatedError as error:
            found.append(Drawn(one.name, None, str(error)))
    return found


def calendar(fleet: Fleet, today: date) -> list[Due]:
    """What is dated within a year, in order."""
    until = add_months(today, 12)
    found = [
        Due(one.name, dated)
        for one in _in_force(fleet)
        for dated in decisions(one.clauses, today, until)
    ]
    return sorted(found, key=lambda it: (it.dated.on, it.contract))
