"""The proxy's own socket, for its owner: a task's certificate, and listeners for one task each.

Rules
1. One line of JSON is asked, one is answered. The socket has mode 0600.
"""

import asyncio
import socket
from pathlib import Path
from typing import Literal

import msgspec

from tollway.egress.server import EgressProxy
from tollway.errors import TollwayError
from tollway.gateway.private import listen_privately

EGRESS_SOCKET = "egress.sock"
"""Its name in the state folder."""
_LONGEST = 64 * 1024
_PATIENCE = 10.0


class Wish(msgspec.Struct, frozen=True):
    """What is asked. `path` is for listeners only."""

    ask: Literal["ca", "listen", "leave"]
    task: str
    path: str = ""


class Told(msgspec.Struct, frozen=True):
    """What is answered: a certificate, or why not."""

    pem: str = ""
    error: str = ""


class Admin:
    """Answers on the socket of one proxy."""

    def __init__(self, proxy: EgressProxy, folder: Path) -> None:
        self._proxy = proxy
        self._path = folder / EGRESS_SOCKET
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Listen.

        Raises:
            TollwayError: the socket cannot be made, or another proxy answers there.
        """
        self._server = await listen_privately(self._protocol, self._path)

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=_LONGEST), self._answer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                wish = msgspec.json.decode(await reader.readline(), type=Wish)
                told = await self._told(wish)
                writer.write(msgspec.json.encode(told) + b"\n")
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass  # whoever asked is gone, or asks nothing that we know
        finally:
            writer.close()

    async def _told(self, wish: Wish) -> Told:
        house = self._proxy.house
        tasks = house.terms.inspector.means.tasks
        try:
            if wish.ask == "leave":
                self._proxy.leave(Path(wish.path))
                return Told()
            task = await house.aside(tasks.find, wish.task, house.utc())
            if task is None:
                return Told(error=f"There is no task {wish.task[:40]} that lives.")
            if wish.ask == "listen":
                await self._proxy.listen_for(task.id, Path(wish.path))
            return Told(pem=(await house.authority(task)).pem)
        except TollwayError as error:
            return Told(error=str(error))


def task_ca(folder: Path, task: str) -> str:
    """The certificate, in PEM, that a task is to trust, from the running proxy of a state folder.

    Raises:
        TollwayError: no proxy runs there, or the task does not live.
    """
    return _ask(folder, Wish("ca", task)).pem


def listen_for(folder: Path, task: str, path: Path) -> str:
    """Have the running proxy listen for a task on a socket of its own; returns the certificate
    that the task is to trust.

    Raises:
        TollwayError: no proxy runs there, the task does not live, or the socket cannot be made.
    """
    return _ask(folder, Wish("listen", task, str(path.absolute()))).pem


def leave(folder: Path, task: str, path: Path) -> None:
    """Have the running proxy close and remove a task's socket.

    Raises:
        TollwayError: no proxy runs there.
    """
    _ask(folder, Wish("leave", task, str(path.absolute())))


def _ask(folder: Path, wish: Wish) -> Told:
    path = folder / EGRESS_SOCKET
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(_PATIENCE)
            asking.connect(str(path))
            asking.sendall(msgspec.json.encode(wish) + b"\n")
            with asking.makefile("rb") as answer:
                told = msgspec.json.decode(answer.readline(_LONGEST), type=Told)
    except (OSError, ValueError):
        raise TollwayError(
            f"{path}: no egress proxy answers there. Declare [egress] and start the gateway, or "
            "run `tollway egress`."
        ) from None
    if told.error:
        raise TollwayError(f"egress: {told.error}")
    return told
