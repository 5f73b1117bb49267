"""One live gateway a ledger: an advisory lock beside the database, held for life.

Rules
1. The lock is the kernel's (flock) and not the file's existence, so a crash releases it.
"""

import fcntl
import os
from pathlib import Path

from tollway.errors import TollwayError
from tollway.ledger.state import FILE_MODE


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
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
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

    def release(self) -> None:
        """Give the right up. The file stays: removing it would race with the next holder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
