"""The words of settled requests, each combination kept once under a number.

Rules
1. Only the ledger's one writer makes numbers, in the transaction that needs them: `forget` follows
   everything that takes back what a transaction did.
"""

import sqlite3
from typing import Final

Words = tuple[str | None, ...]
"""Outcome, code, source, model, upstream model, tier, key, tenant, route, operation, and what was
substituted."""

NAMES: Final = (
    "outcome, code, source, model, upstream_model, tier, key, tenant, route, operation, substituted"
)
_MARKS: Final = ", ".join("?" * len(NAMES.split(", ")))
FIND: Final = f"SELECT id FROM labels WHERE ({NAMES}) IS ({_MARKS})"  # noqa: S608 - constants
_MAKE: Final = f"INSERT INTO labels ({NAMES}) VALUES ({_MARKS})"  # noqa: S608 - constants
_MOST: Final = 65_536
"""Combinations that are remembered; more than that are looked up."""


class Labels:
    """Numbers of combinations in the database `db`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[Words, int] = {}

    def number(self, words: Words) -> int:
        """The number of these words, made where there is none."""
        known = self._known.get(words)
        return self._find(words) if known is None else known

    def forget(self) -> None:
        """Look everything up again."""
        self._known.clear()

    def _find(self, words: Words) -> int:
        found = self._db.execute(FIND, words).fetchone()
        number = self._db.execute(_MAKE, words).lastrowid if found is None else found[0]
        if len(self._known) >= _MOST:
            self._known.clear()
        assert number is not None  # noqa: S101 - an INSERT has made a row
        self._known[words] = number
        return number
