"""Who holds a TCP port of this machine, as far as this user may see.

Source: Linux's proc(5), /proc/net/tcp and /proc/PID/fd.
"""

import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from tollway.errors import TollwayError

_LISTENING = "0A"
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that listens: its id and its command line."""

    pid: int
    command: str

    def __str__(self) -> str:
        shown = self.command
        if len(shown) > _SHOWN:
            shown = shown[: _SHOWN - 1] + "…"
        return f"process {self.pid} ({shown})"


def is_busy(host: str, port: int) -> bool:
    """Whether nobody else can listen there now.

    Raises:
        TollwayError: the address isn't one that this machine or this user can listen on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: the remains of closed connections (TIME_WAIT) don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise TollwayError(
                f"{host}:{port} can't be listened on: {error.strerror}. "
                "Name an address of this machine and a port of 1024 or more in the fleet file."
            ) from error
    return False


def holder_of(port: int) -> Holder | None:
    """The process that listens on a port, on whatever address; None where it can't be seen."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not wanted:
        return None
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and _holds(folder / "fd", wanted):
            return Holder(int(folder.name), _command(folder))
    return None


def _listening_inodes(port: int) -> list[str]:
    inodes: list[str] = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.append(fields[9])
    return inodes


def _holds(descriptors: Path, wanted: set[str]) -> bool:
    try:
        entries = list(descriptors.iterdir())
    except OSError:
        return False
    for entry in entries:
        try:
            if os.readlink(entry) in wanted:  # noqa: PTH115 -- Path.readlink costs twice as much
                return True
        except OSError:
            continue
    return False


def _command(folder: Path) -> str:
    try:
        raw = (folder / "cmdline").read_bytes()
    except OSError:
        return "gone"
    return raw.replace(b"\0", b" ").decode("utf-8", "replace").strip() or "a kernel thread"
