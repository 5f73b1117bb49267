"""The fewest chips, and the cheapest mix of chips, that keep a promise to a workload.

Rules
1. A candidate is checked by playing the workload through it; nothing is promised by arithmetic.
2. The engine model's own bound says where to begin, and what need not be played: fewer replicas
   than the work needs with batches as full as the promised speed lets them be.
3. More replicas of a kind are taken to be no worse: the fewest are found by bisection.
4. Mixes of two kinds are played in the order of their price, from the cheapest that has enough
   work in it, until one keeps the promise or would cost no less than the best of one kind.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import ceil

from tollway.simulator.rehearsal import Rehearsed

SURE = 0.8
"""The share of the arithmetic bound that is taken for one: it is of mean lengths."""

MOST_MIXES = 24
"""Mixes of two kinds that are played at most."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Replicas that could be bought: `chips` each, `capacity` requests a second of this workload at
    the promised speed, `price` in dollars an hour of one replica (None: chips are counted)."""

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
    nothing can be below by rule 2; `left` counts mixes that were not played for lack of time."""

    best: Tried | None = None
    pure: dict[str, Tried] = field(default_factory=dict[str, Tried])
    tried: list[Tried] = field(default_factory=list[Tried])
    bound: float = 0.0
    left: int = 0

    @property
    def gap(self) -> float | None:
        """How far the best is above the bound, as a share of it."""
        return None if self.best is None or not self.bound else self.best.weight / self.bound - 1.0


Check = Callable[[Mix], Tried | None]
"""Play a mix; None once it was stopped."""


def weight_of(mix: Mix) -> float:
    """Dollars an hour of a mix, or chips."""
    return sum(kind.weight * count for kind, count in mix)


def search(kinds: Sequence[Kind], rate: float, share: float, most: int, check: Check) -> Found:
    """The cheapest mix that keeps the promise to `share` of the requests. `rate` is requests a
    second, `most` replicas of one kind at most."""
    rate *= SURE
    found = Found(bound=min((kind.weight * rate / kind.capacity for kind in kinds), default=0.0))

    def played(mix: Mix) -> Tried | None:
        tried = check(mix)
        if tried is not None:
            found.tried.append(tried)
        return tried

    for kind in sorted(kinds, key=lambda one: one.weight / one.capacity):
        fewest = _fewest(kind, rate, share, most, played)
        if fewest is not None:
            found.pure[kind.name] = fewest
            if found.best is None or fewest.weight < found.best.weight:
                found.best = fewest
    _mixes(found, kinds, rate, share, played)
    return found


def _fewest(kind: Kind, rate: float, share: float, most: int, check: Check) -> Tried | None:
    """Rule 3: by doubling from rule 2's bound, then by halving."""
    low, high = max(0, ceil(rate / kind.capacity) - 1), None
    count, best = max(1, low + 1), None
    while high is None or high - low > 1:
        if count > most:
            return None
        tried = check(((kind, count),))
        if tried is None:
            return best
        if tried.share >= share:
            best, high = tried, count
        else:
            low = count
        count = min(2 * count, most + (count == most)) if high is None else (low + high) // 2
    return best


def _mixes(found: Found, kinds: Sequence[Kind], rate: float, share: float, check: Check) -> None:
    """Rule 4."""
    best = found.best
    if best is None:
        return
    candidates: list[tuple[float, int, Mix]] = []
    for one, other in combinations(kinds, 2):
        for count in range(1, int(best.weight / one.weight) + 1):
            left = max(0.0, rate - count * one.capacity)
            for more in range(max(1, ceil(left / other.capacity)), 1 << 20):
                mix: Mix = ((one, count), (other, more))
                if weight_of(mix) >= best.weight:
                    break
                candidates.append((weight_of(mix), len(candidates), mix))
    candidates.sort(key=lambda row: row[:2])
    for place, (_, _, mix) in enumerate(candidates):
        if place >= MOST_MIXES:
            found.left = len(candidates) - place
            return
        tried = check(mix)
        if tried is None:
            found.left = len(candidates) - place
            return
        if tried.share >= share:
            found.best = tried
            return
