"""Unix sockets that only their owner can open.

Rules
1. The mode, 0600, holds from the first moment.
2. What a killed process left behind is removed; a socket that answers is somebody's, and so is
   what is no socket: connecting to a file is refused just as by a dead socket.
3. A bounded listener counts connections from when they are accepted, and once it is closed none of
   them goes on, not even one that was accepted in that moment.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

from tollway.errors import TollwayError

LONGEST_PATH = 107
_BACKLOG = 128
_PAUSE = 0.5
"""Seconds without accepting, where this process has no descriptor left."""


async def listen_privately(
    factory: Callable[[], asyncio.BaseProtocol], path: Path
) -> asyncio.Server:
    """Listen at `path`.

    Raises:
        TollwayError: the path is too long, in use, or cannot be made.
    """
    bound = _bound(path)
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(factory, sock=bound, start_serving=False)
    try:
        await server.start_serving()
    except BaseException:
        stop_listening(server, path)
        raise
    return server


def stop_listening(server: asyncio.Server, path: Path) -> None:
    """Close what `listen_privately` has opened, and remove its socket."""
    server.close()
    path.unlink(missing_ok=True)


class Bounded:
    """Listens at a path, for at most so many connections at once; the next one is broken off."""

    def __init__(self, factory: Callable[[], asyncio.BaseProtocol], path: Path, most: int) -> None:
        """Listen, within a running loop.

        Raises:
            TollwayError: as `listen_privately`.
        """
        self._factory = factory
        self._path = path
        self._most = most
        self._open: dict[socket.socket, asyncio.BaseTransport] = {}
        self._coming: dict[socket.socket, asyncio.Task[None]] = {}
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._socket = _bound(path)
        self._socket.setblocking(False)
        self._socket.listen(_BACKLOG)
        self._loop.add_reader(self._socket, self._accept)

    async def close(self) -> None:
        """Stop listening, break off what is connected, remove the socket."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._path.unlink(missing_ok=True)
        for transport in self._open.values():
            transport.abort()  # type: ignore[attr-defined]  # uvloop's is no asyncio.Transport
        if self._coming:
            await asyncio.wait(list(self._coming.values()))

    def _accept(self) -> None:
        # One that is closed for us counts until all was sent: its peer may not read.
        self._open = {sock: it for sock, it in self._open.items() if sock.fileno() >= 0}
        for _ in range(_BACKLOG):
            try:
                accepted, _ = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor is left: whoever waits is heard later
                self._loop.remove_reader(self._socket)
                self._loop.call_later(_PAUSE, self._resume)
                return
            if len(self._open) + len(self._coming) >= self._most:
                accepted.close()
                continue
            accepted.setblocking(False)
            self._coming[accepted] = self._loop.create_task(self._begin(accepted))

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._socket, self._accept)

    async def _begin(self, accepted: socket.socket) -> None:
        try:
            transport, _ = await self._loop.connect_accepted_socket(self._factory, accepted)
        except OSError:
            accepted.close()
        else:
            self._open[accepted] = transport
            if self._closed:
                transport.abort()  # rule 3
        finally:
            del self._coming[accepted]


def _bound(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise TollwayError(
            f"{path}: a socket's path has at most {LONGEST_PATH} bytes. Use a shorter one "
            "(--state, gateway.admin_socket)."
        )
    _remove_stale(path)
    bound = socket.socket(socket.AF_UNIX)
    # Nobody may connect in the moment between its making and a chmod. No await in between: another
    # one that listens meanwhile would keep this mask for good.
    mask = os.umask(0o177)
    try:
        bound.bind(str(path))
    except OSError as error:
        bound.close()
        raise TollwayError(f"{path}: cannot be listened on: {error.strerror}.") from error
    finally:
        os.umask(mask)
    return bound


def _remove_stale(path: Path) -> None:
    if os.path.lexists(path) and not path.is_socket():
        raise TollwayError(f"{path}: is not a socket. Name another path (gateway.admin_socket).")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)  # a full queue must not stop the loop
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass
        except OSError as error:
            raise TollwayError(f"{path}: is no socket of ours: {error.strerror}.") from error
    raise TollwayError(f"{path}: another process answers there. Name another path (--state).")
