"""One sandbox of the `ns` tier, from its making to its end.

Rules
1. Whatever ends it, all that runs in it ends: its first process is killed, and the kernel kills the
   rest of its PID namespace with it.
2. The exit code is the command's. A bound that was met has the codes of `Ended`.
3. What is kept is read once everything in it is dead, so that nothing changes under the reader.
"""

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tollway.errors import TollwayError
from tollway.sandbox.defences import Defences
from tollway.sandbox.exits import Exits
from tollway.sandbox.keeping import Keeper, keep_from
from tollway.sandbox.ns.cgroups import Group
from tollway.sandbox.ns.launch import Launched, readable, reap
from tollway.sandbox.ns.streams import FAILED, Relay
from tollway.sandbox.ns.watching import Watch
from tollway.sandbox.order import Ended, Kept, NotBegunError, Order, Streams, Why
from tollway.sandbox.printing import Printing
from tollway.units import Bytes, Seconds

TIME_OVER, BOUND_MET = 124, 125
LAST_WORDS = 1.0
"""Seconds that what was printed may take to be read, where a bound was met."""


@dataclass(slots=True)
class NsBox:
    """A sandbox that waits for its run. `relay` is None where the caller's streams are given as
    they are (no defence of the terminal)."""

    order: Order
    defences: Defences
    streams: Streams
    launched: Launched
    relay: Relay | None
    group: Group | None
    watch: Watch | None
    """Where no group bounds the memory."""
    _began: bool = False
    _over: bool = False
    _closed: bool = False

    async def run(self) -> Ended:
        """As `Box.run`."""
        if self._began:
            raise TollwayError("A sandbox runs its order once. Make another one")
        self._began = True
        began = time.monotonic()
        printing = Printing(self.order.limits, self.defences)
        exits = Exits(self.order.exits, self.order.limits, self.defences)
        relaying = asyncio.create_task(self._relayed(printing))
        telling = asyncio.create_task(to_its_end(self.launched.status))
        servers = [await _serve(exits, *each) for each in self._exits()]
        try:
            with suppress(BrokenPipeError):  # bubblewrap is gone already, as will be found
                os.write(self.launched.release, b"x")
            why = await self._ended(telling, printing)
            self._over = True
            await self._all_gone(why, relaying)
            told = await telling
        finally:
            self._over = True
            self._kill()
            for server in servers:
                server.close()
            await exits.close()
            await _cancelled(telling, relaying)
        code, why, words = await self._verdict(why, printing, told)
        return Ended(
            code,
            why,
            words,
            Seconds(time.monotonic() - began),
            peak=self._peak(),
            printed=Bytes(printing.printed),
            out=exits.out,
            back=exits.back,
            connections=exits.connections,
        )

    def signal(self, number: int) -> None:
        """As `Box.signal`."""
        if not self._began or self._over:
            return
        with suppress(OSError, ValueError):
            if command := self._command():
                os.kill(command, number)

    async def keep(self, path: str, into: Path) -> Kept:
        """As `Box.keep`."""
        return await asyncio.to_thread(self._keep, path, into)

    async def close(self) -> None:
        """As `Box.close`."""
        if self._closed:
            return
        self._closed = self._over = True
        launched = self.launched
        with suppress(OSError):
            os.close(launched.release)
        self._kill()
        if self.defences.teardown:
            with suppress(OSError):
                await readable(launched.first)
            await asyncio.to_thread(launched.monitor.wait)
            reap(launched.first)
        else:
            launched.monitor.poll()
        if self.relay:
            self.relay.close()
        for each in launched.exits:
            each.close()
        for each in (launched.first, launched.status, launched.work):
            os.close(each)
        if self.group and self.defences.teardown:
            await asyncio.to_thread(self.group.remove)

    def _exits(self) -> list[tuple[int, Any]]:
        return list(zip(self.order.exits, self.launched.exits, strict=False))

    async def _relayed(self, printing: Printing) -> None:
        if self.relay:
            await self.relay.run(printing)

    async def _ended(self, telling: "asyncio.Task[bytes]", printing: Printing) -> Why:
        """Wait for the command's end, which bubblewrap tells, or that of its bounds."""
        limits = self.order.limits
        full = asyncio.create_task(printing.full.wait())
        starved = asyncio.create_task(self._starved())
        bounds: tuple[tuple[asyncio.Task[Any], Why], ...] = (full, "output"), (starved, "memory")
        waited = telling, full, starved
        try:
            await _first(*waited, most=limits.time if self.defences.time else None)
            if not any(task.done() for task in waited):
                self.signal(signal.SIGTERM)
                await _first(*waited, most=limits.grace)
                return "time"
            for task, why in bounds:
                if task.done():
                    return why
            return "exit"
        finally:
            await _cancelled(full, starved)

    async def _starved(self) -> None:
        """Return once the memory it had is used up, where no group sees to that."""
        if self.watch and self.defences.memory:
            await self.watch.exceeds(self.order.limits.memory)
        else:
            await asyncio.Event().wait()

    async def _all_gone(self, why: Why, relaying: "asyncio.Task[None]") -> None:
        """What the command left behind ends; then what they printed is read to its end, for as long
        as whoever reads it takes, if no bound was met."""
        waits = why == "exit" and self.defences.teardown
        if self.defences.teardown:
            self._kill()
            await readable(self.launched.first)
        await _first(relaying, most=None if waits else LAST_WORDS)
        if relaying.done():
            relaying.result()

    async def _verdict(self, why: Why, printing: Printing, told: bytes) -> tuple[int, Why, str]:
        code = _code(told)
        held = self.relay.taken() if self.relay else b""
        if code is None and why == "exit" and held.startswith(FAILED):
            raise NotBegunError(self._failure(held[len(FAILED) :].decode(errors="replace")))
        if held:
            await asyncio.to_thread(printing.write, self.streams.stderr, held)
        limits = self.order.limits
        if why == "time":
            return TIME_OVER, why, f"ended after {limits.time:g} s, the time it had"
        if why == "output":
            return BOUND_MET, why, f"ended after printing {limits.output} bytes, all it might"
        if why == "memory" or (code != 0 and self.group and self.group.starved()):
            return BOUND_MET, "memory", f"killed at {limits.memory} bytes of memory, all it had"
        if code is None:
            return BOUND_MET, "lost", "its sandbox was killed from outside"
        if code > 128 and code - 128 in signal.valid_signals():
            return code, "signal", f"ended by {signal.Signals(code - 128).name}"
        return code, "exit", ""

    def _failure(self, words: str) -> str:
        command, words = self.order.argv[0], " ".join(words.split())
        if words.startswith("execvp"):
            if words.endswith("No such file or directory"):
                return f"{command}: not found in the sandbox. Mount it with --mount"
            return f"{command}: {words.rpartition(': ')[2]} in the sandbox. Make it executable"
        return f"The sandbox could not be made: {words}. Run: tollway sandbox doctor"

    def _kill(self) -> None:
        if not self.defences.teardown:
            return
        with suppress(OSError):
            signal.pidfd_send_signal(self.launched.first, signal.SIGKILL)

    def _peak(self) -> Bytes | None:
        if self.watch:
            return self.watch.peak
        peak = self.group.peak() if self.group else None
        return None if peak is None else Bytes(peak)

    def _command(self) -> int | None:
        """The command's own number: the first child of the sandbox's first process."""
        first = self.launched.first_number
        if not self.defences.processes:
            return first
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return int(children[0]) if children else None

    def _keep(self, path: str, into: Path) -> Kept:
        if not self._over:
            raise TollwayError("The sandbox still runs: what it made is kept after its end")
        keeper = Keeper(into, self.order.limits, self.defences)
        try:
            keep_from(self.launched.work, path, keeper)
            return keeper.done()
        finally:
            keeper.abandon()


async def to_its_end(fd: int) -> bytes:
    """All that comes from a descriptor."""
    told = b""
    while True:
        await readable(fd)
        part = os.read(fd, 4096)
        if not part:
            return told
        told += part


def _code(told: bytes) -> int | None:
    """The command's code, which bubblewrap tells if the command could be begun."""
    for line in told.splitlines():
        with suppress(ValueError):
            if (code := json.loads(line).get("exit-code")) is not None:
                return int(code)
    return None


async def _serve(exits: Exits, port: int, at: Any) -> asyncio.Server:
    return await asyncio.start_server(lambda r, w: exits.lead(port, r, w), sock=at)


async def _first(*waited: "asyncio.Task[Any]", most: float | None) -> None:
    await asyncio.wait(waited, timeout=most, return_when=asyncio.FIRST_COMPLETED)


async def _cancelled(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
