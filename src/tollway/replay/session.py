"""One replay from the first look at the gateway to the bill.

Rules
1. A gateway that is not there, a key that it refuses or a route that it does not know ends the
   replay before the first request of the trace.
2. Emulators run at their own pace again before the bill is asked for.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import msgspec

from tollway.errors import TollwayError, did_you_mean
from tollway.replay.answer import Answer
from tollway.replay.bill import Bill, settled
from tollway.replay.client import Client, NoAnswerError
from tollway.replay.player import Orders, Player
from tollway.replay.warp import warped
from tollway.simulator.report import Sample
from tollway.simulator.trace import Trace
from tollway.units import Seconds

LOOK_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it. `wall` is real seconds; `bill` is None where the gateway gave none;
    `expected` is how many requests it should hold at least."""

    samples: tuple[Sample, ...]
    bill: Bill | None
    expected: int
    wall: Seconds
    stopped: bool


class Session:
    """A replay that can be stopped. `ended` is called with each request's sample."""

    def __init__(
        self, client: Client, orders: Orders, ended: Callable[[Sample], None] | None = None
    ) -> None:
        self._client = client
        self._orders = orders
        self._player = Player(client, orders, ended)
        self._stopped = False

    def stop(self) -> None:
        """Send nothing more; `run` returns with what is done."""
        self._stopped = True
        self._player.stop()

    async def run(self, trace: Trace, warp: float, emulators: Sequence[str]) -> Played:
        """Play the trace; `emulators` are the base URLs of those to warp.

        Raises:
            TollwayError: rule 1, or an emulator that cannot be warped.
        """
        loop = asyncio.get_running_loop()
        await self._look()
        async with AsyncExitStack() as stack:
            if warp != 1.0:
                await stack.enter_async_context(warped(emulators, warp))
            began = loop.time()
            samples = await self._player.play(trace)
            wall = loop.time() - began
        # A request that reached a source was reserved, and so is settled whatever became of it.
        expected = sum(sample.source is not None for sample in samples)
        bill = await settled(self._client, self._orders.tag, expected)
        self._client.close()
        return Played(tuple(samples), bill, expected, Seconds(wall), self._stopped)

    async def _look(self) -> None:
        where = f"{self._client.host}:{self._client.port}"
        answer = Answer(lambda: 0.0)
        try:
            async with asyncio.timeout(LOOK_TIMEOUT):
                await self._client.ask("GET", "/v1/models", answer)
        except (NoAnswerError, TimeoutError) as error:
            why = str(error) or "timeout"
            raise TollwayError(
                f"{where}: no gateway answers there ({why}). Start one with `tollway up`, or name "
                "another with --url."
            ) from error
        if answer.status != 200:
            raise TollwayError(
                f"{where}: the gateway answers {answer.status} ({answer.error}). "
                "Name the key's place with --key env:NAME or --key file:PATH."
            )
        names = _names(answer.body)
        route = self._orders.route
        if names is not None and route not in names:
            known = ", ".join(sorted(names)) or "none"
            hint = did_you_mean(route, names)
            raise TollwayError(f'--route is "{route}"; this key may use: {known}. {hint}'.strip())


class _Model(msgspec.Struct, frozen=True):
    id: str


class _Models(msgspec.Struct, frozen=True):
    data: tuple[_Model, ...]


def _names(body: bytes) -> list[str] | None:
    try:
        return [model.id for model in msgspec.json.decode(body, type=_Models).data]
    except msgspec.MsgspecError:
        return None
