"""Serves an ASGI application at an address, or at a task's own Unix socket.

Rules
1. A request's head has an end: beyond `LONGEST_HEAD` bytes it is answered 431, and cut off.
"""

import asyncio
import socket
from functools import partial
from pathlib import Path
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from tollway.errors import TollwayError
from tollway.gateway.private import Bounded

_MOST = 512
"""Connections at once; the next one is told 503."""
_MOST_OF_A_DOOR = 48
"""Of one task, whose calls are made one after the other: each may hold a body of 4 MiB."""

LONGEST_HEAD = 64 * 1024
_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


class ShortHeads(HttpToolsProtocol):
    """uvicorn's protocol with rule 1: httptools holds a head of any length in memory."""

    _in_head = False
    _held = 0
    """Bytes of a head that has no end yet."""
    _named = 0
    """Bytes of the head's address and fields so far."""

    def on_message_begin(self) -> None:
        self._in_head, self._held, self._named = True, 0, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._held += len(data)
            if self._held > LONGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("")

    def send_400_response(self, msg: str) -> None:
        if max(self._held, self._named) <= LONGEST_HEAD:
            super().send_400_response(msg)
            return
        self.transport.write(_TOO_LONG)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._named += size
        if self._named > LONGEST_HEAD:
            raise ValueError("the head is too long")  # a parser's error, answered above


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

    def __init__(self, app: Any, path: Path) -> None:
        """Listen, with mode 0600.

        Raises:
            TollwayError: the path is too long, in use, or cannot be made.
        """
        protocol, self._state = _protocol(app)
        self._listener = Bounded(protocol, path, _MOST_OF_A_DOOR)

    async def close(self) -> None:
        """See `Door`. Calls that are under way are given up: their agent is gone."""
        await self._listener.close()
        calls = list(self._state.tasks)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def listen(app: Any, host: str, port: int, place: str = "tools.listen") -> Listener:
    """Serve at an address, which `place` of the fleet file names; port 0 takes a free one.

    Raises:
        TollwayError: it cannot be listened on.
    """
    protocol, state = _protocol(app)
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


def _protocol(app: Any) -> tuple[Any, ServerState]:
    config = Config(
        app,
        http=ShortHeads,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        date_header=False,
        server_header=False,
        limit_concurrency=_MOST,
    )
    config.load()
    state = ServerState()
    made = partial(config.http_protocol_class, config=config, server_state=state, app_state={})
    return made, state
