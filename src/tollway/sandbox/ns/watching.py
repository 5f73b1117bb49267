"""How much memory a sandbox uses as a whole, looked at again and again where no cgroup bounds it.

Rules
1. It counts what its processes hold for themselves or share among them, and the files they wrote,
   which are in memory. What no process has mapped (a memfd) is not seen: this is no match for a
   cgroup, and the tier says so.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tollway.units import Bytes

EVERY = 0.1
"""Seconds between two looks."""


class Watch:
    """The memory of the sandbox whose first process is `first` and whose files are in the file
    system of the descriptor `work`. `peak` is bytes, of the looks so far."""

    def __init__(self, first: int, work: int) -> None:
        self._first, self._work = first, work
        self.peak = Bytes(0)

    async def exceeds(self, most: Bytes) -> None:
        """Return once it uses more than that."""
        while self.look() <= most:  # noqa: ASYNC110  # the kernel tells nobody
            await asyncio.sleep(EVERY)

    def look(self) -> int:
        """Bytes in use now."""
        files = os.fstatvfs(self._work)
        used = (files.f_blocks - files.f_bfree) * files.f_frsize
        used += sum(map(_held, _family(self._first)))
        self.peak = Bytes(max(self.peak, used))
        return used


def _family(first: int) -> Iterator[int]:
    """A process and all that descend from it."""
    waiting = [first]
    while waiting:
        process = waiting.pop()
        yield process
        with suppress(OSError):
            for thread in Path(f"/proc/{process}/task").iterdir():
                with suppress(OSError):
                    waiting += map(int, (thread / "children").read_text().split())


def _held(process: int) -> int:
    """Bytes that are a process's own, or shared memory."""
    held = 0
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                held += int(line.split()[1]) * 1024
    return held
