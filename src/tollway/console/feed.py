"""What the gateway says of itself, asked once a second however many look, and not when nobody does.

Rules
1. A viewer who is slow misses moments and never delays another.
2. A gateway that does not answer is news as well: `{"dead": why}`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from tollway.console.caller import Caller, GatewayDownError, GatewayRefusedError
from tollway.units import Seconds

News = dict[str, Any]


class Feed:
    """One poller of `GET /live`, and those who look."""

    def __init__(self, gateway: Caller, every: Seconds = Seconds(1.0)) -> None:
        self._gateway = gateway
        self._every = every
        self._viewers: set[asyncio.Queue[News]] = set()
        self._polling: asyncio.Task[None] | None = None
        self._after = 0
        self._last: News | None = None
        self._written: tuple[News | None, bytes] = (None, b"")

    @property
    def viewers(self) -> int:
        """How many look now."""
        return len(self._viewers)

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[asyncio.Queue[News]]:
        """Look: a queue of at most one, the latest."""
        queue: asyncio.Queue[News] = asyncio.Queue(1)
        self._viewers.add(queue)
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll())
        elif self._last is not None:
            queue.put_nowait(self._last)
        try:
            yield queue
        finally:
            self._viewers.discard(queue)
            if not self._viewers and self._polling is not None:
                self._polling.cancel()
                self._polling = self._last = None

    async def close(self) -> None:
        """Ask no more."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
            self._polling = None

    async def once(self) -> News:
        """The facts of this moment."""
        try:
            return await self._gateway.get("/live")
        except (GatewayDownError, GatewayRefusedError) as error:
            return {"dead": str(error)}

    def written(self, news: News) -> bytes:
        """News as JSON, written once however many are told it."""
        if self._written[0] is not news:
            self._written = (news, msgspec.json.encode(news))
        return self._written[1]

    async def _poll(self) -> None:
        while True:
            try:
                news = await self._gateway.get(f"/live?after={self._after}")
                ended = news.get("ended") or []
                # `seq` goes back where the gateway has been started again.
                self._after = int(news.get("seq", max([0, *(int(it["n"]) for it in ended)])))
            except (GatewayDownError, GatewayRefusedError) as error:
                news, self._after = {"dead": str(error)}, 0
            self._last = news
            for queue in self._viewers:
                if queue.full():
                    queue.get_nowait()
                queue.put_nowait(news)
            await asyncio.sleep(self._every)
