"""What bounds a sandbox where no cgroup can be had: rlimits, each for one process.

Rules
1. They hold in addition to cgroups, where they fit.
2. A bound that is not there is said, by `unbounded`.
"""

import os
import resource

from tollway.sandbox.defences import Defences
from tollway.sandbox.order import Limits

RESERVED = 8 << 30
"""Bytes of data that a process may map in any case: V8 reserves half a GiB for each worker."""
COUNTED = {"max_inotify_instances": 32, "max_inotify_watches": 16384}
"""What the kernel counts for the caller as a whole (/proc/sys/user), bounded for one sandbox: it
could use up all that the caller has. Linux gives a user 128 instances."""
Rlimits = dict[int, tuple[int, int]]
"""Soft and hard limits by `resource.RLIMIT_*`, in its units."""


def rlimits(limits: Limits, defences: Defences, by_group: frozenset[str]) -> Rlimits:
    """The limits of each process; `by_group` names what cgroups bound: memory, pids, cpu."""
    wanted = {resource.RLIMIT_CORE: 0}
    if defences.counts:
        wanted[resource.RLIMIT_NOFILE] = limits.open_files
        if counts_processes_here():
            # One for bubblewrap's reaper and one for its monitor.
            wanted[resource.RLIMIT_NPROC] = limits.processes + 2
    if defences.disk:
        wanted[resource.RLIMIT_FSIZE] = limits.disk
    if defences.memory and "memory" not in by_group:
        # Not RLIMIT_AS, and no less: V8 and Go reserve far more addresses than they ever use.
        wanted[resource.RLIMIT_DATA] = max(RESERVED, 4 * limits.memory)
    return {which: _within(which, value) for which, value in wanted.items()}


def counts_processes_here() -> bool:
    """Whether RLIMIT_NPROC counts the processes of a user namespace rather than of the user, as
    Linux does from 5.14 on; it binds nobody who is root outside."""
    release = os.uname().release.split(".")
    return (int(release[0]), int(release[1].split("-")[0])) >= (5, 14)


def unbounded(by_group: frozenset[str]) -> tuple[str, ...]:
    """What nothing bounds as a whole, in sentences."""
    words = {
        "memory": "Memory is watched ten times a second, not bounded by the kernel: no cgroup.",
        "pids": "The number of processes is bounded by an rlimit at best: no cgroup.",
        "cpu": "Processor time is not shared out: no cgroup.",
    }
    return tuple(text for name, text in words.items() if name not in by_group)


def _within(which: int, value: int) -> tuple[int, int]:
    hard = resource.getrlimit(which)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    return bound, bound
