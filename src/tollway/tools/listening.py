"""Serves an ASGI application at an address, or at a Unix socket that only its owner opens."""

import asyncio
import socket
from functools import partial
from pathlib import Path
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from tollway.errors import TollwayError
from tollway.gateway.private import listen_privately


class Listener:
    """One thing that is listened on. `port` is None for a Unix socket."""

    def __init__(self, server: asyncio.Server, state: ServerState, path: Path | None) -> None:
        self._server = server
        self._state = state
        self._path = path
        self.port: int | None = None if path else server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, and cut off who is connected."""
        self._server.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        await asyncio.gather(*self._state.tasks, return_exceptions=True)
        await self._server.wait_closed()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


async def listen(app: Any, host: str, port: int) -> Listener:
    """Serve at an address; port 0 takes a free one.

    Raises:
        TollwayError: it cannot be listened on.
    """
    protocol, state = _protocol(app)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise TollwayError(
            f"tools.listen: {host}:{port} cannot be listened on: {error.strerror}. "
            "Stop what listens there, or name another port."
        ) from None
    server = await asyncio.get_running_loop().create_server(protocol, sock=sock, backlog=256)
    return Listener(server, state, None)


async def listen_at(app: Any, path: Path) -> Listener:
    """Serve at a Unix socket of mode 0600.

    Raises:
        TollwayError: the path is too long, in use, or cannot be made.
    """
    protocol, state = _protocol(app)
    return Listener(await listen_privately(protocol, path), state, path)


def _protocol(app: Any) -> tuple[Any, ServerState]:
    config = Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        date_header=False,
        server_header=False,
    )
    config.load()
    state = ServerState()
    made = partial(config.http_protocol_class, config=config, server_state=state, app_state={})
    return made, state
