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
    runs_of,
    sequences_of,
)
from tollway.simulator.kernel import run_one
from tollway.simulator.replica import Counters, ReplicaSettings


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
    engines = engines_of([settings])
    replicas, sequences = replicas_of([0]), sequences_of(requests)
    results = np.zeros((len(requests), 2), np.int64)
    rings = np.full((1, ring_size(requests, [settings])), -1, np.int32)
    caches = caches_of(1, requests.names)
    told = np.zeros(4 * settings.sequences + 16, np.int64)
    cursor = np.zeros(2, np.int64)
    runs = runs_of(
        2 * len(requests) + 2 * settings.sequences + 64
        if requests.names
        else 64 + 2 * settings.sequences
    )
    while not run_one(
        replicas, engines.kinds, sequences, requests.arrivals, results, cursor, rings, caches,
        requests.ids, runs, engines.base, engines.experts, engines.prompts, told,
    ):  # fmt: skip
        runs = np.concatenate([runs, runs_of(len(runs))])
    one = replicas[0]
    names = ("stepped", "busy", "preempted", "hit", "prefilled", "peak")
    return Run(results[:, 0], results[:, 1], Counters(*(int(one[name]) for name in names)))
