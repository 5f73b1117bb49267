"""Contracts for tests, written as a person would."""

from datetime import date

from tollway.catalog import contract_texts
from tollway.fleet.contract import Clauses, Contract
from tollway.fleet.parse import parse_contracts
from tollway.planner.cash import Payment
from tollway.units import PicoDollars, pico_from_usd, usd

HEAD = """
[parties.us]
title = "Us"

[parties.them]
title = "Them"

[contracts.x]
buyer = "us"
supplier = "them"
"""


def contract(text: str) -> Contract:
    """A contract of `text`: its keys, inline."""
    return parse_contracts({"c.toml": HEAD + text}, "c.toml")[1]["x"]


def clauses(text: str) -> Clauses:
    return contract(text).clauses


def public(name: str, reading: str | None = None) -> Clauses:
    """A contract that ships."""
    return parse_contracts(contract_texts(), "parties.toml")[1][name].read(reading)


def dollars(amount: PicoDollars | None) -> str | None:
    return None if amount is None else f"{usd(amount):.2f}"


def money(text: str) -> PicoDollars:
    from decimal import Decimal

    return pico_from_usd(Decimal(text))


def due(paid: list[Payment]) -> list[tuple[str, str, str | None]]:
    return [(str(one.due), one.item, dollars(one.amount)) for one in paid]


def day(text: str) -> date:
    return date.fromisoformat(text)
