"""What runs in a state folder: the gateway's process, known by its id and its start time.

Rules
1. A process id alone proves nothing: after a kill -9 or a reboot another process may bear it. The
   record holds for the process that started at the recorded tick of the recorded boot.
2. A zombie doesn't run: its ports are free, whether or not anyone has asked for its exit code.
"""

import contextlib
import os
from pathlib import Path

import msgspec

from tollway.ledger.state import FILE_MODE, PID, refuse_foreign

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STATE, _START = 0, 19  # fields 3 and 22 of /proc/PID/stat, counted from the one after the name


class Running(msgspec.Struct, frozen=True):
    """The gateway that `tollway up` started.

    `started` names boot and tick. `host` and `port` are where this machine reaches it, `admin` is
    the path of its admin socket. `drain` is how many seconds it may take to stop.
    """

    pid: int
    started: str
    host: str
    port: int
    admin: str
    fleet: str
    drain: float

    @property
    def url(self) -> str:
        """What clients take for their base URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/v1"


def start_of(pid: int) -> str | None:
    """When a live process started, as boot and tick; None where it doesn't run."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    if fields[_STATE] in "ZX":
        return None
    try:
        boot = _BOOT.read_text().strip()
    except OSError:
        boot = "unknown"
    return f"{boot}/{fields[_START]}"


def is_alive(running: Running) -> bool:
    """Whether that very process still runs."""
    return start_of(running.pid) == running.started


def read_running(folder: Path) -> Running | None:
    """The live gateway of a state folder; None where there is none, or its record is stale.

    Raises:
        TollwayError: others decide what is in the folder, and so whom a command would stop.
        PermissionError: it may not be read, so that nobody can say what runs.
    """
    refuse_foreign(folder)
    try:
        running = msgspec.json.decode((folder / PID).read_bytes(), type=Running)
    except PermissionError:
        raise
    except (OSError, msgspec.DecodeError):
        return None
    return running if is_alive(running) else None


def fleet_path(file: Path | None, folder: Path) -> Path:
    """The fleet file that is named, else that of the running gateway, else fleet.toml."""
    running = None if file is not None else read_running(folder)
    if file is None and running is not None:
        return Path(running.fleet)
    return file or Path("fleet.toml")


def write_running(folder: Path, running: Running) -> None:
    """Record the live gateway, readable by its owner alone, whole or not at all."""
    fresh = folder / f"{PID}.new"
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(running))
    fresh.replace(folder / PID)


def forget_running(folder: Path) -> None:
    """Remove the record."""
    with contextlib.suppress(FileNotFoundError):
        (folder / PID).unlink()
