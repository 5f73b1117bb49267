"""Which models routes may serve by the lock, and whether an answer is of one of them.

Rules
1. Where a route enforces, each model that it may ask for is locked under the very id that it is
   asked by.
2. An answer names its model, and the name is one that the lock holds; its fingerprint too, where
   the lock holds any. Both match whole.
3. A model id that a provider may point elsewhere is locked by what it answers as.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tollway.errors import Fault
from tollway.fleet.objects import Candidate, Fleet, Route
from tollway.pins.component import ModelApi
from tollway.pins.lock import Lock


@dataclass(frozen=True, slots=True)
class Pin:
    """What a (source, model) may answer as. `enforced`: another answer is refused, not only told.
    `answers` is None where the lock does not hold the model: nothing is known to hold against."""

    component: str
    answers: frozenset[str] | None
    fingerprints: frozenset[str]
    enforced: bool


RoutePins = Mapping[tuple[str, str], Pin]
"""(source, the id that it is asked for) -> its pin."""


def pins_of(fleet: Fleet, lock: Lock) -> Mapping[str, RoutePins]:
    """Route -> its pins; routes that go by no lock are not in it."""
    locked = {it.name: it for it in lock.component if isinstance(it, ModelApi)}
    return MappingProxyType(
        {
            alias: {_key(fleet, it): _pin(route, it, locked) for it in _asked(route)}
            for alias, route in fleet.routes.items()
            if route.pins != "off"
        }
    )


def _asked(route: Route) -> tuple[Candidate, ...]:
    return (*route.candidates, *route.fallbacks)


def _key(fleet: Fleet, candidate: Candidate) -> tuple[str, str]:
    return candidate.source, fleet.sources[candidate.source].serves[candidate.model].upstream_model


def _pin(route: Route, candidate: Candidate, locked: Mapping[str, ModelApi]) -> Pin:
    name = f"{candidate.source}/{candidate.model}"
    enforced = route.pins == "enforce"
    model = locked.get(name)
    if model is None:
        return Pin(name, None, frozenset(), enforced)
    answers = frozenset(model.answers or (model.version,))
    return Pin(name, answers, frozenset(model.fingerprints), enforced)


def difference(pin: Pin, model: str | None, fingerprint: str | None) -> str | None:
    """How an answer differs from its pin, as a clause that follows "it" (rule 2); None where it
    does not. None as `model` is an answer that names none."""
    if pin.answers is None:
        return "is not in the lock"
    if model is None:
        return "names no model"
    if model.removeprefix("models/") not in pin.answers:
        return f"answers as {_shown(model)}, and {_any(pin.answers)} is locked"
    if pin.fingerprints and fingerprint not in pin.fingerprints:
        said = "no fingerprint" if fingerprint is None else f"fingerprint {_shown(fingerprint)}"
        return f"answers with {said}, and {_any(pin.fingerprints)} is locked"
    return None


def _any(words: frozenset[str]) -> str:
    return " or ".join(sorted(map(_shown, words)))


def _shown(word: str) -> str:
    """A word that another party chose: one line, and not too long."""
    said = word if len(word) <= 80 else f"{word[:77]}..."
    return f'"{said}"' if said.isprintable() else ascii(said)


def unlocked(fleet: Fleet, lock: Lock) -> Iterator[tuple[Fault, bool]]:
    """What a route may ask for that the lock does not hold so (rules 1 and 3), and whether the
    route enforces it. Places are keys of the fleet file."""
    locked = {it.name: it for it in lock.component if isinstance(it, ModelApi)}
    for alias, route in fleet.routes.items():
        if route.pins == "off":
            continue
        for candidate in dict.fromkeys(_asked(route)):
            name = f"{candidate.source}/{candidate.model}"
            asked = _key(fleet, candidate)[1]
            found = _looseness(name, asked, locked.get(name))
            if found is not None:
                yield Fault(f"routes.{alias}:", *found), route.pins == "enforce"


def _looseness(name: str, asked: str, model: ModelApi | None) -> tuple[str, str] | None:
    """Why a model is not locked as it is asked for, with the mend."""
    mend = "Run: tollway lock"
    if model is None:
        return f'may ask "{name}", which is not in the lock', mend
    told = f'asks "{name}" for {_shown(asked)}'
    if model.version != asked:
        return f"{told}, and {_shown(model.version)} is locked", mend
    if model.moving and not model.answers:
        where = f'[pins.models."{name}"]'
        mend = f"Ask for a snapshot, or write what it answers as below {where}."
        return f"{told}, which its provider may point elsewhere", mend
    return None
