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
            f"{path}: a socket's path has at most {_LONGEST_PATH} bytes. Use a shorter "
            "--state or gateway.admin_socket."
        )
    _remove_stale(path)
    # Nobody may connect in the moment between its making and a chmod.
    mask = os.umask(0o177)
    try:
        return await asyncio.get_running_loop().create_unix_server(factory, str(path))
    except OSError as error:
        raise TollwayError(f"{path}: cannot be listened on: {error.strerror}.") from error
    finally:
        os.umask(mask)


def _remove_stale(path: Path) -> None:
    if os.path.lexists(path) and not path.is_socket():
        raise TollwayError(f"{path}: is not a socket. Name another gateway.admin_socket.")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise TollwayError(f"{path}: is no socket of ours: {error.strerror}.") from error
    raise TollwayError(f"{path}: another gateway answers there. Name another --state.")
