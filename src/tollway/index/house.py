"""The process that serves packages: a fleet file, the guard's book, listeners, a reload.

Rules
1. It does not start without its upstreams' credentials, its lists and, in mode lock, its lock.
2. A reload takes all of the fleet file and the lock or changes nothing, and says why. The address
   stays what it was at the start.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from tollway.errors import TollwayError
from tollway.gateway.doors import INDEX_SOCKET, Doors
from tollway.gateway.log import Log
from tollway.guard.event import SecurityEvent
from tollway.index.desk import Desk
from tollway.index.doors import Doorkeeper
from tollway.index.front import Front
from tollway.index.loading import load
from tollway.index.shelf import Shelf
from tollway.index.stock import Stock
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.guarded.approvals import Approvals
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Teller
from tollway.ledger.guarded.tasks import Tasks
from tollway.tools.listening import listen

SHELF = "packages"
"""The folder, within the state folder, of files that were fetched."""


class House:
    """Serves one fleet file's index. Enter it, and leave it to end."""

    def __init__(self, path: Path, folder: Path, log: Log, utc: Callable[[], float]) -> None:
        """`path` is the fleet file's, `folder` the state's."""
        self._path = path
        self._folder = folder
        self._log = log
        self._utc = utc
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "House":
        means = await asyncio.to_thread(load, self._path)
        settings = means.settings
        book = GuardBook(self._folder / GUARD_BOOK)
        self._stack.callback(book.close)
        teller = Teller(book, self._log.say, await asyncio.to_thread(self._events))
        self._stack.callback(teller.close)

        def tell(event: SecurityEvent) -> None:
            teller.tell(event)
            if event.outcome != "allowed":
                whose = "" if event.task is None else f" for task {event.task}"
                self._log.say(f"index: {event.outcome} {event.place}{whose}: {event.words}")

        desk = Desk(Approvals(book), tell, lambda: self.stock.means.settings, self._utc)
        shelf = await asyncio.to_thread(Shelf, self._folder / SHELF, settings.cache)
        self.stock = Stock(means, shelf, desk, self._utc)
        self._stack.push_async_callback(self.stock.close)
        front = Front(self.stock, self._log.fault)
        listener = await listen(front.app(None), settings.host, settings.port, "index.listen")
        self._stack.push_async_callback(listener.close)
        find = Tasks(book).find
        at = self._folder / INDEX_SOCKET
        doors = Doors(at, Doorkeeper(front), find, self._utc, self._log)
        await doors.listen()
        self._stack.push_async_callback(doors.close)
        self.port = listener.port
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"http://{host}:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def reload(self) -> bool:
        """Take fleet file and lock as they are now; False, with the reason logged, where one is
        faulty."""
        try:
            means = await asyncio.to_thread(load, self._path)
        except TollwayError as error:
            for line in str(error).splitlines():
                self._log.say(f"index: nothing is changed: {line}")
            return False
        await self.stock.use(means)
        self._log.say("index: the fleet file and the lock are taken")
        return True

    def _events(self) -> Path | None:
        guard = read_fleet(self._path).guard
        return None if guard is None or guard.events is None else self._folder / guard.events
