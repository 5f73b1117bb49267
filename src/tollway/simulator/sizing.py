"""The fewest chips, and the cheapest mix of chips, that keep a promise to a workload.

Rules
1. A candidate is checked by playing the workload through it; nothing is promised by arithmetic.
2. What has too little work in it (`bound`) need not be played.
3. More replicas of a kind are taken to be no worse: the fewest are found by bisection, and what has
   no more of any kind than a mix that failed would fail.
4. Mixes of two kinds are played in the order of their price until one keeps the promise or would
   cost no less than the best of one kind.
5. Nothing that keeps the promise is below the cheapest mix that rules 2 and 3 leave.
6. Several may be played at once. What is found does not depend on how many: what was played beyond
   the first that keeps the promise is forgotten.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from math import ceil, prod
from typing import Protocol

from tollway.simulator.rehearsal import Rehearsed

MOST_COUNTED = 50_000
"""Mixes that are looked at for rule 5; with more of them, the bound is that of fractions."""

MOST_MIXES = 24
"""Mixes of two kinds that are played at most."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Replicas that could be bought: `chips` each, `capacity` requests a second of this workload at
    the promised speed by the arithmetic of means, `price` in dollars an hour of one replica (None:
    chips are counted)."""

    name: str
    chips: float
    capacity: float
    price: float | None

    @property
    def weight(self) -> float:
        """What is minimised: dollars an hour, or chips."""
        return self.chips if self.price is None else self.price


Mix = tuple[tuple[Kind, int], ...]
"""Kinds and how many replicas of each."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A mix that was played, and the share of requests to which the promise was kept."""

    mix: Mix
    share: float
    answer: Rehearsed

    @property
    def weight(self) -> float:
        """Of all its replicas."""
        return weight_of(self.mix)


@dataclass(slots=True)
class Found:
    """What a search came to. `best` of any mix, `pure` of each kind alone; `bound` is a weight that
    nothing can be below by rule 5; `left` counts cheaper mixes that were not played."""

    best: Tried | None = None
    pure: dict[str, Tried] = field(default_factory=dict[str, Tried])
    tried: list[Tried] = field(default_factory=list[Tried])
    bound: float = 0.0
    left: int = 0

    @property
    def gap(self) -> float | None:
        """How far the best is above the bound, as a share of it."""
        return None if self.best is None or not self.bound else self.best.weight / self.bound - 1.0


Check = Callable[[Sequence[Mix]], Sequence[Tried | None]]
"""Play mixes; None is what was not played when it was stopped."""


class Limits(Protocol):
    """What work says, before anything is played: see `bound.Bound`."""

    def fewest(self, name: str) -> float: ...

    def allows(self, counts: Mapping[str, int]) -> bool: ...

    def least(self, weights: Mapping[str, float]) -> float: ...


def weight_of(mix: Mix) -> float:
    """Dollars an hour of a mix, or chips."""
    return sum(kind.weight * count for kind, count in mix)


def search(
    kinds: Sequence[Kind], limits: Limits, wanted: tuple[float, int], check: Check, at_once: int = 1
) -> Found:
    """The cheapest mix that keeps the promise to a share of the requests, with so many replicas of
    one kind at most: both are `wanted`. `at_once` mixes of two kinds are played at a time."""
    share, most = wanted
    found = Found()
    searches = {
        kind.name: _fewest(kind, limits.fewest(kind.name), share, most)
        for kind in sorted(kinds, key=lambda one: one.weight / one.capacity)
    }
    best = _together(searches, found, check)
    for name, one in best.items():
        found.pure[name] = one
        if found.best is None or one.weight < found.best.weight:
            found.best = one
    _mixes(found, kinds, limits, share, check, at_once)
    found.bound = _bound(found, kinds, limits, share)
    return found


_Search = Generator[Mix, Tried | None, Tried | None]


def _together(searches: Mapping[str, _Search], found: Found, check: Check) -> dict[str, Tried]:
    """Searches of one kind each, all of them a step at a time; the best of each that has one."""
    best: dict[str, Tried | None] = dict.fromkeys(searches)
    asked: dict[str, Mix] = {}

    def go_on(name: str, answer: Tried | None, *, first: bool = False) -> None:
        try:
            asked[name] = next(searches[name]) if first else searches[name].send(answer)
        except StopIteration as end:
            asked.pop(name, None)
            best[name] = end.value

    for name in searches:
        go_on(name, None, first=True)
    while asked:
        answers = check(list(asked.values()))
        found.tried += [one for one in answers if one is not None]
        for name, answer in zip(list(asked), answers, strict=True):
            go_on(name, answer)
    return {name: one for name, one in best.items() if one is not None}


def _fewest(kind: Kind, least: float, share: float, most: int) -> _Search:
    """Rule 3: by doubling from rule 2's bound, then by halving. Ends early where it is stopped."""
    low, high, best = max(0, ceil(min(least, most + 1) - 1e-9) - 1), None, None
    count = max(1, low + 1)
    while high is None or high - low > 1:
        if count > most:
            return None
        tried = yield ((kind, count),)
        if tried is None:
            return best
        if tried.share >= share:
            best, high = tried, count
        else:
            low = count
        count = min(2 * count, most + (count == most)) if high is None else (low + high) // 2
    return best


def _mixes(
    found: Found, kinds: Sequence[Kind], limits: Limits, share: float, check: Check, at_once: int
) -> None:
    """Rule 4."""
    if found.best is None:
        return
    coming = [mix for mix in _pairs(kinds, found.best.weight) if limits.allows(_counts(mix))]
    coming.sort(key=lambda mix: (weight_of(mix), [(kind.name, count) for kind, count in mix]))
    for place in range(0, min(len(coming), MOST_MIXES), at_once):
        answers = check(coming[place : min(place + at_once, MOST_MIXES)])
        for number, tried in enumerate(answers, place):
            if tried is not None:
                found.tried.append(tried)
            if tried is None or tried.share >= share:
                found.best = found.best if tried is None else tried
                found.left = 0 if tried is not None else len(coming) - number
                return
    found.left = max(0, len(coming) - MOST_MIXES)


def _pairs(kinds: Sequence[Kind], below: float) -> Iterator[Mix]:
    """Mixes of two kinds that weigh less."""
    for one, other in combinations(kinds, 2):
        for count in range(1, int(below / one.weight) + 1):
            more = 1
            while count * one.weight + more * other.weight < below:
                yield (one, count), (other, more)
                more += 1


def _counts(mix: Mix) -> dict[str, int]:
    return {kind.name: count for kind, count in mix}


def _bound(found: Found, kinds: Sequence[Kind], limits: Limits, share: float) -> float:
    """Rule 5."""
    weights = {kind.name: kind.weight for kind in kinds}
    least = limits.least(weights)
    if found.best is None:
        return least
    below = found.best.weight
    ranges = [range(int(below / kind.weight) + 1) for kind in kinds]
    if prod(map(len, ranges)) > MOST_COUNTED:
        return min(below, least)
    failed = [_counts(tried.mix) for tried in found.tried if tried.share < share]
    mixes = [dict(zip(weights, counts, strict=True)) for counts in product(*ranges)]
    weighed = [(sum(weights[name] * count for name, count in mix.items()), mix) for mix in mixes]
    weighed.sort(key=lambda row: row[0])
    for weight, mix in weighed:
        if not any(mix.values()) or any(_within(mix, other) for other in failed):
            continue
        if weight >= below or limits.allows(mix):
            return min(weight, below)
    return below


def _within(mix: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether it has no more of any kind."""
    return all(count <= other.get(name, 0) for name, count in mix.items())
