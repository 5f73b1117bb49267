"""Detectors as data: what a kind of secret or personal number looks like, and how it is checked.

Rules
1. A detector is a table of a packaged TOML file. Its `anchor` is a cheap pattern that fits wherever
   its `pattern` does; only where the anchor fits is the pattern run, and only its hits are checked.
2. A match that can hold white space says so with `opens`: what an unfinished match looks like at
   the end of a text, for streams to wait for the rest.
3. `begins` are the letters that tell a first half of it: what has them is looked for in halves too,
   in several fields and requests. Of what is told by its context alone a half is told by nothing.
4. Every detector states its source and examples that must fire and must not. `<alnum 36>` in an
   example stands for as many letters, which tests make up: no file holds a whole secret.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from tollway.errors import Fault, FaultsFound, unknown
from tollway.guard.finding import KINDS, Kind
from tollway.guard.validators import VALIDATORS


@dataclass(frozen=True, slots=True)
class Detector:
    """One kind of thing to look for. `pattern` and `anchor` are RE2; the found part is the
    pattern's first group, if it has one. One of `keywords` must stand within `near` bytes before
    it, where there are any. `entropy` is the least bits a byte."""

    id: str
    title: str
    kind: Kind
    pattern: str
    anchor: str
    source: str
    validator: str | None = None
    keywords: tuple[str, ...] = ()
    near: int = 48
    entropy: float | None = None
    opens: str | None = None
    begins: tuple[str, ...] = ()
    fires: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()


_LISTS = ("begins", "keywords", "fires", "passes")
_REQUIRED = ("title", "kind", "pattern", "source")
_KEYS = (*_REQUIRED, *_LISTS, "anchor", "validator", "near", "entropy", "opens")


def read_detectors(text: str, name: str) -> tuple[Detector, ...]:
    """The detectors of a TOML text: a table each, by id.

    Raises:
        FaultsFound: with every fault of it.
    """
    try:
        tables = cast("dict[str, dict[str, Any]]", tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise FaultsFound([Fault(name, f"is not TOML: {error}")]) from None
    faults = [fault for key, table in tables.items() for fault in _faults(f"{name}: {key}", table)]
    if faults:
        raise FaultsFound(faults)
    return tuple(_detector(key, table) for key, table in tables.items())


def _faults(place: str, table: dict[str, Any]) -> list[Fault]:
    found = [unknown(key, _KEYS, place) for key in table if key not in _KEYS]
    found += [Fault(f"{place}.{key}", "is missing") for key in _REQUIRED if key not in table]
    if table.get("kind", KINDS[0]) not in KINDS:
        found.append(unknown(str(table["kind"]), KINDS, f"{place}.kind"))
    if table.get("validator", "jwt") not in VALIDATORS:
        found.append(unknown(str(table["validator"]), VALIDATORS, f"{place}.validator"))
    return found


def _detector(name: str, table: dict[str, Any]) -> Detector:
    lists = {key: tuple(table.get(key, ())) for key in _LISTS}
    facts: dict[str, Any] = {"anchor": table["pattern"], **table, **lists}
    return Detector(id=name, **facts)


@cache
def standing_detectors() -> tuple[Detector, ...]:
    """The detectors that ship, by id.

    Raises:
        FaultsFound: with every fault of their files.
    """
    folder = files("tollway.guard") / "detectors"
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    found = [
        one
        for entry in entries
        if entry.name.endswith(".toml")
        for one in read_detectors(entry.read_text(encoding="utf-8"), entry.name)
    ]
    return tuple(sorted(found, key=lambda one: one.id))
