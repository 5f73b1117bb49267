"""Sentinels: which task holds which one for which secret.

Rules
1. Only a sentinel's digest is kept: who reads the book can use none.
2. A sentinel is good while its task lives. Those of tasks that ended long ago are forgotten.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from secrets import token_bytes
from typing import cast

from tollway.guard.sentinel import RANDOM_BYTES, digest_of, sentinel_of
from tollway.ledger.guarded.book import GuardBook

_FORGOTTEN = 7 * 86400.0
"""Seconds after which an ended task's sentinel is nobody's. Until then its use is told as what it
is."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose sentinel it is: a task's, which lives or not, for one secret."""

    task: str
    secret: str
    alive: bool


class Sentinels:
    """The sentinels of one state folder."""

    def __init__(self, book: GuardBook) -> None:
        self._book = book

    def mint(self, task: str, secrets: Iterable[str], utc: float) -> dict[str, str]:
        """A new sentinel of a task for each secret, by the secret's name. It is shown nowhere
        again."""
        made = {secret: sentinel_of(token_bytes(RANDOM_BYTES)) for secret in secrets}
        rows = [(digest_of(word.encode()), task, name, utc) for name, word in made.items()]
        with self._book.change() as db:
            db.execute(
                "DELETE FROM sentinels WHERE task IN (SELECT id FROM tasks WHERE "
                "coalesce(closed, expires) < ?)",
                (utc - _FORGOTTEN,),
            )
            db.executemany("INSERT INTO sentinels VALUES (?, ?, ?, ?)", rows)
        return made

    def holder(self, sentinel: bytes, utc: float) -> Holder | None:
        """Whose it is; None where it is none's."""
        rows = self._book.read(
            "SELECT sentinels.task, secret, closed IS NULL AND expires > ?2 FROM sentinels "
            "JOIN tasks ON tasks.id = sentinels.task WHERE sentinels.digest = ?1",
            (digest_of(sentinel), utc),
        )
        if not rows:
            return None
        task, secret, alive = cast("tuple[str, str, int]", rows[0])
        return Holder(task, secret, bool(alive))

    def held_by(self, task: str) -> tuple[str, ...]:
        """The secrets that a task holds sentinels for."""
        wanted = "SELECT DISTINCT secret FROM sentinels WHERE task = ? ORDER BY secret"
        return tuple(cast("str", row[0]) for row in self._book.read(wanted, (task,)))
