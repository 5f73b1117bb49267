"""Processes beside the gateway: emulated sources, exits of tasks, the watch, the console.

Rules
1. Each holds a pipe from us as its standard input and ends when that ends, so none outlives us.
2. One that dies is started again, later each time, with a line in the log.
3. Emulated sources are given none of the credentials that the fleet file names from the
   environment.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from tollway.gateway.loading import Loaded
from tollway.gateway.log import Log

FIRST_WAIT = 0.5
LAST_WAIT = 15.0
_STEADY = 30.0
"""Seconds after which a process that dies is one that had worked."""
_POLL = 0.05
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs. `title` is what it is called in the log, `words` follow `tollway`;
    `places` are the hosts and ports that answer once it is ready; `rereads`: SIGHUP has it read the
    fleet file again, else it is started again where `made_of` has changed."""

    title: str
    words: tuple[str, ...]
    places: tuple[tuple[str, int], ...]
    rereads: bool
    made_of: object
    without: frozenset[str] = frozenset()
    """Variables of our environment that it does not get (rule 3)."""


def programs(loaded: Loaded) -> Mapping[str, Program]:
    """What is to run beside the gateway of a fleet, by name."""
    fleet, found = loaded.fleet, dict[str, Program]()
    emulated = {name: it for name, it in fleet.sources.items() if it.emulation is not None}
    where = ("--fleet", str(loaded.path))
    if emulated:
        made_of = {name: (it.emulation, it.silicon, it.serves) for name, it in emulated.items()}
        places = [
            (it.emulation.host, it.emulation.port) for it in emulated.values() if it.emulation
        ]
        words = ("emulate", *where, "--until-eof")
        title = "the emulated sources' process"
        secret = frozenset(
            it.credential.name
            for it in fleet.sources.values()
            if it.credential is not None and it.credential.scheme == "env"
        )
        found["emulate"] = Program(title, words, tuple(places), False, made_of, secret)
    more = (*where, "--state", str(loaded.folder), "--until-eof")
    if fleet.egress is not None:
        at = (fleet.egress.host, fleet.egress.port)
        found["egress"] = Program("the egress proxy", ("egress", *more), (at,), True, at)
    if fleet.tools is not None:
        at = (fleet.tools.host, fleet.tools.port)
        found["tools"] = Program("the MCP gateway", ("tools", *more), (at,), True, at)
    if fleet.index is not None:
        at = (fleet.index.host, fleet.index.port)
        words = ("index", "serve", *more)
        found["index"] = Program("the package index", words, (at,), True, at)
    if fleet.console is not None:
        at = (fleet.console.host, fleet.console.port)
        words = ("console", "serve", *more)
        found["console"] = Program("the console", words, (at,), True, (at, fleet.console))
    if fleet.drift is not None:
        # It has no port; whatever changes in the fleet, it begins anew with what it has kept.
        found["drift"] = Program(
            "the watch for drift", ("drift", "watch", *more), (), False, fleet.digest
        )
    return found


class Child:
    """One program, kept running. `ready` says that all its ports answer."""

    def __init__(self, program: Program, log: Log, clock: Callable[[], float]) -> None:
        self.program = program
        self.ready = False
        self._log = log
        self._clock = clock
        self._command = [sys.executable, "-m", "tollway", *program.words]
        self._environment = {k: v for k, v in os.environ.items() if k not in program.without}
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
            self._log.say(f"{self.program.title} {ended}; it is started again in {wait:g} s")
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
        for host, port in self.program.places:
            while not await _answers(host, port):  # noqa: ASYNC110 - a port opens without an event
                await asyncio.sleep(_POLL)
        self.ready = True

    def reread(self) -> None:
        """Have it read the fleet file again; what it says of faults is in the log's stream."""
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGHUP)

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


async def _answers(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True
