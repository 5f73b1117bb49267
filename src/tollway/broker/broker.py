"""The broker: values of secrets for sentinels, while the task lives, as the store has them now.

Rules
1. A store that cannot be read any more gives nothing: what needs a secret of it is refused.
2. What `tollway secrets` changed holds for the next request.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from tollway.broker.vault import Vault
from tollway.errors import Fault, FaultsFound
from tollway.fleet.egressing import SecretUse
from tollway.ledger.guarded.book import GuardBook
from tollway.ledger.guarded.sentinels import Holder, Sentinels


@dataclass(frozen=True, slots=True)
class _Held:
    """Secrets as they were read, and what the file was like then."""

    mark: tuple[int, int, int]
    values: Mapping[str, bytes]


class Broker:
    """The secrets that a fleet file declares, for tasks. Its calls read files: not for an event
    loop."""

    def __init__(self, folder: Path, uses: Mapping[str, SecretUse], book: GuardBook) -> None:
        """`folder` is the state folder; `uses` are the fleet's secrets.

        Raises:
            TollwayError: the store or its key is missing, or a declared secret has no value.
        """
        self.uses = uses
        self._vault = Vault(folder, os.environ)
        self._sentinels = Sentinels(book)
        self._lock = Lock()
        self._held: _Held | None = None
        if uses:
            self._refuse_missing(self.values())

    def _refuse_missing(self, values: Mapping[str, bytes]) -> None:
        missing = [name for name in self.uses if name not in values]
        if missing:
            raise FaultsFound(
                [
                    Fault(f"secrets.{name}", "has no value", f"Run: tollway secrets set {name}")
                    for name in missing
                ]
            )

    def values(self) -> Mapping[str, bytes]:
        """Every secret of the store, as it is now.

        Raises:
            VaultError: the store cannot be used (rule 1).
        """
        with self._lock:
            mark = self._mark()
            if self._held is None or self._held.mark != mark:
                self._held = None
                self._held = _Held(mark, self._vault.open())
            return self._held.values

    def _mark(self) -> tuple[int, int, int]:
        try:
            status = self._vault.path.stat()
        except OSError:
            return (0, 0, 0)
        return (status.st_ino, status.st_size, status.st_mtime_ns)

    def holder(self, sentinel: bytes, utc: float) -> Holder | None:
        """Whose a sentinel is."""
        return self._sentinels.holder(sentinel, utc)

    def of_task(self, task: str) -> Mapping[str, bytes]:
        """The secrets that a task holds sentinels for, by name: what its answers are searched for.

        Raises:
            VaultError: the store cannot be used.
        """
        names = self._sentinels.held_by(task)
        if not names:
            return {}
        values = self.values()
        return {name: values[name] for name in names if name in values}


def mint(
    book: GuardBook, uses: Mapping[str, SecretUse], task: str, tenant: str, utc: float
) -> Mapping[str, str]:
    """A sentinel for each secret that a tenant's task may use: environment variable -> sentinel.
    Needs neither the store nor its key."""
    mine = [it for it in uses.values() if it.tenants is None or tenant in it.tenants]
    made = Sentinels(book).mint(task, (it.name for it in mine), utc)
    return {it.variable: made[it.name] for it in mine}
