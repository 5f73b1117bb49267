"""The process that runs the emulated sources, kept alive as long as the gateway lives.

Rules
1. It holds a pipe from us as its standard input and ends when that ends, so it cannot outlive us.
2. One that dies is started again, later each time, with a line in the log.
3. It is given none of the credentials that the fleet file names from the environment.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

from tollway.fleet.objects import Emulation, Fleet
from tollway.gateway.loading import Loaded
from tollway.gateway.log import Log

FIRST_WAIT = 0.5
LAST_WAIT = 15.0
_STEADY = 30.0
"""Seconds after which a process that dies is one that had worked."""
_POLL = 0.05
_PATIENCE = 5.0


def emulations(fleet: Fleet) -> Mapping[str, object]:
    """Source -> what the process must be started again for when it changes."""
    return {
        name: (source.emulation, source.silicon, source.serves)
        for name, source in fleet.sources.items()
        if source.emulation is not None
    }


class Emulators:
    """The child of one fleet file. `ready` says that all its ports answer."""

    def __init__(self, loaded: Loaded, log: Log, clock: Callable[[], float]) -> None:
        fleet = loaded.fleet
        self.ready = False
        self._log = log
        self._clock = clock
        self._command = [
            sys.executable, "-m", "tollway", "emulate",
            "--fleet", str(loaded.path), "--until-eof",
        ]  # fmt: skip
        secret = {
            source.credential.name
            for source in fleet.sources.values()
            if source.credential is not None and source.credential.scheme == "env"
        }
        self._environment = {k: v for k, v in os.environ.items() if k not in secret}
        self._ports = [
            source.emulation for source in fleet.sources.values() if source.emulation is not None
        ]
        self._process: asyncio.subprocess.Process | None = None
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        wait = FIRST_WAIT
        while True:
            started = self._clock()
            # A session of its own: Ctrl-C is for the gateway, which then ends this one by rule 1.
            try:
                process = self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.DEVNULL,
                    env=self._environment,
                    start_new_session=True,
                )
            except OSError as error:
                ended = f"cannot be started: {error.strerror}"
            else:
                ended = f"ended with code {await self._lived(process)}"
            if self._clock() - started > _STEADY:
                wait = FIRST_WAIT
            self._log.say(
                f"the emulated sources' process {ended}; it is started again in {wait:g} s"
            )
            await asyncio.sleep(wait)
            wait = min(2 * wait, LAST_WAIT)

    async def _lived(self, process: asyncio.subprocess.Process) -> int:
        """Its exit code, once it has one."""
        watching = asyncio.create_task(self._watch())
        try:
            return await process.wait()
        finally:
            watching.cancel()
            self.ready = False

    async def _watch(self) -> None:
        for emulation in self._ports:
            while not await _answers(emulation):  # noqa: ASYNC110 - a port opens without an event
                await asyncio.sleep(_POLL)
        self.ready = True

    async def stop(self) -> None:
        """End the child, and wait until it has ended."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_PATIENCE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _answers(emulation: Emulation) -> bool:
    try:
        _, writer = await asyncio.open_connection(emulation.host, emulation.port)
    except OSError:
        return False
    writer.close()
    return True
