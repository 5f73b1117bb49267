"""What a threat model's page is made of."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tollway.pins.concentration import Astray, Concentration, Loss
from tollway.pins.threats_judged import Judged, Status, Thing, Verdict
from tollway.pins.threats_model import ThreatModel


@dataclass(frozen=True, slots=True)
class Provenance:
    """What it was made from: sha256 of the fleet file and of the lock (empty: none), and when."""

    fleet: str
    lock: str
    made: date


@dataclass(frozen=True, slots=True)
class Shown:
    """A threat model, and what one loss takes away. `fleet` is the fleet file's name."""

    fleet: str
    model: ThreatModel
    losses: tuple[Loss, ...]
    astray: tuple[Astray, ...]
    vendors: Concentration
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Item:
    """One verdict on one thing or several alike, and all threats that it is about."""

    verdict: Verdict
    things: tuple[Thing, ...]
    threats: tuple[str, ...]

    @property
    def where(self) -> str:
        """The things by name; of many of one kind the first and how many there are."""
        first, rest = self.things[0], self.things[1:]
        if not rest:
            return str(first)
        if len(self.things) <= 3:
            return ", ".join(map(str, self.things))
        return f"{first} and {len(rest)} more"


def items(model: ThreatModel, status: Status) -> tuple[Item, ...]:
    """What was judged so, each verdict once: what is the same for many things is one item."""
    by_verdict: dict[Verdict, list[Judged]] = defaultdict(list)
    for row in model.of(status):
        by_verdict[row.verdict].append(row)
    merged: dict[tuple[Verdict, tuple[str, ...]], list[Thing]] = defaultdict(list)
    for verdict, rows in by_verdict.items():
        of_thing: dict[Thing, list[str]] = defaultdict(list)
        for row in rows:
            of_thing[row.thing].append(row.threat)
        for thing, threats in of_thing.items():
            merged[verdict, tuple(threats)].append(thing)
    return tuple(Item(verdict, tuple(things), ids) for (verdict, ids), things in merged.items())


def count_words(things: Sequence[object], word: str) -> str:
    """`1 route`, `2 routes`."""
    return f"{len(things)} {word}" if len(things) == 1 else f"{len(things)} {word}s"
