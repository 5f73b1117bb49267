"""Listens: an emulator on a port, in this process, for a test or for a command.

Rules
1. Nothing but loopback is listened on unless the caller names another address.
2. The access log is off: a line a request costs more than the request.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from tollway.emulator.app import Emulator
from tollway.errors import TollwayError


@asynccontextmanager
async def start(emulator: Emulator, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve an emulator within this context; yields its base URL, without `/v1`. Port 0 takes a
    free one.

    Raises:
        TollwayError: the address cannot be listened on; the message names it.
    """
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    config = Config(
        emulator,  # type: ignore[arg-type]  # typed for mutable scopes of its own
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=75,
    )
    config.load()
    state = ServerState()
    protocol = partial(config.http_protocol_class, config=config, server_state=state, app_state={})
    loop = asyncio.get_running_loop()
    sock = _bound(host, port)
    server = await loop.create_server(protocol, sock=sock, backlog=2048)
    shown = f"[{host}]" if ":" in host else host
    try:
        async with emulator.running():
            yield f"http://{shown}:{sock.getsockname()[1]}"
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.gather(*state.tasks, return_exceptions=True)
        await server.wait_closed()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise TollwayError(
            f"cannot listen on {host}:{port}: {error.strerror}. "
            "Stop what listens there, or name another port."
        ) from None
    sock.setblocking(False)
    return sock
