# pyright: basic
"""Runs the compiled execution."""

from dataclasses import dataclass

import numpy as np

from tollway.simulator.arrays import (
    Array,
    Requests,
    caches_of,
    engines_of,
    replicas_of,
    ring_size,
    rows_of,
    runs_of,
)
from tollway.simulator.machine import kernel
from tollway.simulator.sequence import Counters, ReplicaSettings

FIRST_ROWS = 4096
"""Requests that are here at once, and evictable runs, before more room is made."""


@dataclass(frozen=True, slots=True)
class Run:
    """Picoseconds of each request's first and last token, and what the replica counted."""

    firsts: Array
    lasts: Array
    counters: Counters


def run_replica(settings: ReplicaSettings, requests: Requests) -> Run:
    """One replica, compiled: the same happenings as `Replica` tells.

    Requests that could never fit must have been taken out.
    """
    engines, replicas = engines_of([settings]), replicas_of([0])
    results = np.empty((len(requests), 2), np.int64)
    rings = np.full(
        (1, ring_size(int(requests.rows["output"].max(initial=1)), [settings])), -1, np.int32
    )
    caches = caches_of(1, requests.names)
    told = np.zeros(4 * settings.sequences + 16, np.int64)
    cursor = np.zeros(3, np.int64)
    rows, runs = rows_of(0, FIRST_ROWS), runs_of(FIRST_ROWS + 2 * settings.sequences)
    run_one = kernel("tollway.simulator.kernel_one", "run_one")
    while not run_one(
        replicas, engines.kinds, rows, requests.rows, results, cursor, rings, caches,
        requests.ids, runs, engines.base, engines.experts, engines.prompts, told,
    ):  # fmt: skip
        if cursor[2] < 0:
            cursor[2] = len(rows)
            rows = np.concatenate([rows, rows_of(len(rows), len(rows))])
        else:
            runs = np.concatenate([runs, runs_of(len(runs))])
    one = replicas[0]
    names = ("stepped", "busy", "preempted", "hit", "prefilled", "peak")
    return Run(results[:, 0], results[:, 1], Counters(*(int(one[name]) for name in names)))
