"""The proxy: its listeners, and the connections that are open.

Rules
1. Over TCP a task says who it is with its token; a door belongs to one task, and whoever reaches
   it is that task.
2. A connection over the caps is closed at once.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tollway.egress.channel import READ, PlainChannel
from tollway.egress.defences import ALL, Defences
from tollway.egress.house import House, Terms
from tollway.egress.inspection import Inspector, Means
from tollway.egress.record import Record
from tollway.egress.resolving import Lookup, Resolver, system_lookup
from tollway.egress.session import Session
from tollway.egress.upstream import trust
from tollway.errors import TollwayError
from tollway.gateway.doors import MOST_CONNECTIONS
from tollway.gateway.log import Log
from tollway.gateway.private import Bounded
from tollway.guard.addresses import networks
from tollway.ledger.guarded.book import GuardBook
from tollway.ledger.guarded.connections import Connections

_THREADS = 4
_LOOKUPS = 16
_PATIENCE = 2.0
"""Seconds that connections which are broken off may take to say what they did."""

Sessions = dict[asyncio.Task[None], Session]


class TaskDoor:
    """One task's own socket, and what is connected to it. `record` gets what was done."""

    def __init__(self, listener: Bounded, sessions: Sessions, record: Record) -> None:
        self._listener = listener
        self._sessions = sessions
        self._record = record

    async def close(self) -> None:
        """See `Door`. What was done over it is written down then."""
        await self._listener.close()
        await _break_off(self._sessions)
        await self._record.flush()


async def _break_off(sessions: Sessions) -> None:
    for running, session in list(sessions.items()):
        session.abort()
        running.cancel()
    if sessions:
        await asyncio.wait(list(sessions), timeout=_PATIENCE)


class EgressProxy:
    """A running proxy. Make it within a running loop."""

    def __init__(
        self, means: Means, book: GuardBook, log: Log, *, lookup: Lookup = system_lookup,
        defences: Defences = ALL,
    ) -> None:  # fmt: skip
        """`lookup` and `defences` are others in tests only.

        Raises:
            TollwayError: what the proxy needs is missing.
        """
        self._defences = defences
        self._lookup = lookup
        self._lookups = ThreadPoolExecutor(_LOOKUPS, "names")
        self._work = ThreadPoolExecutor(_THREADS, "decisions")
        self._disk = ThreadPoolExecutor(1, "record")
        self._book = book
        record = Record(Connections(book), self._disk, log.say)
        self.house = House(self._terms(means), defences, record, log, time.time, self._work)
        self._server: asyncio.Server | None = None
        self._sessions: Sessions = {}

    def _terms(self, means: Means) -> Terms:
        settings = means.settings
        check = self._defences.addresses
        private = networks(settings.private)
        resolver = Resolver(private, self._lookup, self._lookups, check=check)
        try:
            trusted = trust(settings.ca_file)
        except (OSError, ValueError) as error:
            raise TollwayError(
                f"egress.ca_file: {settings.ca_file} cannot be used: {error}. Name a PEM file."
            ) from None
        return Terms(settings, Inspector(means, self._defences), resolver, trusted)

    def use(self, means: Means) -> None:
        """Go by a new fleet file, from the next request on. The listeners stay.

        Raises:
            TollwayError: nothing is changed.
        """
        self.house.terms = self._terms(means)

    async def listen(self, host: str, port: int) -> int:
        """Listen for tasks with tokens; returns the port.

        Raises:
            TollwayError: the address is in use, or not this machine's.
        """
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: self._protocol(None, self._sessions), host, port
            )
        except OSError as error:
            raise TollwayError(
                f"egress.listen: {host}:{port} cannot be listened on: {error.strerror}. "
                "Write another address."
            ) from None
        self._server = server
        for opened in server.sockets:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return int(server.sockets[0].getsockname()[1])

    def listen_for(self, task: str, path: Path) -> TaskDoor:
        """Open a door for one task.

        Raises:
            TollwayError: the socket cannot be made.
        """
        sessions: Sessions = {}
        most = max(MOST_CONNECTIONS, self.house.settings.task_connections)
        listener = Bounded(lambda: self._protocol(task, sessions), path, most)
        return TaskDoor(listener, sessions, self.house.record)

    def _protocol(self, task: str | None, among: Sessions) -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(limit=READ)
        return asyncio.StreamReaderProtocol(reader, self._accepted(task, among))

    def _accepted(
        self, task: str | None, among: Sessions
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            house = self.house
            # A task's door has a bound of its own, which strangers cannot fill.
            full = len(self._sessions) >= house.settings.max_connections
            if task is None and full and house.defences.bounds and not self._make_room():
                writer.close()
                return
            session = Session(house, PlainChannel(reader, writer), task)
            running = asyncio.get_running_loop().create_task(session.run())
            among[running] = session
            running.add_done_callback(lambda over: among.pop(over, None))

        return begin

    def _make_room(self) -> bool:
        """End the oldest connection that has not said yet whose it is; False where all have."""
        strangers = (it for it, session in self._sessions.items() if not session.known)
        oldest = next(strangers, None)
        if oldest is None:
            return False
        del self._sessions[oldest]
        return oldest.cancel()

    async def close(self) -> None:
        """Stop listening, break off what is open, and write the last rows. Doors are closed by who
        opened them, before."""
        if self._server is not None:
            self._server.close()
        await _break_off(self._sessions)
        await self.house.record.close()
        for threads in (self._lookups, self._work, self._disk):
            threads.shutdown(wait=False, cancel_futures=True)
