"""Whose turn it is, where several want what there is little of.

Rules
1. Whoever asks often waits behind who asks seldom: askers take turns, and each one's own questions
   come in the order that they were asked in.
2. So many wait, of all together and of each one; who comes then is told to come again.
3. Who leaves gives up its place, or its turn, at once.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from contextvars import ContextVar

from tollway.errors import TollwayError

ASKER: ContextVar[Hashable] = ContextVar("asker", default=None)
"""Who asks, in the task that asks: a session, set at the gate. None where nobody said."""


class BusyError(TollwayError):
    """So many wait already that another may not."""


class Turns:
    """`free` turns at once."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._asking: dict[Hashable, int] = {}
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def asked(self) -> int:
        """How many wait or have their turn."""
        return sum(self._asking.values())

    def asked_by(self, who: Hashable) -> int:
        """How many of one asker do."""
        return self._asking.get(who, 0)

    @asynccontextmanager
    async def turn(self, who: Hashable) -> AsyncIterator[None]:
        """Wait for a turn, and have it."""
        self._asking[who] = self._asking.get(who, 0) + 1
        try:
            await self._come(who)
            try:
                yield
            finally:
                self._next()
        finally:
            self._asking[who] -= 1
            if not self._asking[who]:
                del self._asking[who]

    async def _come(self, who: Hashable) -> None:
        if self._free:
            self._free -= 1
            return
        called = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(called)
        try:
            await called
        except asyncio.CancelledError:  # rule 3
            if called.done() and not called.cancelled():
                self._next()  # it was this one's turn already
            else:
                self._forget(who, called)
            raise

    def _forget(self, who: Hashable, called: "asyncio.Future[None]") -> None:
        waiting = self._waiting.get(who)
        if waiting is None or called not in waiting:
            return
        waiting.remove(called)
        if not waiting:
            del self._waiting[who]

    def _next(self) -> None:
        """Rule 1: the one that was called longest ago; it goes to the end with what it has left."""
        while self._waiting:
            who, waiting = self._waiting.popitem(last=False)
            called = waiting.popleft()
            if waiting:
                self._waiting[who] = waiting
            if not called.done():
                called.set_result(None)
                return
        self._free += 1
