"""Several rehearsals of one command, on all cores or on a Ray cluster.

Rules
1. The results are those of one after the other, in that order, whoever computed them.
2. A fleet is told by its documents; what else is handed over is plain values.
3. Who computes for us runs the same simulator, by version and sources, or nothing is computed.
4. What was not played when it was stopped is None; what was played is kept.
"""

import copyreg
import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from itertools import chain, islice
from logging import ERROR
from multiprocessing import active_children, get_context
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from tollway import __version__
from tollway.cli.rehearsing import Going, warned
from tollway.errors import TollwayError
from tollway.fleet.objects import Slo
from tollway.inspect.fleetfile import fleet_of
from tollway.simulator.play import Play
from tollway.simulator.rehearsal import Rehearsed, rehearse_fleet, why_plain
from tollway.simulator.scores import Learned
from tollway.simulator.source import digest
from tollway.simulator.supply import supply
from tollway.simulator.trace import Trace

WORTH = 20_000
"""Requests from which starting further processes costs less than it saves."""

POLL = 0.2
LOOPBACK = "127.0.0.2"
"""Where a Ray of our own listens. It takes 127.0.0.1 to mean the machine's address."""

NO_RAY = "--ray needs Ray here and on every node. Install the extra: pip install 'tollway[ray]'"


class Playable(Protocol):
    """One run: `what` it is in words, of how many requests, and how it goes."""

    @property
    def what(self) -> str: ...

    @property
    def requests(self) -> int: ...

    def play(self, going: Callable[[int], bool] | None) -> Rehearsed: ...


@dataclass(frozen=True, slots=True)
class Job:
    """One rehearsal: `what` in words, the documents of a fleet file at `path`, its traffic."""

    what: str
    documents: dict[str, str]
    path: Path
    trace: Trace
    how: Play
    slo: Slo | None = None
    learned: Learned | None = None

    @property
    def requests(self) -> int:
        """Of its trace."""
        return len(self.trace.requests)

    def play(self, going: Callable[[int], bool] | None) -> Rehearsed:
        """The trace through the fleet."""
        fleet = fleet_of(self.documents, self.path)
        pools = supply(fleet, self.trace.prefix_tokens, self.learned)
        if going is not None:
            warned(not why_plain(fleet, pools, self.trace, self.how))
        return rehearse_fleet(fleet, self.trace, self.how, self.slo, going, pools)


class Crew:
    """Who plays: this process where there is little to do, else `hands` at a time elsewhere."""

    def __init__(self, hands: int, hire: Callable[[], "Hand"], worth: int) -> None:
        self.hands, self.worth = hands, worth
        self._hire = hire
        self._hand: Hand | None = None

    def play(self, jobs: Iterable[Playable], count: int, on: Going) -> list[Rehearsed | None]:
        """Every job's answer in order, of `count` jobs that are made when they are wanted."""
        if not count or not on(0):
            return [None] * count
        coming = iter(jobs)
        first = next(coming)
        alone = min(count, self.hands) < 2 or first.requests * count < self.worth
        play = _one_by_one if alone else self._side_by_side
        found = play(chain([first], coming), count, on)
        return [*found, *[None] * (count - len(found))]

    def _side_by_side(
        self, jobs: Iterator[Playable], count: int, on: Going
    ) -> list[Rehearsed | None]:
        hand = self._hand = self._hand or self._hire()
        futures: list[Future[Rehearsed]] = []
        waiting: set[Future[Rehearsed]] = set()
        on.of("rehearsals", count)
        while on(len(futures) - len(waiting)):
            # One more than there are hands, so that none is idle while a trace is made.
            more = [hand.give(job) for job in islice(jobs, self.hands + 1 - len(waiting))]
            futures += more
            waiting |= set(more)
            if not waiting:
                break
            _, waiting = wait(waiting, POLL, FIRST_COMPLETED)
        done = [one.result() if one not in waiting else None for one in futures]
        if waiting:
            hand.stop()
            self._hand = None
        return done

    def end(self, *, at_once: bool) -> None:
        """Send everybody home, `at_once` without waiting for what they do."""
        if self._hand is not None and at_once:
            self._hand.stop()
        elif self._hand is not None:
            self._hand.end()


def _one_by_one(jobs: Iterable[Playable], count: int, on: Going) -> list[Rehearsed | None]:
    found: list[Rehearsed | None] = []
    for number, job in enumerate(jobs):
        on.of(job.what if count == 1 else f"{job.what} ({number + 1} of {count})", job.requests)
        answer = job.play(on)
        if on.stopped:
            break
        found.append(answer)
    return found


# --- who else may play ----------------------------------------------------------------------------


class Hand(Protocol):
    """Processes that play jobs."""

    def give(self, job: Playable) -> Future[Rehearsed]: ...

    def stop(self) -> None: ...

    def end(self) -> None: ...


class _Cores:
    """Further processes of this machine, one a core."""

    def __init__(self, cores: int) -> None:
        self._pool = ProcessPoolExecutor(cores, get_context("spawn"), _begin)

    def give(self, job: Playable) -> Future[Rehearsed]:
        return self._pool.submit(_work, packed(job))

    def stop(self) -> None:
        """What runs is not waited for: its answer would not be used."""
        for process in active_children():
            process.terminate()
        # The pool's own thread takes their ends in: two that did would miss some.
        self._pool.shutdown(cancel_futures=True)

    def end(self) -> None:
        self._pool.shutdown()


def _begin() -> None:
    """Ctrl-C is for the process that asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def packed(job: Playable) -> bytes:
    """A job as bytes, with the read-only mappings in it."""
    out = BytesIO()
    pickler = pickle.Pickler(out)
    pickler.dispatch_table = {**copyreg.dispatch_table, MappingProxyType: _parts}
    pickler.dump(job)
    return out.getvalue()


def _parts(mapping: Mapping[Any, Any]) -> tuple[Any, ...]:
    return _read_only, (dict(mapping),)


def _read_only(mapping: dict[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType(mapping)


def _work(job: bytes) -> Rehearsed:
    # The bytes are this command's own.
    return pickle.loads(job).play(None)  # noqa: S301


class _Cluster:
    """The nodes of a Ray cluster."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._task = ray.remote(num_cpus=1)(_work_of)
        self._given: list[Any] = []

    def give(self, job: Playable) -> Future[Rehearsed]:
        given = self._task.remote(packed(job), simulator())
        self._given.append(given)
        return given.future()

    def stop(self) -> None:
        for given in self._given:
            self._ray.cancel(given, force=True)

    def end(self) -> None:
        self._given.clear()


def simulator() -> str:
    """Which simulator this is, by its version and its sources (rule 3)."""
    return f"{__version__} {digest()}"


def _work_of(job: bytes, wanted: str) -> Rehearsed:
    if simulator() != wanted:
        raise TollwayError(
            f"a Ray node has Tollway {simulator()}, this machine {wanted}. "
            "Install one version everywhere."
        )
    return _work(job)


@contextmanager
def crew(*, ray: bool = False) -> Iterator[Crew]:
    """All cores that this process may use, or with `ray` all of a cluster: the one that
    $RAY_ADDRESS names, else the one that runs here, else one that is started for the purpose.

    Raises:
        TollwayError: there is no Ray.
    """
    with _cluster() if ray else nullcontext(_here()) as made:
        try:
            yield made
        except BaseException:
            made.end(at_once=True)
            raise
        made.end(at_once=False)


def _here() -> Crew:
    cores = len(os.sched_getaffinity(0))
    return Crew(cores, lambda: _Cores(cores), WORTH)


@contextmanager
def _cluster() -> Iterator[Crew]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that it runs
    try:
        ray: Any = import_module("ray")
    except ImportError as error:
        raise TollwayError(NO_RAY) from error
    ours = not ray.is_initialized()
    if ours:
        quiet = {"logging_level": ERROR, "log_to_driver": False}
        try:
            ray.init(address="auto", **quiet)
        except ConnectionError as error:
            address = os.environ.get("RAY_ADDRESS")
            if address is not None:
                raise TollwayError(
                    f"--ray: no cluster answers at {address}. Start it, or unset RAY_ADDRESS."
                ) from error
            ray.init(include_dashboard=False, _node_ip_address=LOOPBACK, **quiet)
    try:
        hands = int(ray.cluster_resources().get("CPU", 1))
        # It was asked for: so it is used, however little there is to do.
        yield Crew(max(2, hands), lambda: _Cluster(ray), worth=0)
    finally:
        if ours:
            ray.shutdown()
