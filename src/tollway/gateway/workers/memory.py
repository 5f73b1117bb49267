"""The fleet in force, kept where it outlives an accountant, and no longer than the gateway.

Rules
1. An accountant that is started again goes on with the fleet in force: only a reload reads the
   file.
2. It is memory and no file: nothing of it is left behind.
"""

import os
from collections.abc import Mapping

import msgspec

_read = msgspec.msgpack.Decoder(dict[str, str]).decode


class Memory:
    """Documents by name, shared by a process and those that it forks."""

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("tollway-fleet", os.MFD_CLOEXEC)

    def keep(self, documents: Mapping[str, str]) -> None:
        """Remember these from now on."""
        data = msgspec.msgpack.encode(dict(documents))
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, data, 0)

    def documents(self) -> dict[str, str] | None:
        """What was kept last; None where nothing was, or its keeper was killed over it."""
        size = os.fstat(self._descriptor).st_size
        try:
            return _read(os.pread(self._descriptor, size, 0)) if size else None
        except msgspec.MsgspecError:
            return None
