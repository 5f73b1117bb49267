"""What may happen, from outlooks and departures: events by name, and which exclude each other.

Rules
1. What has one name happens together: it is one event, known from the earliest of its days.
2. The events of one workload exclude each other, unless one comes `after` the other; so do those
   of workloads that share an event. All others are independent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Protocol

from tollway.fleet.contract_dates import add_months

MILLION = 10**6


class Outlooks(Protocol):
    """An outlook, as it is written or as it is meant."""

    @property
    def since(self) -> date: ...
    @property
    def probability(self) -> int: ...
    @property
    def after(self) -> str | None: ...


class Departures(Protocol):
    """A departure, as it is written or as it is meant."""

    @property
    def since(self) -> date: ...
    @property
    def probability(self) -> int: ...
    @property
    def notice_days(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Event:
    """Something that may happen, known from a day on. `share` is of what it comes `after`: another
    event, or (None) nothing out of the ordinary."""

    name: str
    known: date
    share: Fraction
    after: str | None


Chain = tuple[Event, ...]
"""Events of which one at most holds at a time, in the order of their days."""


def chains(
    workloads: Iterable[Mapping[str, Outlooks]], departures: Mapping[str, Departures]
) -> tuple[Chain, ...]:
    """The events of a plan, as sets that are independent of each other."""
    events: dict[str, Event] = {}
    sets: list[set[str]] = []
    for outlooks in workloads:
        for name, one in outlooks.items():
            event = Event(name, one.since, Fraction(one.probability, MILLION), one.after)
            _note(events, event)
        sets.append(set(outlooks))
    for name, one in departures.items():
        known = one.since - timedelta(days=one.notice_days)
        _note(events, Event(name, known, Fraction(one.probability, MILLION), None))
        sets.append({name})
    return tuple(
        tuple(sorted((events[name] for name in names), key=lambda it: (it.known, it.name)))
        for names in _joined(sets)
    )


def _note(events: dict[str, Event], event: Event) -> None:
    before = events.setdefault(event.name, event)
    if event.known < before.known or before.after is None:
        known, after = min(event.known, before.known), before.after or event.after
        events[event.name] = Event(event.name, known, before.share, after)


def _joined(sets: Iterable[set[str]]) -> list[set[str]]:
    """Sets that share a name, as one."""
    found: list[set[str]] = []
    for one in sets:
        apart = [other for other in found if not other & one]
        whole = one.union(*(other for other in found if other & one))
        found = [*apart, whole] if whole else apart
    return found


def branching(day: date, start: date, months: int) -> int:
    """The first period that begins on a day or later. Periods of so many `months` begin at
    `start`."""
    index = 0
    while add_months(start, index * months) < day:
        index += 1
    return index


def leaves(chain: Chain) -> int:
    """In how many ways the events may have gone at the end."""
    return _ends(chain, None)


def _ends(chain: Chain, state: str | None) -> int:
    """The ends that follow a state, which is one itself unless what follows is certain."""
    ways = [event for event in chain if event.after == state and event.share]
    return (_rest(chain, state) > 0) + sum(_ends(chain, event.name) for event in ways)


def _rest(chain: Chain, state: str | None) -> Fraction:
    return 1 - sum((event.share for event in chain if event.after == state), Fraction(0))
