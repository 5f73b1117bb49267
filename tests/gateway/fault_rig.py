"""The data plane with the real dispatcher: two sources, the first of which fails as a test says."""

import time

from gateway_rig import SETTINGS, Rig, good_body, good_stream

from tollway.dispatch.machine import Dispatcher
from tollway.dispatch.messages import FailedAttempt, Settle
from tollway.dispatch.opening import Opening
from tollway.fleet.objects import KeyTerms
from tollway.fleet.parse import parse
from tollway.gateway.upstream import Origin

TEXT = """
version = 1
[timeouts]
connect = "1s"
first_content = "300ms"
idle = "300ms"
total = "5s"
[breaker]
min_samples = 1
[models.m]
[sources.a]
kind = "server"
url = "{a}"
[sources.a.serves.m]
prices = [{{ since = 2025-01-01, input = "1", output = "2" }}]
[sources.b]
kind = "server"
url = "{b}"
[sources.b.serves.m]
prices = [{{ since = 2025-01-01, input = "10", output = "20" }}]
[routes.chat]
model = "m"
candidates = ["a"]
fallbacks = ["b"]
[tenants.t]
"""
"""One failure opens the breaker, so that what follows is sent elsewhere at once."""


class FaultRig(Rig):
    """`a` is asked first, `b` is its fallback and answers well."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.dispatcher: Dispatcher | None = None

    async def stand_up(self, a_url: str) -> None:
        """Reach `a` at this URL, and a good `b`."""
        both = await self.upstream(_good)
        fleet = parse({"f": TEXT.format(a=a_url, b=both.url)}, "f")
        now = time.monotonic()
        opening = Opening((KeyTerms("abcdefgh", "t"),), time.time() - now, ())
        self.fleet = fleet
        self.board.decider = self.dispatcher = Dispatcher(fleet, opening, now)
        origins = {name: Origin.of(one, None) for name, one in fleet.sources.items()}
        self.board.use(origins)

    async def settlement(self) -> Settle:
        """The one settlement of the only request so far."""
        await self.until(lambda: bool(self.books.settled))
        [settled] = self.books.settled
        self.books.settled.clear()
        return settled


async def _good(seen: object) -> None:
    body: bytes = seen.body  # type: ignore[attr-defined]
    await (good_stream if b'"stream":true' in body else good_body)(seen)  # type: ignore[arg-type]


def cost(settled: Settle | FailedAttempt, input_price: int, output_price: int) -> int:
    """What a settlement's, or a failed attempt's, usage costs at prices in USD a million tokens;
    pico-dollars."""
    usage = settled.usage
    return (usage.input * input_price + usage.output * output_price) * 1_000_000
