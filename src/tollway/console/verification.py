"""Reads the lock, and holds it against what is here, in threads beside the event loop.

Rules
1. One look at a time. What it found is kept until a file that it read has other times or sizes, or
   `_KEPT` seconds have gone by: not every file that counts is known beforehand.
2. Who asks waits `PATIENCE` seconds at most, and is told how far the look is; nothing is shown of a
   look that is not over.
3. A lock is parsed again only when its file has another time or size.
4. The end of the console ends a look: hashing a large model must not hold it up.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tollway.console.clocks import Clocks
from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet
from tollway.fleet.pinning import PinSettings
from tollway.inspect.locked import lock_path, look
from tollway.inspect.lockfile import read_lock_file
from tollway.inspect.lockparts import weight_files
from tollway.pins.finding import Findings
from tollway.pins.lock import Lock
from tollway.tools.pinned import pinned_tools

PATIENCE = 1.5
_KEPT = 300.0

Mark = Sequence[tuple[str, int, int]]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look brought: findings, or why there are none; `at` is UTC seconds."""

    findings: Findings | None
    fault: str | None
    at: float


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A look that is not over: bytes hashed, of how many (0: not known yet)."""

    hashed: int
    total: int


class _Ended(Exception):  # noqa: N818 - nothing went wrong
    """The console ends."""


class Verification:
    """The looks at one fleet file's lock."""

    def __init__(self, path: Path, clocks: Clocks) -> None:
        self._path = path
        self._clocks = clocks
        self._last: tuple[float, str, Mark, Verified] | None = None
        self._looking: asyncio.Task[Verified] | None = None
        self._lock: tuple[tuple[str, int, int], Lock] | None = None
        self._hashed = 0
        self._total = 0
        self._over = False

    async def close(self) -> None:
        """Rule 4."""
        self._over = True
        if self._looking is not None:
            await asyncio.gather(self._looking, return_exceptions=True)

    async def lock(self, fleet: Fleet) -> Lock | None:
        """The lock of the fleet file; None where there is none.

        Raises:
            FaultsFound: it cannot be read.
        """
        return await asyncio.to_thread(self._parsed, fleet)

    def _parsed(self, fleet: Fleet) -> Lock | None:
        file = lock_path(fleet, self._path)
        times = _times(file)
        if times[2] < 0:
            return None
        kept = self._lock
        if kept is None or kept[0] != times:
            kept = self._lock = (times, read_lock_file(file))
        return kept[1]

    async def state(self, fleet: Fleet) -> Verified | UnderWay:
        """What the last look found, or how far this one is (rules 1 and 2)."""
        if self._looking is None:
            mark = await asyncio.to_thread(_mark, fleet, self._path)
            last, now = self._last, self._clocks.steady()
            if last is not None and last[1:3] == (fleet.digest, mark) and now - last[0] < _KEPT:
                return last[3]
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(fleet))
        try:
            return await asyncio.wait_for(asyncio.shield(self._looking), PATIENCE)
        except TimeoutError:
            return UnderWay(self._hashed, self._total)

    async def _look(self, fleet: Fleet) -> Verified:
        self._hashed = self._total = 0
        try:
            mark = await asyncio.to_thread(_mark, fleet, self._path)
            found = await asyncio.to_thread(self._found, fleet)
            self._last = (self._clocks.steady(), fleet.digest, mark, found)
            return found
        finally:
            self._looking = None

    def _found(self, fleet: Fleet) -> Verified:
        try:
            lock = self._parsed(fleet)
            if lock is None:
                return Verified(None, "The lock is gone.", self._clocks.utc())
            tools = pinned_tools(fleet, self._path)
            findings = look(fleet, self._path, lock, tools, self._watched)
        except (TollwayError, _Ended) as error:
            return Verified(None, str(error), self._clocks.utc())
        return Verified(findings, None, self._clocks.utc())

    @contextmanager
    def _watched(self, total: int) -> Iterator[Callable[[int], None]]:
        self._total = total

        def hashed(count: int) -> None:
            if self._over:
                raise _Ended
            self._hashed += count

        yield hashed


def _mark(fleet: Fleet, path: Path) -> Mark:
    """Times and sizes of the files that a look reads."""
    pins, folder = fleet.pins or PinSettings(), path.absolute().parent
    files = {path.absolute(), lock_path(fleet, path), folder / "drift"}
    files |= {folder / name for name in pins.requirements}
    files |= {it for pattern in pins.prompts for it in folder.glob(pattern)}
    if fleet.tools is not None:
        files.add(folder / fleet.tools.lock)
    try:
        weights = weight_files(folder, pins).values()
    except TollwayError:
        weights = ()
    files |= {folder / name for group in weights for name in group}
    return tuple(sorted(_times(it) for it in files))


def _times(file: Path) -> tuple[str, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (str(file), 0, -1)
    return (str(file), found.st_mtime_ns, found.st_size)
