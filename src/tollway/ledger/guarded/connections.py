"""What tasks asked of the network through the egress proxy, request by request.

Rules
1. A query is not kept: secrets hide there. A path is kept as it was judged, with sentinels in it.
2. A connection that came to no request is a row without a method.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from tollway.ledger.guarded.book import GuardBook

_LONGEST = 400
_INSERT = "INSERT INTO connections VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Connection:
    """One request of a task, or a connection that came to none. `at` is UTC seconds, `lasted`
    seconds; `address` is what was connected to, None where nothing was; `outcome` is allowed or
    denied, and `why` says why where it was denied, or what broke; `secrets` are the names of those
    that were used; `sent` and `received` are bytes of bodies and heads to and from the host."""

    at: float
    lasted: float
    task: str
    tenant: str
    host: str
    port: int
    address: str | None
    method: str | None
    path: str | None
    outcome: str
    why: str
    rule: str | None
    approval: str | None
    secrets: tuple[str, ...]
    status: int | None
    sent: int
    received: int


class Connections:
    """The connections of one state folder."""

    def __init__(self, book: GuardBook) -> None:
        self._book = book

    def add(self, rows: Sequence[Connection]) -> None:
        """Keep them.

        Raises:
            GuardBookError: none is kept.
        """
        with self._book.change() as db:
            db.executemany(_INSERT, map(_row, rows))

    def read(
        self, task: str | None = None, after: int = 0, most: int = 1000
    ) -> list[tuple[int, Connection]]:
        """Connections with their numbers, from the first after `after`, of one task or of all."""
        wanted = "SELECT * FROM connections WHERE number > ?1 AND (?2 IS NULL OR task = ?2) "
        rows: list[tuple[Any, ...]] = self._book.read(
            f"{wanted} ORDER BY number LIMIT ?3", (after, task, most)
        )
        return [(row[0], _connection(row[1:])) for row in rows]


def _row(one: Connection) -> tuple[object, ...]:
    return tuple(
        ",".join(value) if isinstance(value, tuple) else _short(value) for value in astuple(one)
    )


def _short(value: object) -> object:
    return value[:_LONGEST] if isinstance(value, str) else value


def _connection(row: tuple[Any, ...]) -> Connection:
    names = tuple(row[13].split(",")) if row[13] else ()
    before, after = row[:13], row[14:]
    return Connection(*before, names, *after)  # pyright: ignore[reportCallIssue]
