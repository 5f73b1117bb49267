"""A task's own Unix sockets ("doors"), which a running process opens for whoever asks.

Rules
1. Whoever reaches a door is its task; nothing that is said on it changes that.
2. A door is open as long as the connection that asked for it is, and its task lives. Then nobody
   listens any more, its connections are broken off and its socket is removed.
3. A task that cannot be looked up has ended.
4. One line of JSON is asked, one is answered, on a socket of mode 0600.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from tollway.errors import TollwayError
from tollway.gateway.log import Log
from tollway.gateway.private import listen_privately, stop_listening
from tollway.ledger.guarded.tasks import Task

MODELS_SOCKET: Final = "models.sock"
EGRESS_SOCKET: Final = "egress.sock"
TOOLS_SOCKET: Final = "tools.sock"
INDEX_SOCKET: Final = "index.sock"
"""Where doors are asked for, by their names in the state folder."""
MOST_CONNECTIONS: Final = 128
"""At once, over one door: what is over it is broken off, so that a task fills nobody's memory."""

_MENDS: Mapping[str, str] = {
    MODELS_SOCKET: "Start the gateway: tollway serve.",
    EGRESS_SOCKET: "Declare [egress] and start the gateway, or run `tollway egress`.",
    TOOLS_SOCKET: "Declare [tools] and start the gateway, or run `tollway tools`.",
    INDEX_SOCKET: "Declare [index] and start the gateway, or run `tollway index serve`.",
}
_LONGEST = 256 * 1024
_PATIENCE = 10.0
_EVERY = 0.5
"""Seconds between two looks at whether a task lives."""
_AGAIN = 0.05


class DoorWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked: a door at `path`, through which a task reaches these tools, None for all; or
    only the certificate that it is to trust."""

    ask: Literal["open", "ca"]
    task: str
    path: str = ""
    tools: tuple[str, ...] | None = None


class Told(msgspec.Struct, frozen=True):
    """What is answered: a certificate where there is one, or why not."""

    pem: str = ""
    error: str = ""


class Door(Protocol):
    """One open door."""

    async def close(self) -> None:
        """Stop listening, break off its connections, remove its socket."""
        ...


class Doorkeeper(Protocol):
    """Who opens the doors of one process."""

    async def pem(self, task: Task) -> str:
        """The certificate that a task is to trust here; empty where it needs none."""
        ...

    async def open(self, task: Task, path: Path, tools: tuple[str, ...] | None) -> Door:
        """Open a door.

        Raises:
            TollwayError: it cannot be opened, or not for this task.
        """
        ...


class Doors:
    """Opens doors for whoever reaches the socket at `path`. `find` is the task of an id while it
    lives, at a moment in UTC seconds; it may block."""

    def __init__(
        self,
        path: Path,
        keeper: Doorkeeper,
        find: Callable[[str, float], Task | None],
        utc: Callable[[], float],
        log: Log,
    ) -> None:
        self._path = path
        self._keeper = keeper
        self._find = find
        self._utc = utc
        self._log = log
        # One of its own: a task's end must not wait behind anything else that blocks.
        self._aside = ThreadPoolExecutor(1, "doors")
        self._askers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Listen.

        Raises:
            TollwayError: the socket cannot be made, or another process answers there.
        """
        self._server = await listen_privately(self._protocol, self._path)

    async def close(self) -> None:
        """Stop listening, and close every door."""
        if self._server is not None:
            stop_listening(self._server, self._path)
        for writer in self._askers.values():
            writer.transport.abort()
        if self._askers:
            await asyncio.wait(self._askers, timeout=_PATIENCE)
        self._aside.shutdown(wait=False, cancel_futures=True)

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=_LONGEST), self._asked)

    def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._askers[serving] = writer
        serving.add_done_callback(lambda over: self._askers.pop(over, None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                line = await reader.readline()
            await self._answer(msgspec.json.decode(line, type=DoorWish), reader, writer)
        except msgspec.DecodeError as error:
            _say(writer, Told(error=f"This is no question that is answered here: {error}"))
        except (OSError, TimeoutError, ValueError):
            pass  # whoever asked is gone, or says nothing
        except Exception as error:  # noqa: BLE001 - one asker must not end the others
            self._log.fault(error)
        finally:
            writer.close()

    async def _answer(
        self, wish: DoorWish, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        door: Door | None = None
        try:
            task = await self._alive(wish.task)
            if task is None:
                raise TollwayError(
                    "There is no task of this id that lives. Run: tollway tasks list"
                )
            if wish.ask == "open":
                door = await self._keeper.open(task, _place(wish.path), wish.tools)
            _say(writer, Told(await self._keeper.pem(task)))
            if door is not None:
                await self._hold(reader, task)
        except TollwayError as error:
            _say(writer, Told(error=str(error)))
        finally:
            if door is not None:
                await door.close()

    async def _hold(self, reader: asyncio.StreamReader, task: Task) -> None:
        """Wait until the asker is gone or the task is over (rule 2)."""
        leaving = asyncio.create_task(_left(reader))
        try:
            while not leaving.done():
                if await self._alive(task.id) is None:
                    return
                await asyncio.wait([leaving], timeout=_EVERY)
        except TollwayError as error:
            self._log.say(f"doors: that of task {task.id} is closed: {error}")  # rule 3
        finally:
            leaving.cancel()

    async def _alive(self, task: str) -> Task | None:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._aside, self._find, task, self._utc())


class OpenDoor:
    """A door that another process holds open for us. `pem` is the certificate that the task is to
    trust there; empty where it needs none."""

    def __init__(self, pem: str, reader: asyncio.StreamReader) -> None:
        self.pem = pem
        self._reader = reader

    async def gone(self) -> None:
        """Wait until the other process has closed it: the task is over, or that process is."""
        await _left(self._reader)


@asynccontextmanager
async def open_door(
    socket: Path,
    task: str,
    path: Path,
    tools: tuple[str, ...] | None = None,
    *,
    patience: float = 0.0,
) -> AsyncGenerator[OpenDoor]:
    """Have the process that answers at `socket` open a door for a task at `path`, until this is
    left; then the socket at `path` is gone. `tools` are `server/tool` names, for doors to tools;
    `patience` is how long that process may still take to begin, in seconds.

    Raises:
        TollwayError: nobody answers at `socket`, or the door is refused.
    """
    reader, writer = await _reached(socket, patience)
    try:
        _say(writer, _opening(task, path, tools))
        told = await _told(socket, reader)
        try:
            yield OpenDoor(told.pem, reader)
        finally:
            await _leave(reader, writer)
    finally:
        writer.close()


async def _reached(
    socket: Path, patience: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
    while True:
        try:
            return await asyncio.open_unix_connection(socket, limit=_LONGEST)
        except OSError:
            if loop.time() >= until:
                raise nobody_answers(socket) from None
        await asyncio.sleep(_AGAIN)


def _opening(task: str, path: Path, tools: tuple[str, ...] | None) -> DoorWish:
    return DoorWish("open", task, str(path.absolute()), tools)


async def _leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End our half of the connection: the other half ends once the door is closed."""
    with suppress(OSError, TimeoutError):
        writer.write_eof()
        async with asyncio.timeout(_PATIENCE):
            await _left(reader)


async def _told(socket: Path, reader: asyncio.StreamReader) -> Told:
    try:
        async with asyncio.timeout(_PATIENCE):
            return checked(socket, await reader.readline())
    except (OSError, TimeoutError, ValueError):
        raise nobody_answers(socket) from None


def checked(socket: Path, line: bytes) -> Told:
    """What a line says that was answered at `socket`.

    Raises:
        TollwayError: it says why not, or nothing.
    """
    try:
        told = msgspec.json.decode(line, type=Told)
    except msgspec.DecodeError:
        raise nobody_answers(socket) from None
    if told.error:
        raise TollwayError(f"{socket.stem}: {told.error}")
    return told


def nobody_answers(socket: Path) -> TollwayError:
    """In words."""
    mend = _MENDS.get(socket.name, "Start what listens there.")
    return TollwayError(f"{socket}: nobody answers there. {mend}")


def _place(path: str) -> Path:
    """Where a door is to be; a link could have it be somewhere else."""
    place = Path(path)
    if not place.is_absolute() or "\0" in path:
        raise TollwayError(f"{path[:80]!r} is no absolute path. Name where the door is to be.")
    if place.is_symlink():
        raise TollwayError(f"{place}: is a link. Name a path where nothing is yet.")
    return place


def _say(writer: asyncio.StreamWriter, value: DoorWish | Told) -> None:
    with suppress(OSError):
        writer.write(msgspec.json.encode(value) + b"\n")


async def _left(reader: asyncio.StreamReader) -> None:
    """Wait until the peer has left, or says what it is not asked."""
    with suppress(OSError):
        await reader.read(1)
