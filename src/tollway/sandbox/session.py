"""One run of an agent, from the task that is opened to the receipt.

Rules
1. A task is opened for the run and closed with it; its token is known to nobody, since its doors
   say who asks.
2. Nothing runs before the run is written down, and its end is written whatever happens.
3. A door that closes ends the run: what cannot be decided or paid for does not go on.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from typing import Protocol

from tollway.errors import TollwayError
from tollway.gateway.doors import (
    EGRESS_SOCKET,
    INDEX_SOCKET,
    MODELS_SOCKET,
    TOOLS_SOCKET,
    OpenDoor,
    open_door,
)
from tollway.gateway.offer import Offer
from tollway.gateway.private import LONGEST_PATH
from tollway.ledger.guarded.book import GuardBook
from tollway.ledger.guarded.runs import Ending, Exit, Run, Runs
from tollway.ledger.guarded.tasks import Task, Tasks
from tollway.sandbox.digests import digests
from tollway.sandbox.hosts import is_alive, this_host
from tollway.sandbox.inside import CA_NAME, EXIT_NAMES, INDEX, MODELS, PROXY, TOOLS, environment
from tollway.sandbox.order import (
    Box,
    Ended,
    Kept,
    Limits,
    Mount,
    NotBegunError,
    Order,
    Streams,
    Tier,
)
from tollway.units import Bytes, Seconds

_DOORS = "doors"
"""The folder, within the state folder, where the sockets of runs are."""
_SOCKETS = {MODELS: MODELS_SOCKET, PROXY: EGRESS_SOCKET, TOOLS: TOOLS_SOCKET, INDEX: INDEX_SOCKET}
"""Who is asked for a door to each exit: sockets of the state folder."""
_STARTING = 10.0
"""Seconds that proxy and tools may be behind a gateway that answers already."""
_BROKEN = 125
_NO_COMMAND = 127
_REFUSED = 2
_KILLED = 128 + signal.SIGKILL
_LONGEST_NAME = f"{EXIT_NAMES[MODELS]}.sock"
_SPARE = 60.0
"""Seconds that a task outlives the time of its run."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to run. `variables` stand in the environment beside those that lead to the exits;
    `outs` are paths inside and where each is kept; `tools` None: all that the fleet allows."""

    tenant: str
    key: str
    request: str | None
    argv: tuple[str, ...]
    tools: tuple[str, ...] | None
    variables: Mapping[str, str]
    mounts: tuple[Mount, ...]
    outs: tuple[tuple[str, Path], ...]
    limits: Limits
    terminal: bool


class Means(Protocol):
    """What a run is made with."""

    @property
    def folder(self) -> Path:
        """The state folder."""
        ...

    @property
    def book(self) -> GuardBook: ...
    @property
    def offer(self) -> Offer: ...
    @property
    def tier(self) -> Tier: ...
    @property
    def utc(self) -> Callable[[], float]: ...


class Session:
    """One run. `signal` may be called at any time."""

    def __init__(self, wanted: Wanted, means: Means, streams: Streams) -> None:
        self._wanted = wanted
        self._means = means
        self._streams = streams
        self._tasks = Tasks(means.book)
        self._box: Box | None = None
        self._running: asyncio.Task[Ended] | None = None
        self._stopping: asyncio.TimerHandle | None = None
        self._lost = ""
        self._unkept = ""

    def signal(self, number: int) -> None:
        """Send a signal to the command."""
        if self._box is not None:
            self._box.signal(number)

    def stop(self, number: int) -> None:
        """Send a signal to the command, and end it where it is still there after the grace."""
        self.signal(number)
        if self._running is not None and self._stopping is None:
            loop = asyncio.get_running_loop()
            grace = self._wanted.limits.grace
            self._stopping = loop.call_later(grace, self._running.cancel)

    async def run(self) -> Run:
        """Run to the end; returns the run with its ending.

        Raises:
            TollwayError: nothing ran, and nothing is left.
        """
        wanted, means = self._wanted, self._means
        sweep(means.folder, Runs(means.book))
        now = means.utc()
        lasts = wanted.limits.time + wanted.limits.grace + _SPARE
        task, _ = self._tasks.open(wanted.tenant, now, lasts, wanted.request, wanted.key)
        run = self._written(task)
        runs = Runs(means.book)
        runs.begin(run)
        try:
            ending = await self._within_doors(task)
        except BaseException as error:
            words = str(error) if isinstance(error, TollwayError) else "It was broken off."
            runs.end(run, _nothing(words), means.utc())
            raise
        finally:
            self._tasks.close(task.id, means.utc())
        return runs.end(run, ending, means.utc())

    def _written(self, task: Task) -> Run:
        wanted, tier = self._wanted, self._means.tier
        return Run(
            task=task.id,
            tenant=task.tenant,
            key=task.key,
            request=task.request,
            argv=wanted.argv,
            tier=tier.name,
            isolates=tier.isolates(),
            leaves_open=tier.leaves_open(),
            ground=tier.digest(),
            mounts=tuple(_said(it) for it in wanted.mounts),
            tools=wanted.tools,
            limits=asdict(wanted.limits),
            ledger=str(self._means.folder / self._means.offer.ledger),
            began=task.opened,
            host=this_host(),
        )

    async def _within_doors(self, task: Task) -> Ending:
        kept = self._means.folder / _DOORS / task.id
        async with AsyncExitStack() as stack:
            stack.callback(_remove, kept)
            folder = _made(kept)
            doors = await self._open_doors(stack, task, folder)
            order = self._order(task, folder, doors)
            shown = self._means.tier.name == "ns"
            reading = asyncio.create_task(asyncio.to_thread(digests, order, shown=shown))
            stack.callback(reading.cancel)
            box = self._box = await self._means.tier.box(order, self._streams)
            try:
                ended = await self._ran(box, doors)
                kept = await self._kept(box)
            finally:
                self._box = None
                await box.close()
            if self._unkept and not ended.code:  # what was asked for is not there
                ended = replace(ended, code=_BROKEN, words=self._unkept)
            return _ending(ended, kept, await reading)

    async def _open_doors(
        self, stack: AsyncExitStack, task: Task, folder: Path
    ) -> Mapping[int, OpenDoor]:
        offer = self._means.offer
        there = {MODELS: True, PROXY: offer.egress, TOOLS: offer.tools, INDEX: offer.index}
        doors: dict[int, OpenDoor] = {}
        for port in (it for it, is_there in there.items() if is_there):
            door = open_door(
                self._means.folder / _SOCKETS[port],
                task.id,
                folder / f"{EXIT_NAMES[port]}.sock",
                self._wanted.tools if port == TOOLS else None,
                patience=0.0 if port == MODELS else _STARTING,
            )
            doors[port] = await stack.enter_async_context(door)
        return doors

    def _order(self, task: Task, folder: Path, doors: Mapping[int, OpenDoor]) -> Order:
        wanted, offer = self._wanted, self._means.offer
        variables = environment(task.id, egress=offer.egress, tools=offer.tools, index=offer.index)
        variables |= self._sentinels(task)
        pem = "" if PROXY not in doors else doors[PROXY].pem
        return Order(
            argv=wanted.argv,
            environment={**variables, **wanted.variables},
            task=task.id,
            mounts=wanted.mounts,
            files={CA_NAME: pem.encode()} if pem else {},
            exits={port: folder / f"{EXIT_NAMES[port]}.sock" for port in doors},
            limits=wanted.limits,
            terminal=wanted.terminal,
        )

    def _sentinels(self, task: Task) -> Mapping[str, str]:
        uses = self._means.offer.secrets
        if not uses:
            return {}
        from tollway.broker.broker import mint  # dear to import, and seldom needed

        return mint(self._means.book, uses, task.id, task.tenant, task.opened)

    async def _ran(self, box: Box, doors: Mapping[int, OpenDoor]) -> Ended:
        loop = asyncio.get_running_loop()
        began = loop.time()
        running = self._running = loop.create_task(box.run())
        watching = [loop.create_task(self._watch(port, door)) for port, door in doors.items()]
        try:
            await asyncio.wait({running})
        finally:
            for task in (running, *watching):
                task.cancel()
            if self._stopping is not None:
                self._stopping.cancel()
            await asyncio.gather(running, *watching, return_exceptions=True)
        if running.cancelled():
            ended = Ended(_KILLED, "signal", "", Seconds(loop.time() - began))
        else:
            try:
                ended = running.result()
            except NotBegunError as error:
                ended = Ended(_NO_COMMAND, "exit", str(error), Seconds(loop.time() - began))
        return replace(ended, code=_BROKEN, why="lost", words=self._lost) if self._lost else ended

    async def _watch(self, port: int, door: OpenDoor) -> None:
        """Rule 3."""
        await door.gone()
        if self._lost:
            return
        self._lost = f"The door to {EXIT_NAMES[port]} was closed: the task is over, or who kept it."
        self.stop(signal.SIGTERM)

    async def _kept(self, box: Box) -> Kept:
        files: dict[str, tuple[Bytes, str]] = {}
        refused: dict[str, str] = {}
        for inside, into in self._wanted.outs:
            try:
                kept = await box.keep(inside, into)
            except TollwayError as error:
                refused[inside] = str(error)
                self._unkept = f"{inside} was not kept: {error}"
                continue
            top = into.parent if into.is_file() else into  # a file is kept by its own name
            files |= {str(top / path): it for path, it in kept.files.items()}
            refused |= {str(PurePath(inside, path)): why for path, why in kept.refused.items()}
        return Kept(files, refused)


def sweep(folder: Path, runs: Runs) -> None:
    """Remove what runs left whose host was killed: empty folders of doors."""
    for left in folder.glob(f"{_DOORS}/*"):
        run = runs.find(left.name)
        if run is None or not is_alive(run.host):
            _remove(left)


def _made(folder: Path) -> Path:
    """A private folder for sockets: `folder`, or where their paths would be too long there, another
    that `folder` is a link to."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if len(os.fsencode(folder / _LONGEST_NAME)) <= LONGEST_PATH:
        folder.mkdir(mode=0o700)
        return folder
    place = Path(tempfile.mkdtemp(prefix="tollway-"))
    folder.symlink_to(place)
    return place


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        _remove(folder.readlink())
        folder.unlink()
        return
    for path in folder.glob("*.sock"):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # who keeps a door may not have removed its socket yet
        folder.rmdir()


def _said(mount: Mount) -> str:
    return f"{mount.source}:{mount.target}{':rw' if mount.writable else ''}"


def _nothing(words: str) -> Ending:
    return Ending(_REFUSED, "lost", words, 0.0, None, 0, {}, {}, {}, {})


def _ending(ended: Ended, kept: Kept, read: Mapping[str, str]) -> Ending:
    exits = {
        EXIT_NAMES[port]: Exit(count, ended.out.get(port, 0), ended.back.get(port, 0))
        for port, count in ended.connections.items()
    }
    return Ending(
        code=ended.code,
        why=ended.why,
        words=ended.words,
        seconds=ended.seconds,
        peak=ended.peak,
        printed=ended.printed,
        exits=exits,
        kept={path: (size, digest) for path, (size, digest) in kept.files.items()},
        refused=dict(kept.refused),
        digests=read,
    )
