"""Several rehearsals of one command, on all cores.

Rules
1. The results are those of one after the other, in that order, whoever computed them.
2. What is computed elsewhere is told by text: a fleet's documents, never objects of this process.
"""

import os
import signal
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tollway.cli.rehearsing import Going, rehearse
from tollway.fleet.objects import Slo
from tollway.inspect.fleetfile import fleet_of
from tollway.simulator.play import Play
from tollway.simulator.rehearsal import Rehearsed, rehearse_fleet
from tollway.simulator.trace import Trace

WORTH = 20_000
"""Requests from which starting further processes costs less than it saves."""

POLL = 0.2


@dataclass(frozen=True, slots=True)
class Job:
    """One rehearsal: `what` in words, and the documents of a fleet file at `path`."""

    what: str
    documents: dict[str, str]
    path: Path
    play: Play
    slo: Slo | None = None


def swept(jobs: Sequence[Job], trace: Trace, on: Going) -> list[Rehearsed]:
    """Every job's answer in order; fewer where it was stopped."""
    cores = min(len(jobs), len(os.sched_getaffinity(0)))
    if cores < 2 or len(trace.requests) * len(jobs) < WORTH:
        return _one_by_one(jobs, trace, on)
    return _side_by_side(jobs, trace, on, cores)


def _one_by_one(jobs: Sequence[Job], trace: Trace, on: Going) -> list[Rehearsed]:
    found: list[Rehearsed] = []
    for job in jobs:
        fleet = fleet_of(job.documents, job.path)
        on.of(job.what, len(trace.requests))
        answer = rehearse(fleet, trace, job.play, job.slo, on)
        if on.stopped:
            break
        found.append(answer)
    return found


def _side_by_side(jobs: Sequence[Job], trace: Trace, on: Going, cores: int) -> list[Rehearsed]:
    on.of("rehearsals", len(jobs))
    if not on(0):
        return []
    context = get_context("spawn")
    with ProcessPoolExecutor(cores, context, _begin) as pool:
        futures: list[Future[Rehearsed]] = [pool.submit(_work, job, trace) for job in jobs]
        waiting: set[Future[Rehearsed]] = set(futures)
        while waiting:
            _, waiting = wait(waiting, POLL, FIRST_COMPLETED)
            if not on(len(futures) - len(waiting)):
                pool.shutdown(cancel_futures=True)
                break
    found: list[Rehearsed] = []
    for future in futures:
        if future.cancelled() or not future.done():
            break
        found.append(future.result())
    return found


def _begin() -> None:
    """Ctrl-C is for the process that asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(job: Job, trace: Trace) -> Rehearsed:
    return rehearse_fleet(fleet_of(job.documents, job.path), trace, job.play, job.slo)
