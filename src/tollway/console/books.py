"""The ledger, read in threads beside the event loop, each question with a limit of time.

Rules
1. Nothing is written: the connection refuses it.
2. A question that takes longer than its limit is broken off and says so; it is never answered in
   part.
3. Sessions take turns: whoever asks much waits behind who asks little.
"""

import asyncio
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tollway.console.turns import ASKER, Turns
from tollway.ledger.sqlite import SqliteLedger, open_reader
from tollway.units import Seconds

T = TypeVar("T")

_READERS = 2
PATIENCE = Seconds(10.0)


class Books:
    """The ledger at a path, which may not be there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pool = ThreadPoolExecutor(_READERS, "books")
        self._turns = Turns(_READERS)
        self._idle: queue.SimpleQueue[SqliteLedger] = queue.SimpleQueue()

    async def read(self, ask: Callable[[SqliteLedger], T], limit: Seconds = PATIENCE) -> T:
        """What `ask` finds in the ledger.

        Raises:
            TollwayError: there is no ledger, or it cannot be read.
            TooLongError: `limit` seconds were not enough.
        """
        loop = asyncio.get_running_loop()
        async with self._turns.turn(ASKER.get()):
            reading = loop.run_in_executor(self._pool, self._ask, ask, limit)
            try:
                return await asyncio.shield(reading)
            except asyncio.CancelledError:  # its reader is not free before it is over
                await asyncio.wait([reading])
                raise

    def _ask(self, ask: Callable[[SqliteLedger], T], limit: Seconds) -> T:
        try:
            ledger = self._idle.get_nowait()
        except queue.Empty:
            ledger = open_reader(self.path)
        try:
            with ledger.within(limit):
                return ask(ledger)
        finally:
            self._idle.put(ledger)

    def close(self) -> None:
        """Wait for what is asked, and let the ledger go."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        while not self._idle.empty():
            self._idle.get_nowait().close()
