"""How a trace is played through a fleet in virtual time, and what becomes of each request."""

from dataclasses import dataclass

import msgspec

from tollway.fleet.objects import Fleet, KeyTerms
from tollway.fleet.tiers import Tier
from tollway.simulator.trace import Trace


@dataclass(frozen=True, slots=True)
class Loss:
    """A source that is not there from `at` picoseconds on, until `back` (None: for good)."""

    source: str
    at: int
    back: int | None = None


@dataclass(frozen=True, slots=True)
class Drain:
    """A source that gets nothing new from `at` picoseconds on, until `back` (None: for good). What
    is in flight there goes on to its end."""

    source: str
    at: int
    back: int | None = None


@dataclass(frozen=True, slots=True)
class Play:
    """How a trace is played. `route` is asked for by requests that name none, with `key`; `keys`
    are all that may be used. UTC is `utc` seconds when the trace begins. Figures are about those
    who arrive from `counted` picoseconds on."""

    route: str
    key: str
    keys: tuple[KeyTerms, ...]
    utc: float
    seed: int = 0
    losses: tuple[Loss, ...] = ()
    tier: Tier | None = None
    counted: int = 0
    drains: tuple[Drain, ...] = ()


class Ended(msgspec.Struct, gc=False):
    """What became of a request. Times are picoseconds: when it `arrived`, was first `sent`, had its
    `first` token and `ended`. `place` is the replica that had it last, `cached` prompt tokens it
    found in a cache, `cost` pico-dollars, `status` what a refused client was told."""

    index: int
    arrived: int
    sent: int | None = None
    first: int | None = None
    ended: int = 0
    outcome: str = "unfinished"
    code: str | None = None
    status: int | None = None
    source: str | None = None
    model: str | None = None
    place: int | None = None
    attempts: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    cost: int = 0
    substituted: str | None = None


def followers(trace: Trace) -> dict[int, list[int]]:
    """Who follows each request that is followed, in order."""
    found: dict[int, list[int]] = {}
    for index, one in enumerate(trace.requests):
        if one.after is not None:
            found.setdefault(one.after, []).append(index)
    return found


def affine(fleet: Fleet) -> frozenset[str]:
    """Routes by which a prompt's prefix matters."""
    return frozenset(
        name
        for name, route in fleet.routes.items()
        if any(objective.name == "prefix-affinity" for objective in route.objectives)
    )


def needs_progress(fleet: Fleet, keys: tuple[KeyTerms, ...]) -> bool:
    """Whether dispatch does anything with how far a stream is."""
    floors = (source.breaker.min_speed for source in fleet.sources.values())
    budgets = (*(tenant.budget for tenant in fleet.tenants.values()), *(key.budget for key in keys))
    return any(floor is not None for floor in floors) or any(
        budget.day is not None or budget.month is not None for budget in budgets
    )
