"""What is declared for a plan as it is written: values for TOML, blocks of a fleet file.

Rules
1. What is rendered parses to the same objects; what is absent, empty or false is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from tollway.fleet.evidence import Evidence
from tollway.fleet.objects import Fleet
from tollway.fleet.planning import Build, Demand, Planning, Site
from tollway.fleet.render_contracts import digits, evidence_written, tables
from tollway.units import usd

_MONEY = frozenset(("amount", "short", "unserved", "kwh", "mw_month", "capex", "facility", "opex"))
_PERCENT = frozenset(
    (
        "discount", "weight", "beta", "cover", "limits", "probability", "growth", "price_growth",
        "share", "rate", "deposit", "resale",
    )
)  # fmt: skip
_HEADING = frozenset(("name", "evidence"))
"""What the table's own name says, and what is written beside."""


def blocks(fleet: Fleet) -> Iterator[list[str]]:
    """Tables of a fleet file, each a list of lines."""
    if fleet.plan is not None:
        yield from tables(("plan",), _plan(fleet.plan))
    for section, named in (
        ("workloads", fleet.workloads),
        ("sites", fleet.sites),
        ("builds", fleet.builds),
    ):
        for name, one in named.items():
            yield from tables((section, name), written(one))


def written(one: Demand | Site | Build) -> dict[str, Any]:
    """A workload's, site's or build's table as a person would write it, without its name."""
    table = _table(one, one.evidence) | evidence_written(one.evidence, None)
    if isinstance(one, Demand):
        table = {"class": table.pop("request_class"), **table}
        if one.ttft is not None:
            table["ttft"] = f"{Decimal(repr(float(one.ttft))).normalize():f}s"
    return table


def _plan(plan: Planning) -> dict[str, Any]:
    table = _table(plan, None)
    table["risk"] = {key: table.pop(key) for key in ("weight", "beta")}
    for section, key in (("sources", "source"), ("software", "model")):
        for one in table.get(section, {}).values():
            del one[key]
    return table


def _table(one: Any, above: Evidence | None) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for field in fields(one):
        value = getattr(one, field.name)
        if field.name not in _HEADING and not _says_nothing(value):
            facts[field.name] = _value(field.name, value, above)
    return facts


def _says_nothing(value: Any) -> bool:
    return value is None or value is False or value == () or value == {}


def _value(key: str, value: Any, above: Evidence | None) -> Any:
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value).items()
        return {str(name): _value(key, inner, above) for name, inner in entries}
    if isinstance(value, tuple):
        return [_value(key, inner, above) for inner in cast("tuple[Any, ...]", value)]
    if is_dataclass(value):
        own: Evidence | None = getattr(value, "evidence", None)
        return _table(value, above) | ({} if own is None else evidence_written(own, above))
    if key in _MONEY:
        return digits(usd(value))
    if key in _PERCENT:
        return f"{Decimal(value).scaleb(-4).normalize():f}%"
    return f"{value:%Y-%m}" if isinstance(value, date) else value
