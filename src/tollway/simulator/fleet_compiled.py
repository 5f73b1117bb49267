# pyright: basic
"""Runs a fleet in the compiled execution.

Rules
1. It is run in slices, so that one may look how far it is, and stop it, in between; what happens
   does not depend on how it was sliced.
"""

from collections.abc import Callable

import numpy as np

from tollway.dispatch.routing import plan_routes, substitution
from tollway.dispatch.sources import Sources
from tollway.fleet.objects import Fleet
from tollway.simulator import fleet_layout as layout
from tollway.simulator.arrays import (
    Array,
    caches_of,
    engines_of,
    replicas_of,
    ring_size,
    rows_of,
    runs_of,
)
from tollway.simulator.fleet_arrays import Floor, floor_of, room_for, world_of
from tollway.simulator.fleet_layout import (
    BLOCK,
    MORE,
    MORE_FLOWS,
    MORE_ROWS,
    MORE_RUNS,
    ROW,
    ROWS,
    Engines,
    World,
)
from tollway.simulator.layout import NEVER
from tollway.simulator.machine import kernel
from tollway.simulator.play import Ended, Play
from tollway.simulator.sequence import Counters
from tollway.simulator.steps import SECOND
from tollway.simulator.supply import Pool
from tollway.simulator.trace import Trace

FEW = 4096

SLICE = 200_000
"""Moments between two looks at whether to go on: some hundredths of a second."""


class Compiled:
    """One run of what `uncompiled` has nothing against. `results` are rows of `RESULT`, a request
    each."""

    def __init__(self, fleet: Fleet, pools: tuple[Pool, ...], trace: Trace, play: Play) -> None:
        self.floor: Floor = floor_of(fleet, pools, play)
        self.world, ids, names = world_of(fleet, self.floor, trace, play)
        self._plan = plan_routes(fleet, Sources(fleet, 0.0))[play.route]
        pairs = self._plan.candidates + self._plan.fallbacks
        self._sources = tuple(dict.fromkeys(pair.source.name for pair in pairs))
        self._engines = _engines(self.floor, self.world, ids, names)
        self._trace, self._fleet = trace, fleet

    @property
    def results(self) -> Array:
        """What became of each request, so far."""
        return self.world.results

    def run(
        self,
        stop: int | None = None,
        going: Callable[[int], bool] | None = None,
        moments: int = SLICE,
    ) -> bool:
        """Play all requests to their ends, or the first `stop` of those that follow nobody alone,
        with those that follow them; whether it was all. `going` is told after each slice of so many
        moments how many have ended, and says whether to go on.
        """
        count = len(self.world.leading)
        until = count if stop is None else min(stop, count)
        run_fleet = kernel("tollway.simulator.fleet_run", "run_fleet")
        while not run_fleet(self.world, self._engines, until, moments):
            if self._engines.cursor[MORE]:
                self._grow()
            elif going is not None and not going(self._over()):
                return False
        return until == count

    def _over(self) -> int:
        """How many requests have ended."""
        here = len(self.world.flows) - int(self.world.free_flows[0])
        return int(self.world.dispatch[0]["order"]) - here

    def _grow(self) -> None:
        world, engines = self.world, self._engines
        full = engines.cursor[MORE]
        if full == MORE_ROWS:
            rows = engines.q
            more = rows_of(len(rows), len(rows))
            more["next"][-1] = engines.cursor[ROW]
            engines.cursor[ROW] = len(rows)
            engines.cursor[ROWS] += len(rows)
            self._engines = engines._replace(q=np.concatenate([rows, more]))
        elif full == MORE_FLOWS:
            self.world = world._replace(**room_for(2 * len(world.flows), world._asdict()))
        elif full == MORE_RUNS:
            runs = np.concatenate([engines.runs, runs_of(len(engines.runs))])
            self._engines = engines._replace(runs=runs)

    def ended(self) -> list[Ended]:
        """What became of each request that has ended, by number."""
        plan, trace = self._plan, self._trace
        pairs = plan.candidates + plan.fallbacks
        found: list[Ended] = []
        for index, one in enumerate(self.results.tolist()):
            came, sent, first, end, cost, pair, place, attempts, code, *rest = one
            answered, cached, out, bad = rest
            if end < 0:
                continue
            served = pairs[pair] if pair >= 0 else None
            outcome = "completed" if answered else "failed" if bad else "refused"
            found.append(
                Ended(
                    index,
                    came,
                    sent if sent >= 0 else None,
                    first if first >= 0 else None,
                    end,
                    outcome,
                    layout.CODES[code],
                    None,
                    None if served is None else served.source.name,
                    None if served is None else served.model,
                    self.floor.numbers[place] if place >= 0 else None,
                    attempts,
                    trace.requests[index].input if answered or out else 0,
                    out,
                    cached,
                    cost,
                    None if served is None else substitution(plan, served),
                )
            )
        return found

    def under_way(self) -> list[Ended]:
        """Requests that have arrived and not ended, where it was stopped."""
        found: list[Ended] = []
        results = self.results
        for index in np.flatnonzero((results["arrived"] >= 0) & (results["end"] < 0)).tolist():
            one = results[index]
            sent, first, place = (int(one[name]) for name in ("sent", "first", "place"))
            found.append(
                Ended(
                    index,
                    int(one["arrived"]),
                    sent if sent >= 0 else None,
                    first if first >= 0 else None,
                    place=self.floor.numbers[place] if place >= 0 else None,
                )
            )
        return found

    def openings(self) -> dict[str, int]:
        """How often each source's breakers have opened."""
        found: dict[str, int] = {}
        plan = self._plan
        for pair, one in zip(plan.candidates + plan.fallbacks, self.world.pairs, strict=True):
            name = pair.source.name
            found[name] = found.get(name, 0) + int(one["openings"])
        return found

    def busy(self) -> dict[str, int]:
        """Picoseconds that attempts took at each source of the route."""
        return {
            name: int(one["busy_s"]) * SECOND + int(one["busy_ps"])
            for name, one in zip(self._sources, self.world.sources, strict=True)
        }

    def overdue(self) -> list[str]:
        """Why a source may have ended an attempt in time, which only the plain execution can tell;
        empty where none had reason to."""
        found: list[str] = []
        worst = {pool.source: 0 for pool in self.floor.pools}
        counters = self.counters()
        for place, kind in zip(self.floor.numbers, self.floor.kinds, strict=True):
            pool = self.floor.pools[kind]
            if pool.settings.mixing != "mixed" or counters[place].preempted:
                worst[pool.source] = NEVER
        for pool in self.floor.pools:
            worst[pool.source] = max(worst[pool.source], pool.settings.longest_step())
        for name, one in zip(self._sources, self.world.sources, strict=True):
            limits = self._fleet.sources[name].timeouts
            if one["longest"] >= limits.total * SECOND:
                found.append(f"an attempt at {name} that lasted for its total timeout")
            # Within a running batch no token is later than the longest step.
            if one["flowed"] >= limits.idle * SECOND and worst[name] >= limits.idle * SECOND:
                found.append(f"an answer of {name} that may have been idle")
        return found

    def counters(self) -> dict[int, Counters]:
        """What each replica counted, by its place in the fleet."""
        names = ("stepped", "busy", "preempted", "hit", "prefilled", "peak")
        return {
            number: Counters(*(int(one[name]) for name in names))
            for number, one in zip(self.floor.numbers, self._engines.replicas, strict=True)
        }


def _engines(floor: Floor, world: World, ids: Array, names: int) -> Engines:
    settings = [pool.settings for pool in floor.pools]
    engines, count = engines_of(settings), len(floor.kinds)
    cursor = np.zeros(7, np.int64)
    cursor[ROWS] = FEW
    ring = ring_size(int(world.requests["output"].max(initial=1)), settings)
    told = 4 * max(one.sequences for one in settings) + 16
    return Engines(
        kinds=engines.kinds,
        replicas=replicas_of(floor.kinds),
        q=rows_of(0, FEW),
        rings=np.full((count, ring), -1, np.int32),
        caches=caches_of(count, names),
        ids=ids,
        runs=runs_of(4 * told + FEW),
        base=engines.base,
        experts=engines.experts,
        prompts=engines.prompts,
        told=np.zeros(told, np.int64),
        next=np.full(count, NEVER, np.int64),
        nearest=np.full(-(-count // BLOCK), NEVER, np.int64),
        cursor=cursor,
    )
