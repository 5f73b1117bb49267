"""Tasks: what an agent was asked to do, who pays, and what it has been tainted by.

Rules
1. A task's token is shown once; its digest is kept, and compared in constant time.
2. A mark, once set, is never taken back.
3. A closed or expired task is none.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from tollway.ledger.guarded.book import GuardBook
from tollway.ledger.keys import ID_AT, ID_END, KEY_LENGTH, draw, key_digest

Mark = Literal["untrusted", "sensitive", "effect"]
"""What a task has met: content that a stranger may have written, data that must not leak, an
effect outside."""

_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class Task:
    """One task. `request` is what its user asked for, given out of band; `key` the id of the
    virtual key that pays for its models, None where it has none; times are UTC seconds."""

    id: str
    tenant: str
    request: str | None
    key: str | None
    opened: float
    expires: float
    closed: float | None = None


class Tasks:
    """The tasks of one state folder."""

    def __init__(self, book: GuardBook) -> None:
        self._book = book

    def open(
        self, tenant: str, utc: float, lasts: float, request: str | None, key: str | None = None
    ) -> tuple[Task, str]:
        """A new task that lasts so many seconds, and its token, which is shown nowhere again."""
        token = f"tt_{draw(ID_END - ID_AT)}_{draw(KEY_LENGTH - ID_END - 1)}"
        task = Task(token[ID_AT:ID_END], tenant, request, key, utc, utc + lasts)
        values = (task.id, tenant, key, request, key_digest(token.encode()), utc, task.expires)
        with self._book.change() as db:
            db.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", values)
        return task, token

    def recognise(self, token: bytes, utc: float) -> Task | None:
        """The task whose token this is, of any content and length; None where it is none's."""
        named = token[ID_AT:ID_END].decode("ascii", "replace")
        rows = self._book.read(_DIGEST + "WHERE id = ?", (named,))
        known = cast("bytes", rows[0][-1]) if rows else _NO_DIGEST
        fits = hmac.compare_digest(key_digest(token[: KEY_LENGTH + 1]), known)
        return _alive(_task(rows[0]), utc) if rows and fits else None

    def find(self, task: str, utc: float) -> Task | None:
        """The task of this id, while it lives."""
        rows = self._book.read(_SELECT + "WHERE id = ?", (task,))
        return _alive(_task(rows[0]), utc) if rows else None

    def all(self) -> tuple[Task, ...]:
        """Every task, the latest first."""
        rows = self._book.read(_SELECT + "ORDER BY opened DESC, id")
        return tuple(_task(row) for row in rows)

    def close(self, task: str, utc: float) -> bool:
        """End a task; False where there is none that lives."""
        with self._book.change() as db:
            wanted = "UPDATE tasks SET closed = ? WHERE id = ? AND closed IS NULL"
            return db.execute(wanted, (utc, task)).rowcount == 1

    def mark(self, task: str, mark: Mark, origin: str, utc: float) -> None:
        """Note what a task has met, and through what (rule 2)."""
        with self._book.change() as db:
            db.execute("INSERT OR IGNORE INTO marks VALUES (?, ?, ?, ?)", (task, mark, origin, utc))

    def marks(self, task: str) -> Mapping[Mark, tuple[str, ...]]:
        """What a task has met so far, and through what, in the order in which it did."""
        found: dict[Mark, tuple[str, ...]] = {}
        wanted = "SELECT mark, origin FROM marks WHERE task = ? ORDER BY at, origin"
        for mark, origin in cast("list[tuple[Mark, str]]", self._book.read(wanted, (task,))):
            found[mark] = (*found.get(mark, ()), origin)
        return found


_SELECT = "SELECT id, tenant, request, key, opened, expires, closed FROM tasks "
_DIGEST = "SELECT id, tenant, request, key, opened, expires, closed, digest FROM tasks "


def _task(row: tuple[object, ...]) -> Task:
    shape = cast("tuple[str, str, str | None, str | None, float, float, float | None]", row[:7])
    return Task(*shape)


def _alive(task: Task, utc: float) -> Task | None:
    return task if task.closed is None and utc < task.expires else None
