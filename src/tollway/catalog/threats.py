"""Threat frameworks: their entries by id and title, with version, date, licence and source.

Rules
1. Titles are the frameworks' own; what is said of them elsewhere is in our own words.
2. Entries are in the order of their ids, and frameworks in the order of `FRAMEWORKS`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from tollway.errors import TollwayError, unknown

FRAMEWORKS = ("owasp-llm", "owasp-agentic", "atlas")


@dataclass(frozen=True, slots=True)
class Threat:
    """An entry: `tactics` are ids of ATLAS tactics, empty for other frameworks."""

    id: str
    title: str
    framework: str
    tactics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework as it was published. `read` is the day on which it was taken over; `tactics` and
    `mitigations` are id -> name, empty where it has none."""

    key: str
    name: str
    version: str
    published: date
    read: date
    licence: str
    source: str
    threats: tuple[Threat, ...]
    tactics: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    mitigations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@cache
def framework(key: str) -> Framework:
    """The framework of that name.

    Raises:
        TollwayError: there is none; the message names known ones.
    """
    if key not in FRAMEWORKS:
        raise TollwayError(str(unknown(key, FRAMEWORKS, "framework")))
    path = files("tollway.catalog") / "threats" / f"{key}.toml"
    return _framework(key, tomllib.loads(path.read_text(encoding="utf-8")))


@cache
def threats() -> Mapping[str, Threat]:
    """Every entry of every framework, by id (rule 2)."""
    return MappingProxyType({it.id: it for key in FRAMEWORKS for it in framework(key).threats})


def _framework(key: str, told: Mapping[str, Any]) -> Framework:
    entries = tuple(
        Threat(id_, said["title"], key, tuple(said.get("tactics", ())))
        for id_, said in sorted(told["entries"].items())
    )
    return Framework(
        key=key,
        name=told["name"],
        version=told["version"],
        published=told["published"],
        read=told["read"],
        licence=told["licence"],
        source=told["source"],
        threats=entries,
        tactics=MappingProxyType(told.get("tactics", {})),
        mitigations=MappingProxyType(told.get("mitigations", {})),
    )
