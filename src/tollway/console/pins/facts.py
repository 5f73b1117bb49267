"""What the Pins page shows, computed from the fleet file, its lock and the watch's notes.

Rules
1. A date that is past is shown as past, never left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from tollway.fleet.objects import Fleet
from tollway.inspect.locked import lock_path
from tollway.inspect.lockfile import read_lock_file
from tollway.pins.component import KINDS, Component, ModelApi, called
from tollway.pins.concentration import Loss, losses
from tollway.pins.lock import Lock
from tollway.pins.shutdown import STAGES
from tollway.pins.threats_accepted import accepted
from tollway.pins.threats_judged import Facts
from tollway.pins.threats_model import ThreatModel, threat_model

SOON = 30
"""Days before its end from which an acceptance is said to end soon."""
MOST = 200
"""Components on one page."""


def lock_of(fleet: Fleet, path: Path) -> Lock | None:
    """The lock of a fleet file; None where there is none.

    Raises:
        FaultsFound: it cannot be read.
    """
    file = lock_path(fleet, path)
    return read_lock_file(file) if file.exists() else None


@dataclass(frozen=True, slots=True)
class Listed:
    """Components that were asked for: `shown` of `found` of `all`; `kinds` are those there are,
    with how many of each."""

    shown: tuple[tuple[Component, Mapping[str, Any]], ...]
    found: int
    kinds: tuple[tuple[str, int], ...]


def components(lock: Lock, kind: str, words: str) -> Listed:
    """The components of a kind (empty: of all) in whose name, version or maker `words` are."""
    wanted = words.lower().split()
    found = [
        it
        for it in lock.component
        if kind in ("", it.kind)
        and all(word in f"{called(it)} {it.version} {it.purl}".lower() for word in wanted)
    ]
    shown = tuple((it, _more(it)) for it in found[:MOST])
    counts = tuple((name, sum(it.kind == name for it in lock.component)) for name in KINDS)
    return Listed(shown, len(found), tuple(it for it in counts if it[1]))


_SAID = {"name", "version", "purl", "threats", "fallback", "kind"}


def _more(component: Component) -> Mapping[str, Any]:
    """What the lock says of one beside what every component has."""
    told: dict[str, Any] = msgspec.to_builtins(component)
    return {name: value for name, value in told.items() if name not in _SAID and value}


def threats_of(fleet: Fleet, path: Path, today: date) -> tuple[ThreatModel, tuple[Loss, ...]]:
    """As `tollway threatmodel` judges them.

    Raises:
        FaultsFound: the lock cannot be read.
    """
    lock = lock_of(fleet, path)
    return threat_model(Facts(fleet, lock), accepted(fleet, today)), losses(fleet, lock)


@dataclass(frozen=True, slots=True)
class Due:
    """Something that ends: `left` days until its last day, below 0 once that is past; `stage` is
    the nearest of `STAGES` that it is within, None where it is further off."""

    name: str
    what: str
    last: date
    left: int
    stage: int | None


def shutdowns(lock: Lock | None, today: date) -> tuple[Due, ...]:
    """Every announced end of a locked model, the nearest first."""
    models = [it for it in (() if lock is None else lock.component) if isinstance(it, ModelApi)]
    told = ((it.name, it.fallback or "nothing serves instead", it.shutdown) for it in models)
    return _dues(told, today)


def acceptances(fleet: Fleet, today: date) -> tuple[Due, ...]:
    """Every finding that somebody lives with, by when that ends."""
    told = () if fleet.pins is None else fleet.pins.accept
    rows = ((f"{it.component}: {it.rule}", it.reason, it.until) for it in told)
    return _dues(rows, today)


def _dues(told: Iterable[tuple[str, str, date | None]], today: date) -> tuple[Due, ...]:
    rows = [_due(name, what, last, today) for name, what, last in told if last is not None]
    return tuple(sorted(rows, key=lambda it: (it.last, it.name)))


def _due(name: str, what: str, last: date, today: date) -> Due:
    left = (last - today).days
    return Due(name, what, last, left, next((it for it in STAGES if left <= it), None))
