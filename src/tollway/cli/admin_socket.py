"""What the running gateway says of itself over its admin socket."""

import http.client
import socket
from pathlib import Path

import msgspec

_PATIENCE = 5.0


class Said(msgspec.Struct, frozen=True):
    """The part of GET /status that the commands use. `why` is why it is not ready, or None."""

    ready: bool
    why: str | None
    fleet: str
    digest: str
    live: int


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_PATIENCE)
        self.sock.connect(str(self._path))


def ask_status(path: Path) -> Said | None:
    """The gateway's status; None where nobody answers."""
    connection = _OverSocket(path)
    try:
        connection.request("GET", "/status")
        return msgspec.json.decode(connection.getresponse().read(), type=Said)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError):
        return None
    finally:
        connection.close()
