"""Unix sockets that only their owner can open.

Rules
1. The mode, 0600, holds from the first moment.
2. What a killed process left behind is removed; a socket that answers is somebody's, and so is
   what is no socket: connecting to a file is refused just as by a dead socket.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

from tollway.errors import TollwayError

_LONGEST_PATH = 107


async def listen_privately(
    factory: Callable[[], asyncio.BaseProtocol], path: Path
) -> asyncio.Server:
    """Listen at `path`.

    Raises:
        TollwayError: the path is too long, in use, or cannot be made.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise TollwayError(
            f"{path}: a socket's path has at most {_LONGEST_PATH} bytes. Use a shorter one "
            "(--state, gateway.admin_socket)."
        )
    _remove_stale(path)
    try:
        bound = _bound(path)
    except OSError as error:
        raise TollwayError(f"{path}: cannot be listened on: {error.strerror}.") from error
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


def _bound(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX)
    # Nobody may connect in the moment between its making and a chmod. No await in between: another
    # one that listens meanwhile would keep this mask for good.
    mask = os.umask(0o177)
    try:
        bound.bind(str(path))
    except OSError:
        bound.close()
        raise
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
