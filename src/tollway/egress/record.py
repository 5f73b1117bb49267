"""What is written down of each request, beside the road.

Rules
1. Rows are written within a quarter of a second, and when the proxy ends; a request does not wait
   for the disk.
2. Rows that cannot be written are said, once, and stop no traffic; events do not depend on them.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass

from tollway.errors import TollwayError
from tollway.ledger.guarded.connections import Connection, Connections
from tollway.ledger.guarded.tasks import Task

_EVERY = 0.25


@dataclass(slots=True)
class Line:
    """One request while it lasts. See `Connection`."""

    task: Task
    host: str
    port: int
    at: float
    begun: float
    address: str | None = None
    method: str | None = None
    path: str | None = None
    outcome: str = "denied"
    why: str = ""
    rule: str | None = None
    approval: str | None = None
    secrets: tuple[str, ...] = ()
    status: int | None = None
    sent: int = 0
    received: int = 0

    def row(self) -> Connection:
        """What is kept of it."""
        return Connection(
            self.at, max(time.monotonic() - self.begun, 0.0), self.task.id, self.task.tenant,
            self.host, self.port, self.address, self.method, self.path, self.outcome, self.why,
            self.rule, self.approval, self.secrets, self.status, self.sent, self.received,
        )  # fmt: skip


class Record:
    """Writes rows from the loop's side."""

    def __init__(
        self, connections: Connections, disk: Executor, say: Callable[[str], None]
    ) -> None:
        self._connections = connections
        self._disk = disk
        self._say = say
        self._rows: list[Connection] = []
        self._failing = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    def add(self, line: Line) -> None:
        """Have a row written."""
        self._rows.append(line.row())

    async def flush(self) -> None:
        """Write what waits."""
        rows, self._rows = self._rows, []
        if not rows:
            return
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._disk, self._connections.add, rows)
            self._failing = False
        except TollwayError as error:
            if not self._failing:
                self._say(f"egress: connections are not written down: {error}")
            self._failing = True

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self.flush()

    async def close(self) -> None:
        """Write the last rows."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self.flush()
