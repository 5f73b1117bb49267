"""What the watch remembers between two starts: one file in the state folder.

Rules
1. It is whole or the one before: it is written beside and moved in place.
2. Who changes it holds its lock, so that what an operator clears is not written over.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from tollway.errors import TollwayError
from tollway.ledger.state import FILE_MODE, make_state_folder
from tollway.pins.drift.standing import Standing

FILE: Final = "drift.json"
_LOCK: Final = "drift.lock"


class Watched(msgspec.Struct):
    """All of it. `day` is the UTC day of `calls`, `due` when each is looked at next (UTC seconds),
    `canaries` each member's last answers to each prompt of its group, `asked` how many rounds of
    them since the last comparison, `differing` the pairs of each group that differ, `told` what
    was said of a model's end, and on which day."""

    day: str = ""
    calls: int = 0
    standings: dict[str, Standing] = {}
    due: dict[str, float] = {}
    canaries: dict[str, list[list[str]]] = {}
    asked: dict[str, int] = {}
    differing: dict[str, list[tuple[str, str]]] = {}
    told: dict[str, str] = {}


class WatchState:
    """The file in a state folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> Watched:
        """What is there; nothing where there is no file.

        Raises:
            TollwayError: it cannot be read.
        """
        path = self._folder / FILE
        try:
            return msgspec.json.decode(path.read_bytes(), type=Watched)
        except FileNotFoundError:
            return Watched()
        except (OSError, msgspec.MsgspecError) as error:
            mend = "Move it away: the watch begins anew, and alarms that stood are forgotten."
            raise TollwayError(f"{path}: cannot be read: {error}. {mend}") from None

    @contextmanager
    def changing(self) -> Iterator[Watched]:
        """What is there, to be changed; it is written at the end, unless that is an error."""
        make_state_folder(self._folder)
        lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = self.read()
            yield kept
            self._write(kept)
        finally:
            os.close(lock)

    def _write(self, kept: Watched) -> None:
        fresh = self._folder / f"{FILE}.new"
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(kept))
        fresh.replace(self._folder / FILE)
