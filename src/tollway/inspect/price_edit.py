"""Adds price entries to a fleet file, and leaves every other letter of it as it was.

Rules
1. Nothing that is declared changes: what is added holds from its own `since` on. What comes out is
   read again and held against what went in, before anything is written.
2. Comments, order and layout stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import tomlkit
from tomlkit.items import AoT, InlineTable, Item, Table

from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet, Price
from tollway.inspect.fleetfile import fleet_of

Served = tuple[str, str]
"""A source and a model that it serves."""

_TOKENS = ("input", "cached_input", "cache_write", "output")


def with_prices(
    documents: Mapping[str, str], path: Path, added: Mapping[Served, Sequence[Price]]
) -> dict[str, str]:
    """The documents of a fleet file, by name, with the prices added: those that change.

    Raises:
        TollwayError: the layout of an entry cannot be added to without changing something else.
    """
    parsed = {name: tomlkit.parse(text) for name, text in documents.items()}
    for (source, model), prices in added.items():
        for document in parsed.values():
            serving: Any = document
            for key in ("sources", source, "serves", model):
                serving = serving.get(key) if hasattr(serving, "get") else None
                if serving is None:
                    break
            else:
                _add(serving, prices)
                break
    texts = {name: tomlkit.dumps(document) for name, document in parsed.items()}
    _hold(documents, texts, path, added)
    return {name: text for name, text in texts.items() if text != documents[name]}


def _add(serving: Any, prices: Sequence[Price]) -> None:
    there = serving.get("prices")
    if isinstance(there, AoT):
        for price in prices:
            table = tomlkit.table()
            table.update(_facts(price))
            there.append(table)
        return
    if there is None:
        there = tomlkit.array()
        serving["prices"] = there
        there = serving["prices"]
        if isinstance(serving, Table) and not isinstance(serving, InlineTable):
            there.multiline(multiline=True)
    for price in prices:
        there.append(_entry(price))


def _entry(price: Price) -> InlineTable:
    """An entry in braces, spaced as people do."""
    facts = ", ".join(f"{key} = {item.as_string()}" for key, item in _facts(price).items())
    return cast("InlineTable", tomlkit.parse(f"entry = {{ {facts} }}")["entry"])


def _facts(price: Price) -> dict[str, Item]:
    """The keys of an entry, those left out that say what is so without them."""
    facts: dict[str, Item] = {"since": tomlkit.date(price.since.isoformat())}
    if price.tier != "standard":
        facts["tier"] = tomlkit.string(price.tier)
    if price.hours is not None:
        hours = "-".join(f"{it // 60:02}:{it % 60:02}" for it in price.hours)
        facts["hours"] = tomlkit.string(hours)
    for key in _TOKENS:
        amount: int = getattr(price, key)
        if key not in ("cached_input", "cache_write") or amount != price.input:
            facts[key] = tomlkit.string(_digits(Decimal(amount).scaleb(-6)))
    if price.request:
        facts["request"] = tomlkit.string(_digits(Decimal(price.request).scaleb(-12)))
    return facts


def _digits(amount: Decimal) -> str:
    whole, _, part = f"{amount.normalize():f}".partition(".")
    return f"{whole}.{part:0<2}"


def _hold(
    before: Mapping[str, str],
    after: dict[str, str],
    path: Path,
    added: Mapping[Served, Sequence[Price]],
) -> None:
    """Rule 1."""
    expected, found = fleet_of(dict(before), path), fleet_of(after, path)
    wanted = {
        name: replace(
            source,
            serves=MappingProxyType(
                {
                    model: replace(it, prices=(*it.prices, *added.get((name, model), ())))
                    for model, it in source.serves.items()
                }
            ),
        )
        for name, source in expected.sources.items()
    }
    whole: Fleet = replace(expected, sources=MappingProxyType(wanted), digest=found.digest)
    if whole != found:
        raise TollwayError(
            f"{path}: its layout cannot be added to without changing something else; nothing was "
            "written. Write the prices by hand: tollway prices diff says which."
        )
