"""The engines of a fleet as they stand: who runs where, who is lost, who is still starting.

Rules
1. A request goes to the replica of its pool with the fewest requests, the first of several.
2. What runs on a source that is lost fails at that moment, and what is sent there is refused at
   once; when it is back its replicas are up, and their caches empty.
3. With scaling: as soon as more than `target` requests a replica are in flight in a pool, as many
   replicas as that takes are asked for, and serve `cold_start` later; one that has had nothing to
   do for `idle` is given back, the last first, down to the declared number.
"""

from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Protocol

from tollway.simulator.handover import Handover
from tollway.simulator.hosted import Hosted
from tollway.simulator.replica import Replica
from tollway.simulator.sequence import Counters, Happening, Sequence
from tollway.simulator.steps import SECOND
from tollway.simulator.supply import EnginePool, HostedPool, Pool


class Server(Protocol):
    """One engine, or a source's declared speed, in virtual time."""

    @property
    def load(self) -> int: ...

    def next_at(self) -> int | None: ...

    def arrive(self, now: int, sequence: Sequence) -> None: ...

    def cancel(self, now: int, sequence: Sequence) -> None: ...

    def advance(self, now: int) -> list[Happening]: ...

    def emitted(self, now: int, sequence: Sequence) -> int: ...


@dataclass(slots=True)
class Place:
    """A replica's place in the fleet. `up` is whether it takes requests; `since` is when it was
    asked for (None: nobody pays for it); `paid` picoseconds of it before that."""

    number: int
    pool: Pool
    server: Server
    up: bool = True
    since: int | None = 0
    idle_since: int = 0
    paid: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """A replica that has started (`up`), or that may be given back, at `at`."""

    at: int
    place: Place
    up: bool


class Floor:
    """All pools. Places are numbered in the order of pools, and of replicas within them."""

    def __init__(self, pools: Many[Pool]) -> None:
        self.pools = tuple(pools)
        self.places: list[Place] = []
        self.lost: set[str] = set()
        self._pools: dict[tuple[str, str], list[Place]] = {}
        for pool in pools:
            own = [self._place(pool, at) for at in range(_most(pool))]
            self._pools[pool.source, pool.model] = own

    def _place(self, pool: Pool, at: int) -> Place:
        place = Place(len(self.places), pool, _server(pool))
        if isinstance(pool, EnginePool) and pool.scaling is not None and at >= pool.replicas:
            place.up, place.since = False, None
        self.places.append(place)
        return place

    def choose(self, source: str, model: str) -> Place:
        """Rule 1."""
        own = self._pools[source, model]
        if len(own) == 1:
            return own[0]
        return min((place for place in own if place.up), key=lambda place: place.server.load)

    def lose(self, source: str) -> None:
        """Rule 2; whoever runs there has been cancelled."""
        self.lost.add(source)
        for place in self._of(source):
            place.server = _server(place.pool, place.server)

    def restore(self, source: str) -> None:
        """The source is back."""
        self.lost.discard(source)

    def _of(self, source: str) -> list[Place]:
        return [place for place in self.places if place.pool.source == source]

    # --- scaling ----------------------------------------------------------------------------------

    def grow(self, now: int, place: Place) -> list[Change]:
        """A request came to this place: the replicas that start because of it."""
        pool = place.pool
        if isinstance(pool, HostedPool) or pool.scaling is None:
            return []
        own = self._pools[pool.source, pool.model]
        flying = sum(one.server.load for one in own)
        wanted = min(pool.places, -(-flying // pool.scaling.target))
        asked = [one for one in own if one.since is not None]
        spare = [one for one in own if one.since is None]
        started = spare[: max(0, wanted - len(asked))]
        for one in started:
            one.since = now
        ready = now + round(pool.scaling.cold_start * SECOND)
        return [Change(ready, one, up=True) for one in started]

    def idle(self, now: int, place: Place) -> Change | None:
        """When this place may be given back, if it has nothing to do now."""
        pool = place.pool
        if isinstance(pool, HostedPool) or pool.scaling is None or place.server.load:
            return None
        place.idle_since = now
        return Change(now + round(pool.scaling.idle * SECOND), place, up=False)

    def apply(self, change: Change) -> Change | None:
        """A change whose time has come; gives what may follow."""
        place, pool = change.place, change.place.pool
        if isinstance(pool, HostedPool) or pool.scaling is None:
            return None
        if change.up:
            place.up = True
            return self.idle(change.at, place)
        own = self._pools[pool.source, pool.model]
        last = max((one for one in own if one.up), key=lambda one: one.number)
        due = place.idle_since + round(pool.scaling.idle * SECOND) == change.at
        if place.server.load or not due or last.number - own[0].number < pool.replicas:
            return None
        if last is not place:
            # It goes once those after it have gone.
            return self.idle(change.at, place)
        place.paid += change.at - (place.since or 0)
        place.up, place.since = False, None
        return None

    # --- sums -------------------------------------------------------------------------------------

    def paid(self, place: Place, now: int) -> int:
        """Picoseconds for which this place was asked for, up to `now`."""
        return place.paid + (0 if place.since is None else now - place.since)

    def counters(self, place: Place) -> Counters | None:
        """What an engine counted; None of a declared speed."""
        return getattr(place.server, "counters", None)


def _most(pool: Pool) -> int:
    return 1 if isinstance(pool, HostedPool) else pool.places


def _server(pool: Pool, before: Server | None = None) -> Server:
    """A fresh server; it goes on counting where the one before it was lost."""
    if isinstance(pool, HostedPool):
        return Hosted(pool.ttft, pool.speed)
    if pool.prefill is not None:
        return Handover(pool.prefill, pool.settings, pool.replicas)
    replica = Replica(pool.settings)
    if isinstance(before, Replica):
        replica.counters = before.counters
    return replica
