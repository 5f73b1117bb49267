"""Contracts as they are written: values for JSON and TOML, and blocks of a fleet file.

Rules
1. What is rendered parses to the same contract. Evidence that a clause shares with what it stands
   in is not repeated.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from tollway.fleet.contract import Clauses, Contract, Party, When
from tollway.fleet.evidence import Evidence
from tollway.fleet.findings import place
from tollway.fleet.offers import Offer
from tollway.units import usd

_MONEY = frozenset(("monthly", "rate", "amount", "fee"))
_SHARES = frozenset(("share", "remaining", "below", "credit", "discount"))
_FALSE = frozenset(("about", "none", "metered"))
"""Keys whose absence is false; elsewhere false says something."""


def written(contract: Contract) -> dict[str, Any]:
    """The contract's table as a person would write it, without its name."""
    head = {
        "title": contract.title,
        "kind": contract.kind,
        "buyer": contract.buyer,
        "supplier": contract.supplier,
        "sources": list(contract.sources) or None,
        **evidence_written(contract.evidence, None),
    }
    readings: dict[str, Any] = {}
    for name, one in contract.readings.items():
        own = {"title": one.title, **evidence_written(one.evidence, contract.evidence)}
        readings[name] = _stated(own) | _clauses(one.clauses, one.evidence)
    found = _stated(head) | _clauses(contract.clauses, contract.evidence)
    if contract.offer is not None:
        found["offer"] = _offer(contract.offer, contract.evidence)
    if contract.depends:
        found["depends"] = dict(contract.depends)
    if contract.yields:
        found["yields"] = [clause_written(one, contract.evidence) for one in contract.yields]
    return found | ({"readings": readings} if readings else {})


def blocks(parties: Mapping[str, Party], contracts: Mapping[str, Contract]) -> list[list[str]]:
    """Tables of a fleet file, each a list of lines."""
    found = [
        [f"[{_path('parties', name)}]", f"title = {json.dumps(party.title)}"]
        for name, party in parties.items()
    ]
    for name, contract in contracts.items():
        found += tables(("contracts", name), written(contract))
    return found


def _offer(offer: Offer, above: Evidence) -> dict[str, Any]:
    """The offer's table. Its months are written as months."""
    facts = clause_written(offer, above)
    months = {key: f"{facts[key]:%Y-%m}" for key in ("since", "until") if key in facts}
    return facts | months


def _stated(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if value is not None}


def evidence_written(evidence: Evidence, above: Evidence | None) -> dict[str, Any]:
    """What differs from the evidence of what it stands in."""
    shared = above is not None and evidence.source == above.source
    facts = {
        "source": None if shared else evidence.source,
        "grade": None if above and shared and evidence.grade == above.grade else evidence.grade,
        "date": None if above and shared and evidence.date == above.date else evidence.date,
        "note": evidence.note,
        "about": evidence.about or None,
    }
    return _stated(facts)


def _clauses(clauses: Clauses, above: Evidence) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in fields(clauses):
        value = getattr(clauses, field.name)
        if isinstance(value, tuple) and value:
            several = cast("tuple[Any, ...]", value)
            found[field.name] = [clause_written(one, above) for one in several]
        elif value is not None and value != ():
            found[field.name] = clause_written(value, above)
    return found


def clause_written(clause: Any, above: Evidence) -> dict[str, Any]:
    """A clause's table, without what it does not say."""
    if not is_dataclass(clause):
        raise TypeError(f"{clause!r} is no clause")
    facts: dict[str, Any] = {}
    for field in fields(clause):
        value = getattr(clause, field.name)
        if field.name == "evidence":
            continue
        if value is None or value == () or (value is False and field.name in _FALSE):
            continue
        facts[field.name] = _value(field.name, value)
    return facts | evidence_written(cast("Any", clause).evidence, above)


def _value(key: str, value: Any) -> Any:
    if key in _MONEY:
        return digits(usd(value))
    if key == "price":  # a token's, written for a million
        return digits(Decimal(value).scaleb(-6))
    if key in _SHARES:
        return digits(Decimal(value).scaleb(-6))
    if isinstance(value, When):
        return value.first if value.first == value.last else str(value)
    return list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value


def digits(amount: Decimal) -> str:
    """At least two decimals, as money is written."""
    whole, _, part = f"{amount.normalize():f}".partition(".")
    return f"{whole}.{part:0<2}"


def _path(*parts: str) -> str:
    return place("", parts).removeprefix(": ")


def tables(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[list[str]]:
    """The tables of a fleet file for a table and those within it, each a list of lines."""
    plain = {key: value for key, value in table.items() if not _nested(value)}
    if plain or not table:
        yield [f"[{_path(*path)}]", *_rows(plain)]
    for key, value in table.items():
        if isinstance(value, dict):
            inner = cast("dict[str, Any]", value)
            yield from tables((*path, key), inner)
        elif _nested(value):
            for one in value:
                yield [f"[[{_path(*path, key)}]]", *_rows(one)]


def _nested(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(one, dict) for one in cast("list[Any]", value))
    return isinstance(value, dict)


def _rows(facts: Mapping[str, Any]) -> list[str]:
    return [f"{_path(key)} = {_toml(value)}" for key, value in facts.items()]


def _toml(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, cast('list[Any]', value)))}]"
    return json.dumps(value)
