"""Doors to models: one task's own way to the gateway, with its key and nobody else's.

Rules
1. Whose requests they are is settled when the door is opened. A credential in a head is dropped
   unread, and so is a tag; the key is looked up at each request, so that revoking it holds.
2. A door is for a task whose key is one of its own tenant's.
3. What a task can have this process hold is bounded for each door.
"""

import asyncio
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from tollway.errors import TollwayError
from tollway.gateway.client import ClientConnection, Front
from tollway.gateway.doors import MODELS_SOCKET, MOST_CONNECTIONS, Doors
from tollway.gateway.house import House
from tollway.gateway.http import Refusal, Request
from tollway.gateway.private import Bounded
from tollway.gateway.reader import Arriving
from tollway.gateway.routes import Routes
from tollway.gateway.wish import Asker
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.tasks import Task, Tasks
from tollway.ledger.ring import Claim

_CREDENTIALS: Final = (b"authorization", b"x-api-key", b"x-goog-api-key")
_SET_HERE: Final = (b"x-tollway-tag", b"x-tollway-only")
_BODIES: Final = 4
"""Of the largest size, that may be arriving over one door."""
_PATIENCE: Final = 1.0
"""Seconds in which connections that are broken off are seen to be gone."""
_TURN: Final = 0.005
_MEND: Final = "Open it with: tollway tasks open --tenant {tenant} --key ID (tollway keys list)"


class TaskRoutes:
    """The gateway's paths, as one task may ask for them."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    def admit(self, request: Request) -> None:
        """Judge a head, once nothing in it says whose it is."""
        headers = request.headers
        for name in _CREDENTIALS:
            if name in headers:
                headers[name] = b""  # that it is there tells which API is spoken
        for name in _SET_HERE:
            headers.pop(name, None)
        self._routes.admit(request)

    def readmit(self, request: Request, first: Request) -> None:
        """Judge a head like one that was admitted, and so holds nothing of that any more."""
        self._routes.readmit(request, first)

    def start(self, connection: ClientConnection, request: Request) -> None:
        """Answer a whole request."""
        self._routes.start(connection, request)

    def error_body(self, refusal: Refusal, request: Request | None) -> bytes:
        return self._routes.error_body(refusal, request)


class ModelDoor:
    """One task's socket."""

    def __init__(self, house: House, asker: Asker, path: Path) -> None:
        """Listen.

        Raises:
            TollwayError: the socket cannot be made.
        """
        board = house.board
        app = TaskRoutes(Routes(house, secrets.token_hex(6), asker=asker))
        front = Front(app, house.fleet.gateway, board.clock, board.utc, house.watch.failed)
        front.arriving = Arriving(_BODIES)
        self._house = house
        self._front = front
        self._listener = Bounded(front, path, MOST_CONNECTIONS)
        house.sweeps.append(self._sweep)

    def _sweep(self, now: float) -> None:
        """End what has waited too long, by the settings that are in force."""
        self._front.settings = self._house.fleet.gateway
        self._front.sweep(now)

    async def close(self) -> None:
        """See `Door`. What was asked over it is cancelled then, and on its way to the ledger."""
        await self._listener.close()
        self._house.sweeps.remove(self._sweep)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while self._front.connections:  # noqa: ASYNC110 - a turn or two of the loop
                    await asyncio.sleep(_TURN)


class ModelDoors:
    """The doors to models of one gateway."""

    def __init__(self, house: House, folder: Path) -> None:
        """`folder` holds the state."""
        self._house = house
        self._path = folder / GUARD_BOOK
        self._book: GuardBook | None = None
        self._doors = Doors(folder / MODELS_SOCKET, self, self._find, house.board.utc, house.log)

    async def listen(self) -> None:
        """Let doors be asked for.

        Raises:
            TollwayError: the socket cannot be made.
        """
        await self._doors.listen()

    async def close(self) -> None:
        """Close every door."""
        await self._doors.close()
        if self._book is not None:
            self._book.close()

    async def pem(self, task: Task) -> str:
        """None: no TLS is spoken here."""
        return ""

    async def open(self, task: Task, path: Path, tools: tuple[str, ...] | None) -> ModelDoor:
        """See `Doorkeeper`."""
        if tools is not None:
            raise TollwayError("A door to models has no tools. Ask for it without.")
        if self._house.stopping():
            raise TollwayError("The gateway is stopping. Start it again: tollway serve.")
        return ModelDoor(self._house, Asker(task.id, self._claim(task)), path)

    def _claim(self, task: Task) -> Claim:
        """Rule 2."""
        house, key, mend = self._house, task.key, _MEND.format(tenant=task.tenant)
        if key is None:
            raise TollwayError(f"Task {task.id} has no key, so nobody pays for its models. {mend}")
        house.look_at_keys()  # it may have been made just now
        record = house.ring.named(key, house.board.utc())
        if record is None or record.tenant != task.tenant:
            raise TollwayError(
                f"Task {task.id} has a key that is none of tenant {task.tenant}'s, or that is "
                f"revoked or expired. {mend}"
            )
        return key.encode(), record.digest

    def _find(self, task: str, utc: float) -> Task | None:
        """In a thread. The book is opened for the first task: not every gateway has any."""
        if self._book is None:
            self._book = GuardBook(self._path)
        return Tasks(self._book).find(task, utc)
