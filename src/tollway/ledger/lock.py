"""One live gateway a ledger: an advisory lock beside the database, held for life.

Rules
1. The lock is the kernel's (flock) and not the file's existence, so a crash releases it.
"""

import fcntl
import os
from pathlib import Path
from time import monotonic, sleep

from tollway.errors import TollwayError
from tollway.ledger.state import FILE_MODE

_LAST_MOMENTS = 5.0
"""Seconds that the process which booked for a dead gateway may still need."""


class LedgerInUseError(TollwayError):
    """Another live gateway holds the ledger."""


class GatewayLock:
    """The exclusive right to settle in the ledger at `path`, from construction to `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".lock")
        self._descriptor: int | None = os.open(
            self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE
        )
        try:
            self._take()
        except OSError as error:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip()
            self.release()
            who = f"process {holder}" if holder else "another process"
            raise LedgerInUseError(
                f"{path}: in use by {who}, which holds {self.path}. "
                "Stop that gateway (`tollway down`), or name another ledger."
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    @property
    def descriptor(self) -> int:
        """The kernel's handle of the lock."""
        if self._descriptor is None:
            raise ValueError("the lock has been released")
        return self._descriptor

    def _take(self) -> None:
        """Wait for who is just ending: a killed gateway's last batch is still being booked."""
        give_up = monotonic() + _LAST_MOMENTS
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if monotonic() >= give_up or self._holder_lives():
                    raise
                sleep(0.005)

    def _holder_lives(self) -> bool:
        holder = os.pread(self.descriptor, 20, 0).decode("ascii", "replace").strip()
        try:
            state = Path(f"/proc/{holder}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return not holder.isdigit()
        return state != "Z"

    def release(self) -> None:
        """Give the right up. The file stays: removing it would race with the next holder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
