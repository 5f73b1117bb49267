"""Known malicious releases of packages: name, versions, date, ids and where it is told.

Rules
1. A version is compared as it is written: a guess at equal versions would clear or blame another.
2. A wave whose releases are too many to name is a scope and the hours of its uploads: a release of
   the scope whose upload time nobody knows is not told apart, and said to be unknown.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, cast

Judgement = Literal["bad", "unknown"]


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident in one ecosystem (`pypi`, `npm`).

    `releases` maps a name to its bad versions. `scope` is a prefix of names, `uploaded` the first
    and last moment (UTC) at which a bad release of it was uploaded; None where all are named.
    `ids` are advisories (GHSA, CVE, PYSEC), empty where none is known here.
    """

    name: str
    title: str
    ecosystem: str
    date: date
    ids: tuple[str, ...]
    releases: Mapping[str, tuple[str, ...]]
    scope: str | None
    uploaded: tuple[datetime, datetime] | None
    source: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one release: the incident, and whether it is bad or nobody can say."""

    incident: Incident
    judgement: Judgement


def incidents() -> tuple[Incident, ...]:
    """All known incidents, in the order of the file."""
    return _read()[1]


def incidents_version() -> str:
    """The version of the list: the day on which it was last changed."""
    return _read()[0]


def known_bad(
    ecosystem: str, name: str, version: str, uploaded: datetime | None = None
) -> tuple[Known, ...]:
    """The incidents that a release is of.

    `name` is as its index has it (PyPI: normalised, PEP 503), `uploaded` when it was uploaded, with
    its time zone; None where nobody knows (rule 2).
    """
    found: list[Known] = []
    for incident in incidents():
        if incident.ecosystem != ecosystem:
            continue
        if version in incident.releases.get(name, ()):
            found.append(Known(incident, "bad"))
        elif incident.scope and incident.uploaded and name.startswith(incident.scope):
            if uploaded is None:
                found.append(Known(incident, "unknown"))
            elif incident.uploaded[0] <= uploaded <= incident.uploaded[1]:
                found.append(Known(incident, "bad"))
    return tuple(found)


@cache
def _read() -> tuple[str, tuple[Incident, ...]]:
    path = files("tollway.catalog") / "incidents" / "known.toml"
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    return str(told["version"]), tuple(_incident(it) for it in told["incident"])


def _incident(table: Mapping[str, Any]) -> Incident:
    releases = cast("Mapping[str, list[str]]", table.get("releases", {}))
    uploaded = cast("list[datetime] | None", table.get("uploaded"))
    return Incident(
        name=table["name"],
        title=table["title"],
        ecosystem=table["ecosystem"],
        date=table["date"],
        ids=tuple(table["ids"]),
        releases=MappingProxyType({name: tuple(bad) for name, bad in releases.items()}),
        scope=table.get("scope"),
        uploaded=(uploaded[0], uploaded[1]) if uploaded else None,
        source=table["source"],
    )
