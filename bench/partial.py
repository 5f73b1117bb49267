"""Tollway's gateway with parts left out, to show what each part costs.

`python -m bench.partial relay|dispatch FLEET FOLDER`: `relay` forwards to the one source without
asking anybody; `dispatch` asks the real dispatcher, and books nothing.
"""

import asyncio
import sys
import time
from pathlib import Path

import uvloop

from tollway.dispatch.machine import Dispatcher
from tollway.dispatch.messages import Action, Arrived, Event, Reserve, Send, Settle
from tollway.dispatch.opening import Opening
from tollway.fleet.objects import Fleet, KeyTerms
from tollway.gateway.ending import Ending
from tollway.gateway.house import House
from tollway.gateway.loading import load
from tollway.gateway.log import Log
from tollway.gateway.memory import calm_collector
from tollway.gateway.own import OwnHands
from tollway.gateway.switchboard import Switchboard
from tollway.gateway.watch import Watch
from tollway.ledger.keys import KeyRecord, key_digest
from tollway.ledger.ring import KeyRing

KEY = "tw_bench000_" + "b" * 32


class OneKey:
    """A shelf with the benchmark's key."""

    def keys(self) -> tuple[KeyRecord, ...]:
        return (KeyRecord(KeyTerms("bench000", "bench"), "bench", key_digest(KEY.encode()), 0.0),)

    def keys_version(self) -> int:
        return 1


class NoLedger:
    """Books nothing."""

    pending = 0
    down = None

    def submit(self, item: Reserve | Settle) -> None: ...


class Straight:
    """Sends everything to the one source."""

    def handle(self, event: Event, now: float) -> list[Action]:
        if isinstance(event, Arrived):
            return [Send(event.request, 1, "mock", "mock", "mock", "standard")]
        return []

    def adopt(self, fleet: Fleet, now: float) -> list[Action]:
        return []

    def snapshot(self, now: float) -> dict[str, object]:
        return {}


async def serve(what: str, path: Path, folder: Path) -> None:
    """Serve until the process is ended."""
    loaded = load(path, folder)
    now = time.monotonic()
    terms = (KeyTerms("bench000", "bench"),)
    real = Dispatcher(loaded.fleet, Opening(terms, time.time() - now, ()), now)
    decider = Straight() if what == "relay" else real
    watch = Watch(Log(time.time))
    books = NoLedger()
    loop = asyncio.get_running_loop()
    board = Switchboard(decider, books, watch, loop, time.monotonic, time.time)
    ring = KeyRing(OneKey())
    house = House(loaded, board, watch, books, ring, folder / "none.sqlite")  # type: ignore[arg-type]
    house.hands = hands = OwnHands()
    await hands.open(house, Ending())
    house.begin()
    calm_collector()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
