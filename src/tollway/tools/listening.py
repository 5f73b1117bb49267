"""Serves an ASGI application at an address, or at a task's own Unix socket.

What a connection may bring, and how long it may take for it: see `tollway.tools.connection`.
"""

import asyncio
import socket
from functools import partial
from pathlib import Path
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from tollway.errors import TollwayError
from tollway.gateway.private import Bounded
from tollway.tools.connection import USUAL, Connection, Limits

_MOST_OF_A_DOOR = 48
"""Of one task, whose calls are made one after the other: each may hold a body of 4 MiB."""


class Listener:
    """An address that is listened on, at `port`."""

    def __init__(self, server: asyncio.Server, state: ServerState) -> None:
        self._server = server
        self._state = state
        self.port: int = server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, and cut off who is connected."""
        self._server.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        await asyncio.gather(*self._state.tasks, return_exceptions=True)
        await self._server.wait_closed()


class TaskDoor:
    """One task's own socket."""

    def __init__(self, app: Any, path: Path, limits: Limits = USUAL) -> None:
        """Listen, with mode 0600.

        Raises:
            TollwayError: the path is too long, in use, or cannot be made.
        """
        protocol, self._state = _protocol(app, limits)
        self._listener = Bounded(protocol, path, _MOST_OF_A_DOOR)

    async def close(self) -> None:
        """See `Door`. Calls that are under way are given up: their agent is gone."""
        await self._listener.close()
        calls = list(self._state.tasks)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def listen(
    app: Any, host: str, port: int, place: str = "tools.listen", limits: Limits = USUAL
) -> Listener:
    """Serve at an address, which `place` of the fleet file names; port 0 takes a free one.

    Raises:
        TollwayError: it cannot be listened on.
    """
    protocol, state = _protocol(app, limits)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without the protocol's number asyncio leaves Nagle's delay on: 40 ms an answer.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise TollwayError(
            f"{place}: {host}:{port} cannot be listened on: {error.strerror}. "
            "Stop what listens there, or name another port."
        ) from None
    server = await asyncio.get_running_loop().create_server(protocol, sock=sock, backlog=256)
    return Listener(server, state)


def _protocol(app: Any, limits: Limits) -> tuple[Any, ServerState]:
    config = Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        date_header=False,
        server_header=False,
        proxy_headers=False,  # else anybody on this machine says which peer they are
        limit_concurrency=limits.most + 1,
    )
    config.load()
    state = ServerState()
    return partial(Connection, limits, config=config, server_state=state, app_state={}), state
