"""The gateway's news: asked once however many look, not when nobody does; a dead one is news."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tollway.console.caller import Caller, GatewayDownError, GatewayRefusedError
from tollway.console.feed import Feed
from tollway.units import Seconds


class Answering:
    """A gateway's admin socket that answers `/live`, counts how often, and notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.changed = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.split()[1])
        n = len(self.asked)
        said: dict[str, object] = {"at": n, "ended": [{"n": n}]}
        if self.status != 200:
            said = {"error": {"message": "not now", "code": "no"}}
        body = msgspec.json.encode(said)
        start = f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(start.encode() + body)
        await writer.drain()
        writer.close()
        self.changed.set()
        self.changed.clear()


@asynccontextmanager
async def gateway(path: Path) -> AsyncIterator[Answering]:
    it = Answering()
    server = await asyncio.start_unix_server(it.answer, path)
    try:
        yield it
    finally:
        server.close()


def test_news_is_written_once_however_many_are_told_it(tmp_path: Path) -> None:
    feed = Feed(Caller(tmp_path / "admin"))
    news = {"at": 1}
    first = feed.written(news)
    assert first == b'{"at":1}'
    assert feed.written(news) is first
    assert feed.written({"at": 2}) == b'{"at":2}'


async def test_fifty_viewers_cost_the_gateway_what_one_costs(tmp_path: Path) -> None:
    async with gateway(tmp_path / "admin") as it:
        feed = Feed(Caller(tmp_path / "admin"), Seconds(0.02))
        seen: list[int] = []

        async def look() -> None:
            async with feed.watch() as news:
                seen.extend([(await news.get())["at"] for _ in range(5)])

        async with asyncio.timeout(10):
            await asyncio.gather(*(look() for _ in range(50)))
        assert len(seen) == 250
        assert len(it.asked) <= 8, "each viewer had asked for themselves"
        assert feed.viewers == 0


async def test_nobody_is_asked_while_nobody_looks(tmp_path: Path) -> None:
    async with gateway(tmp_path / "admin") as it:
        feed = Feed(Caller(tmp_path / "admin"), Seconds(0.01))
        async with feed.watch() as news:
            await news.get()
        before = len(it.asked)
        await asyncio.sleep(0.1)
        assert len(it.asked) <= before + 1  # one question may have been under way
        async with feed.watch() as news:
            await news.get()
        assert len(it.asked) > before, "who looks again sees news again"


async def test_each_question_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    async with gateway(tmp_path / "admin") as it:
        feed = Feed(Caller(tmp_path / "admin"), Seconds(0.01))
        async with feed.watch() as news:
            for _ in range(3):
                await news.get()
        assert it.asked[:3] == ["/live?after=0", "/live?after=1", "/live?after=2"]


async def test_a_dead_gateway_is_news_that_says_how_to_start_it(tmp_path: Path) -> None:
    feed = Feed(Caller(tmp_path / "nobody"), Seconds(0.01))
    async with feed.watch() as news:
        assert "`tollway up` starts it" in (await news.get())["dead"]
    assert "dead" in await feed.once()


async def test_a_slow_viewer_sees_the_latest_and_delays_nobody(tmp_path: Path) -> None:
    async with gateway(tmp_path / "admin"):
        feed = Feed(Caller(tmp_path / "admin"), Seconds(0.01))
        async with asyncio.timeout(10), feed.watch() as slow, feed.watch() as quick:
            first = (await slow.get())["at"]
            last = max([(await quick.get())["at"] for _ in range(4)])
            assert (await slow.get())["at"] >= last > first


async def test_who_comes_later_sees_the_last_news_at_once(tmp_path: Path) -> None:
    async with gateway(tmp_path / "admin") as it:
        feed = Feed(Caller(tmp_path / "admin"), Seconds(60.0))
        async with asyncio.timeout(10), feed.watch() as first:
            await first.get()
            async with feed.watch() as second:
                assert (await second.get())["at"] == 1
        assert it.asked == ["/live?after=0"]


async def test_what_the_gateway_refuses_and_that_it_is_gone_are_told_apart(tmp_path: Path) -> None:
    async with gateway(tmp_path / "admin") as it:
        it.status = 409
        with pytest.raises(GatewayRefusedError, match="not now") as refused:
            await Caller(tmp_path / "admin").post("/drill", {})
        assert refused.value.status == 409
    with pytest.raises(GatewayDownError, match="does not answer"):
        await Caller(tmp_path / "admin").get("/status")
