"""A contract under one of its readings."""

from dataclasses import dataclass

from tollway.fleet.contract import Clauses, Contract


@dataclass(frozen=True, slots=True)
class Read:
    """A contract under one of its readings; None: it has none, or what all of them share."""

    contract: Contract
    reading: str | None

    @property
    def clauses(self) -> Clauses:
        """What it says so."""
        return self.contract.read(self.reading)

    @property
    def name(self) -> str:
        """`anthropic-spacex:s-1`."""
        return self.contract.name + (f":{self.reading}" if self.reading else "")


def readings(contract: Contract) -> list[Read]:
    """The contract under each of its readings; under what it says where it has none."""
    return [Read(contract, one) for one in contract.readings] or [Read(contract, None)]
