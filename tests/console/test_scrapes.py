"""The gateway's metrics of late: asked seldom however many look, and forgotten when old."""

import asyncio

import pytest

from tollway.console.scrapes import EVERY, WINDOWS, Scrapes
from tollway.feel.observed import from_scrapes
from tollway.gateway.metrics import Metrics


class Gateway:
    """One that answers, and a clock that stands still until it is set."""

    def __init__(self) -> None:
        self.metrics, self.now, self.asked, self.down = Metrics(), 0.0, 0, False

    def look(self, host: str, port: int) -> str | None:
        self.asked += 1
        return None if self.down else self.metrics.render().decode()

    def answer(self, times: int, speed: float) -> None:
        for _ in range(times):
            self.metrics.first_content("pool", "m", 0.3)
            self.metrics.stream_ended(("pool", "m"), [0] * 7 + [40] + [0] * 7, 3.2, speed)


async def test_however_many_look_the_gateway_is_asked_once_in_a_while() -> None:
    gateway = Gateway()
    scrapes = Scrapes(gateway.look, lambda: gateway.now)
    await asyncio.gather(*(scrapes.lately("h", 1) for _ in range(50)))
    assert gateway.asked == 1
    gateway.now = EVERY
    await scrapes.lately("h", 1)
    assert gateway.asked == 2


async def test_now_is_the_last_minute_and_what_is_older_is_not_felt() -> None:
    gateway = Gateway()
    scrapes = Scrapes(gateway.look, lambda: gateway.now)
    gateway.answer(100, 200.0)
    for _ in range(40):  # more than 300 s at 8 s each
        await scrapes.lately("h", 1)
        gateway.now += 8.0
        gateway.answer(2, 200.0 if gateway.now < 200 else 25.0)
    kept = await scrapes.lately("h", 1)
    assert gateway.now - kept[0].at <= WINDOWS[-1]
    seen = from_scrapes(kept, "pool", None, WINDOWS)
    assert seen is not None
    assert (seen.answers, seen.window) == (14, "in the last 56 s")
    assert seen.speed == pytest.approx(25.0)


async def test_a_gateway_that_does_not_answer_has_no_now() -> None:
    gateway = Gateway()
    scrapes = Scrapes(gateway.look, lambda: gateway.now)
    gateway.answer(20, 50.0)
    assert len(await scrapes.lately("h", 1)) == 1
    gateway.down, gateway.now = True, 10.0
    assert await scrapes.lately("h", 1) == ()
