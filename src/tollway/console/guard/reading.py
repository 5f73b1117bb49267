"""Reads the guard's book for the pages: in a thread, opened for one question and left.

Rules
1. A book that is not there is an empty one: nothing is made by looking.
"""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook

T = TypeVar("T")


async def read_book(folder: Path, ask: Callable[[GuardBook], T], empty: T) -> T:
    """What `ask` finds; `empty` where there is no book yet.

    Raises:
        GuardBookError: it cannot be read.
    """

    def asked() -> T:
        path = folder / GUARD_BOOK
        if not path.exists():
            return empty
        with closing(GuardBook(path)) as book:
            return ask(book)

    return await asyncio.to_thread(asked)
