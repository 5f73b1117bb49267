"""What the Pins page shows, computed from the fleet file, its lock and the watch's notes.

Rules
1. A date that is past is shown as past, never left out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from tollway.fleet.objects import Fleet
from tollway.pins.component import KINDS, Component, ModelApi, called
from tollway.pins.concentration import Loss, losses
from tollway.pins.lock import Lock
from tollway.pins.shutdown import STAGES
from tollway.pins.threats_accepted import accepted
from tollway.pins.threats_judged import STATUSES, Facts, Status
from tollway.pins.threats_model import threat_model
from tollway.web.threat_shown import Item, items

SOON = 30
"""Days before its end from which an acceptance is said to end soon."""
MOST = 200
"""Components on one page."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Components that were asked for: `shown` of `found` of `all`; `kinds` are those there are,
    with how many of each."""

    shown: tuple[Component, ...]
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
    counted = Counter(it.kind for it in lock.component)
    counts = tuple((name, counted[name]) for name in KINDS)
    return Listed(tuple(found[:MOST]), len(found), tuple(it for it in counts if it[1]))


_SAID = {"name", "version", "purl", "threats", "fallback", "kind"}


def more_of(component: Component) -> Mapping[str, Any]:
    """What the lock says of one beside what every component has."""
    told: dict[str, Any] = msgspec.to_builtins(component)
    return {name: value for name, value in told.items() if name not in _SAID and value}


@dataclass(frozen=True, slots=True)
class Threats:
    """A threat model by status, from what needs a person on; `apart` counts what does not apply."""

    by_status: tuple[tuple[Status, tuple[Item, ...]], ...]
    apart: int
    losses: tuple[Loss, ...]


def threats_of(fleet: Fleet, lock: Lock | None, today: date) -> Threats:
    """As `tollway threatmodel` judges them."""
    model = threat_model(Facts(fleet, lock), accepted(fleet, today))
    rows: list[tuple[Status, tuple[Item, ...]]] = [(it, items(model, it)) for it in STATUSES]
    return Threats(tuple(rows[:4]), len(rows[4][1]), losses(fleet, lock))


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
