"""The children that predict for the page: a few, started when they are first needed.

Rules
1. A prediction is never made on the event loop, nor in its process.
2. What takes longer than its limit is broken off, by ending the child that is at it.
3. What was answered lately is answered again at once: predictions do not change, and what is stale
   changes once a day.
4. So many wait, of all together and of each session, and no more: who comes then is told to come
   again. Sessions take turns.
5. Who leaves gives up its place; a child that is at its question is ended.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec

from tollway.console.hand import Job
from tollway.console.turns import ASKER, BusyError, Turns
from tollway.errors import TollwayError
from tollway.units import Seconds

HANDS = 2
WAITING = 16
"""Predictions that may wait for a child, of all who ask together."""
OF_ONE = 9
"""Predictions of one session, being made or waiting: half of all that may."""
PATIENCE = Seconds(10.0)
_KEPT = 512
_LONGEST_LINE = 1 << 25

Answers = list[dict[str, Any]]


class TooLongError(TollwayError):
    """A prediction took longer than it may, and was broken off."""


class _Child:
    """One child and its pipes."""

    def __init__(
        self, process: Process, into: asyncio.StreamWriter, out: asyncio.StreamReader
    ) -> None:
        self._process, self._into, self._out = process, into, out

    @classmethod
    async def started(cls) -> "_Child":
        words = (sys.executable, "-m", "tollway.console.hand")
        process = await asyncio.create_subprocess_exec(
            *words, stdin=PIPE, stdout=PIPE, limit=_LONGEST_LINE
        )
        if process.stdin is None or process.stdout is None:
            raise TollwayError("the child that predicts has no pipes.")
        return cls(process, process.stdin, process.stdout)

    async def told(self, line: bytes) -> bytes:
        """What it says to a line; nothing where it has ended."""
        try:
            self._into.write(line + b"\n")
            await self._into.drain()
        except ConnectionError:
            return b""
        return await self._out.readline()

    async def end(self) -> None:
        """End it."""
        self._into.close()
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


class Hands:
    """Children that predict. Close them to end."""

    def __init__(self, limit: Seconds = PATIENCE) -> None:
        self.limit = limit
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._turns = Turns(HANDS)
        self._kept: OrderedDict[Job, Answers] = OrderedDict()

    async def each(self, jobs: Sequence[Job]) -> list[Answers | TollwayError]:
        """What is answered to each job, or why nothing is."""
        return list(await asyncio.gather(*(self._tried(job) for job in jobs)))

    async def _tried(self, job: Job) -> Answers | TollwayError:
        try:
            return await self.ask(job)
        except TollwayError as error:
            return error

    async def ask(self, job: Job) -> Answers:
        """An answer for each load of a job.

        Raises:
            TollwayError: there is no such question.
            TooLongError: it takes longer than the limit.
            BusyError: too many wait already, of all or of who asks.
        """
        if job in self._kept:
            self._kept.move_to_end(job)
            return self._kept[job]
        who = ASKER.get()
        if self._turns.asked >= HANDS + WAITING:
            raise BusyError(f"{WAITING} predictions wait already. Ask again in a few seconds.")
        if self._turns.asked_by(who) >= OF_ONE:
            raise BusyError(f"{OF_ONE} predictions of yours wait already. Ask again later.")
        async with self._turns.turn(who):
            said: Answers | dict[str, str] = msgspec.json.decode(await self._line(job))
        if isinstance(said, dict):
            raise TollwayError(said["refused"])
        self._kept[job] = said
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return said

    async def _line(self, job: Job) -> bytes:
        child = self._idle.pop() if self._idle else await _Child.started()
        self._busy.add(child)
        try:
            async with asyncio.timeout(self.limit):
                line = await child.told(msgspec.json.encode(job))
        except TimeoutError:
            await child.end()
            raise TooLongError(
                f"this takes longer than {self.limit:g} s. Ask for fewer users or shorter "
                "requests here, or let `tollway predict` take its time."
            ) from None
        except BaseException:  # whoever asked has left: its answer must not be the next one's
            await child.end()
            raise
        finally:
            self._busy.discard(child)
        if not line:
            await child.end()
            raise TollwayError("the prediction ended without an answer. Load the page again.")
        self._idle.append(child)
        return line

    async def close(self) -> None:
        """End the children."""
        for child in (*self._idle, *self._busy):
            await child.end()
        self._idle.clear()
