"""Runs a fleet in the compiled execution."""

from dataclasses import dataclass

import numpy as np

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
from tollway.simulator.fleet_arrays import FIRST_FLOWS, Floor, floor_of, room_for, world_of
from tollway.simulator.fleet_run import BLOCK, MORE, ROW, ROWS, Engines, World, run_fleet
from tollway.simulator.layout import NEVER
from tollway.simulator.play import Ended, Play
from tollway.simulator.replica import Counters
from tollway.simulator.supply import Pool
from tollway.simulator.trace import Trace

FEW = 4096


class Compiled:
    """One run of what `uncompiled` has nothing against. `results` are rows of `RESULT`, a request
    each."""

    def __init__(self, fleet: Fleet, pools: tuple[Pool, ...], trace: Trace, play: Play) -> None:
        self.floor: Floor = floor_of(fleet, pools, play)
        self.world, ids, names = world_of(fleet, self.floor, trace, play)
        self._names = [name for name in fleet.sources]
        self._engines = _engines(self.floor, self.world, ids, names)
        self._trace = trace

    @property
    def results(self) -> Array:
        """What became of each request, so far."""
        return self.world.results

    def run(self, stop: int | None = None) -> bool:
        """Play the first `stop` requests to their ends, or all; whether that is all there was."""
        count = len(self._trace.requests)
        until = count if stop is None else min(stop, count)
        while not run_fleet(self.world, self._engines, until):
            self._grow()
        return until == count

    def _grow(self) -> None:
        world, engines = self.world, self._engines
        if engines.cursor[MORE] == 2:
            rows = engines.q
            more = rows_of(len(rows), len(rows))
            more["next"][-1] = engines.cursor[ROW]
            engines.cursor[ROW] = len(rows)
            engines.cursor[ROWS] += len(rows)
            self._engines = engines._replace(q=np.concatenate([rows, more]))
        elif world.free_flows[0] == 0:
            self.world = world._replace(**room_for(2 * len(world.flows), world._asdict()))
        else:
            runs = np.concatenate([engines.runs, runs_of(len(engines.runs))])
            self._engines = engines._replace(runs=runs)

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
