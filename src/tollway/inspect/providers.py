"""The providers that `tollway init` knows, with a few of their models and public prices."""

import tomllib
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any

from tollway.fleet.objects import Dialect


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model as a provider offers it; prices are text in USD a million tokens."""

    name: str
    upstream: str
    context: int | None
    prices: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a provider answers, the environment variable that usually holds its key, and the
    dialects that it speaks."""

    name: str
    variable: str
    url: str
    dialects: tuple[Dialect, ...]
    models: tuple[OfferedModel, ...]


@dataclass(frozen=True, slots=True)
class ProviderTable:
    """All known providers; `taken` is the day on which the prices were read."""

    taken: date
    providers: tuple[Provider, ...]


def provider_table() -> ProviderTable:
    """The packaged table."""
    text = files("tollway.inspect").joinpath("providers.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return ProviderTable(tables["taken"], tuple(map(_provider, tables["providers"])))


def _provider(table: dict[str, Any]) -> Provider:
    models = tuple(map(_model, table["models"]))
    dialects = tuple(table.get("dialects", ("openai",)))
    return Provider(table["name"], table["variable"], table["url"], dialects, models)


def _model(table: dict[str, Any]) -> OfferedModel:
    keys = ("input", "cached_input", "cache_write", "output")
    return OfferedModel(
        name=table["name"],
        upstream=table.get("upstream", table["name"]),
        context=table.get("context"),
        prices=tuple((key, table[key]) for key in keys if key in table),
    )
