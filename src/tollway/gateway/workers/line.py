"""A worker's line to the accountant, made anew whenever it breaks."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tollway.gateway.log import Log
from tollway.gateway.switchboard import Switchboard
from tollway.gateway.workers.desk import Desk
from tollway.gateway.workers.fleets import Fleets
from tollway.gateway.workers.frames import (
    Adopt,
    AskPage,
    Hello,
    Keys,
    Page,
    Prepare,
    Standing,
    Welcome,
    Wire,
    decode_down,
)

_AGAIN = 0.05
_LAST_WORDS = 2.0

PageDone = Callable[[bytes | None], None]


class Line:
    """Carries events up and actions down. `told` is called with `Keys` and `Standing`."""

    def __init__(
        self,
        hello: Hello,
        board: Switchboard,
        desk: Desk,
        told: Callable[[Keys | Standing], None],
        log: Log,
    ) -> None:
        self._hello = hello
        self._board = board
        self._desk = desk
        self._told = told
        self._log = log
        self._wire: Wire | None = None
        self._gone = asyncio.Event()
        self._pages: dict[int, PageDone] = {}
        self._asked = 0

    async def keep(self, path: Path, fleets: Fleets) -> None:
        """Stay connected to the accountant that listens at `path`."""
        loop = asyncio.get_running_loop()
        self._fleets = fleets
        while True:
            self._gone.clear()
            wire = Wire(decode_down, self._taken, self._lost)
            try:
                await loop.create_unix_connection(lambda wire=wire: wire, str(path))
            except OSError:
                await asyncio.sleep(_AGAIN)
                continue
            self._wire = wire
            wire.say(self._hello)
            await self._gone.wait()

    def welcomed(self, wire: Wire, _: Welcome) -> None:
        """From now on this worker asks that accountant."""
        self._desk.wire = wire

    def say(self, message: object) -> None:
        """Tell the accountant, if there is one."""
        if self._desk.wire is not None:
            self._desk.wire.say(message)

    def ask_page(self, done: PageDone) -> None:
        """Call `done` with the metrics of the whole gateway; None without an accountant."""
        if self._desk.wire is None:
            done(None)
            return
        self._asked += 1
        self._pages[self._asked] = done
        self._desk.wire.say(AskPage(self._asked))

    async def end(self) -> None:
        """Say what is left to say, and hang up."""
        self._desk.wire = None
        if self._wire is not None:
            self._wire.close()
            try:
                async with asyncio.timeout(_LAST_WORDS):
                    await self._gone.wait()
            except TimeoutError:
                self._wire.abort()

    def _taken(self, wire: Wire, messages: list[Any]) -> None:
        board, desk = self._board, self._desk
        for message in messages:
            kind = type(message)
            if kind is Keys or kind is Standing:
                self._told(message)
            elif kind is Page:
                self._pages.pop(message.number)(message.text)
            elif kind is Welcome or kind is Prepare or kind is Adopt:
                self._fleets.tell(wire, message)
            elif message.request in board.live and message.request not in desk.left:
                desk.decided(message)
                board.perform([message])

    def _lost(self, wire: Wire) -> None:
        self._gone.set()
        self._fleets.forget()
        pages, self._pages = self._pages, {}
        for done in pages.values():
            done(None)
        if self._desk.wire is None:
            return
        refused = self._desk.lose(self._board.live)
        self._board.perform(refused)
        self._log.say(
            f"worker {self._hello.number}: the accountant is gone: {len(refused)} requests were "
            f"refused, {len(self._desk.left)} go on to their end and are booked as abandoned"
        )
