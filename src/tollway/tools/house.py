"""The process that serves tools: a fleet file, the guard's book, listeners, a reload.

Rules
1. It does not start without its pins, its book, its secrets and its rules, and says what it lacks.
2. A reload takes all of the fleet file or changes nothing, and says why. The address stays what it
   was at the start.
3. At its end every server of tools that it started is ended, with all that it started.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from tollway.errors import TollwayError
from tollway.fleet.credential import Credential
from tollway.fleet.objects import Fleet
from tollway.fleet.tooling import ToolSettings
from tollway.gateway.doors import TOOLS_SOCKET, Doors
from tollway.gateway.log import Log
from tollway.guard.tools.rules import ready
from tollway.inspect.fleetfile import read_fleet
from tollway.inspect.guardfiles import guard_of
from tollway.inspect.secretfile import read_secret
from tollway.ledger.guarded.approvals import Approvals
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Teller
from tollway.ledger.guarded.tasks import Task, Tasks
from tollway.tools.asking import Desk
from tollway.tools.declared import lock_of, settings_of
from tollway.tools.doors import Doorkeeper
from tollway.tools.front import Front
from tollway.tools.listening import listen
from tollway.tools.lock import read_lock
from tollway.tools.passage import Passages
from tollway.tools.service import Policy, Service
from tollway.tools.verified import Servers


@dataclass(frozen=True, slots=True)
class Clocks:
    """What time it is: UTC seconds, and seconds that never go back."""

    utc: Callable[[], float]
    steady: Callable[[], float]


class House:
    """Serves one fleet file's tools. Enter it, and leave it to end."""

    def __init__(self, path: Path, folder: Path, log: Log, clocks: Clocks) -> None:
        """`path` is the fleet file's, `folder` the state's."""
        self._path = path
        self._folder = folder
        self._log = log
        self._clocks = clocks
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "House":
        fleet, policy = await asyncio.to_thread(self._read, asyncio.get_running_loop())
        settings = policy.settings
        book = GuardBook(self._folder / GUARD_BOOK)
        self._stack.callback(book.close)
        ocsf = None if fleet.guard is None else fleet.guard.events
        teller = Teller(book, self._log.say, None if ocsf is None else self._folder / ocsf)
        self._stack.callback(teller.close)
        self._tasks = Tasks(book)
        approvals, utc = Approvals(book), self._clocks.utc
        self.service = Service(
            policy,
            self._tasks,
            lambda it: Desk(approvals, utc, it.passages.hidden),
            teller.tell,
            utc,
        )
        self._stack.push_async_callback(self._stop_servers)
        front = Front(self.service)
        await self._stack.enter_async_context(front.manager.run())
        listener = await listen(front.app(self._bearer), settings.host, settings.port)
        self._stack.push_async_callback(listener.close)
        keeper = Doorkeeper(front, self.service, self._tasks, utc)
        doors = Doors(self._folder / TOOLS_SOCKET, keeper, self._tasks.find, utc, self._log)
        await doors.listen()
        self._stack.push_async_callback(doors.close)
        self.port = listener.port
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"http://{host}:{self.port}/mcp"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def reload(self) -> bool:
        """Take the fleet file as it is now; False, with the reason logged, where it is faulty."""
        old = self.service.policy
        try:
            _, policy = await asyncio.to_thread(self._read, asyncio.get_running_loop())
        except TollwayError as error:
            for line in str(error).splitlines():
                self._log.say(f"tools: nothing is changed: {line}")
            return False
        self.service.policy = policy
        await old.servers.stop()
        self._log.say("tools: the fleet file is taken")
        return True

    async def _stop_servers(self) -> None:
        await self.service.policy.servers.stop()

    def _bearer(self, token: bytes | None) -> Task | None:
        return None if token is None else self._tasks.recognise(token, self._clocks.utc())

    def _read(self, loop: asyncio.AbstractEventLoop) -> tuple[Fleet, Policy]:
        fleet = read_fleet(self._path)
        settings = settings_of(fleet, self._path)
        pins = read_lock(lock_of(settings, self._path))

        def say(line: str) -> None:
            with suppress(RuntimeError):  # the loop has ended: nobody listens
                loop.call_soon_threadsafe(self._log.say, line)

        servers = Servers(settings, say, self._clocks.steady)
        guard = None
        if fleet.guard is not None:
            guard = guard_of(fleet.guard, self._path, self._folder, _known(fleet, settings))
        directions = () if fleet.guard is None else fleet.guard.directions
        return fleet, Policy(
            settings, ready(settings.rules), pins, Passages(guard, directions), servers
        )


def _known(fleet: Fleet, settings: ToolSettings) -> dict[str, str]:
    """Secrets that must not leave, as far as they can be read here: those of sources are for the
    gateway, and its own processes may keep them from this one."""
    found: dict[str, str] = {}
    for name, source in fleet.sources.items():
        if source.credential is not None and _is_here(source.credential):
            found[name] = read_secret(source.credential)
    for server in settings.servers.values():
        wanted = dict(server.secrets)
        if server.credential is not None:
            wanted["bearer"] = server.credential
        for variable, credential in wanted.items():
            found[f"{server.name}.{variable}"] = read_secret(credential)
    return found


def _is_here(credential: Credential) -> bool:
    return credential.scheme == "file" or credential.name in os.environ
