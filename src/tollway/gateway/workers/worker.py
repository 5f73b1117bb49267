"""One worker: it holds clients and reaches sources, and decides nothing.

Rules
1. It takes clients in from one socket that all workers share, once it has a fleet and its keys; so
   one that stands still keeps none waiting that another could serve.
2. Without an accountant it goes on taking clients in, and tells them so.
"""

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tollway.dispatch.messages import BreakerMoved, Send, Settle
from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet, GatewaySettings
from tollway.gateway.client import Front
from tollway.gateway.ending import AT_ONCE, Ending, drain
from tollway.gateway.guarded.inspector import Inspector, inspector_of
from tollway.gateway.house import TICK
from tollway.gateway.loading import Loaded
from tollway.gateway.log import Log
from tollway.gateway.memory import calm_collector
from tollway.gateway.meter import Meter
from tollway.gateway.metrics import Metrics
from tollway.gateway.own import BACKLOG
from tollway.gateway.routes import Routes
from tollway.gateway.switchboard import BUCKETS, Switchboard
from tollway.gateway.totals import ask_totals
from tollway.gateway.tracing.tracer import Tracer
from tollway.gateway.unpinned import Unpinned
from tollway.gateway.workers.desk import Desk
from tollway.gateway.workers.fleets import Fleets
from tollway.gateway.workers.frames import (
    Counted,
    Hello,
    Keys,
    Paused,
    Standing,
    Traced,
    Welcome,
    Wire,
)
from tollway.gateway.workers.hall import door
from tollway.gateway.workers.line import Line
from tollway.gateway.workers.pulse import Pulse
from tollway.ledger.keys import KeyRecord
from tollway.ledger.ring import Claim, KeyRing


@dataclass(frozen=True, slots=True)
class Life:
    """What a worker is given when it is made: the sockets that all share, the fleet as it was read
    if that is fresh, its sign of life, and whether `/metrics` answers any host."""

    sockets: Sequence[socket.socket]
    fresh: Loaded | None
    pulse: Pulse
    open_metrics: bool


async def serve_clients(number: int, loaded: Loaded, folder: Path, log: Log, life: Life) -> int:
    """Run worker `number` until it is told to end. `loaded` is the fleet that the gateway was
    started with. Returns the exit code."""
    return await Worker(number, loaded, folder, log).live(life)


class Shelf:
    """The keys, as the accountant last told them."""

    def __init__(self) -> None:
        self._records: tuple[KeyRecord, ...] = ()
        self._version = 0

    def put(self, records: tuple[KeyRecord, ...]) -> None:
        self._records = records
        self._version += 1

    def keys(self) -> tuple[KeyRecord, ...]:
        return self._records

    def keys_version(self) -> int:
        return self._version


class Counter:
    """The switchboard's watcher: it counts what only a worker sees."""

    def __init__(self, log: Log) -> None:
        self.metrics = Metrics()
        self.paused: list[Paused] = []
        self._log = log
        self.unpinned = Unpinned(self.metrics, log).answer

    def breaker_moved(self, action: BreakerMoved) -> None: ...
    def settled(self, action: Settle) -> None: ...
    def sent(self, action: Send) -> None: ...
    def unsettled(self, error: Exception) -> None: ...

    def first_content(self, action: Send, seconds: float) -> None:
        self.metrics.first_content(action.source, action.model, seconds)

    def stream_ended(self, action: Send, meter: Meter) -> None:
        pair = (action.source, action.model)
        self.metrics.stream_ended(pair, meter.gaps, meter.gap_sum, meter.speed)
        if meter.pauses is not None:
            self.paused.append(Paused(action.request, action.attempt, meter.pauses))

    def failed(self, error: BaseException) -> None:
        self._log.fault(error)


class Worker:
    """What the routes ask of a worker, and its life."""

    def __init__(self, number: int, loaded: Loaded, folder: Path, log: Log) -> None:
        settings = loaded.fleet.gateway
        self.fleet: Fleet = loaded.fleet
        self.started = 0
        self.open_metrics = False
        self.inspector: Inspector | None = None
        self._number = number
        self._log = log
        self._path = loaded.path
        self._folder = folder
        self._ledger = folder / settings.ledger
        self._door = door(folder, settings.admin_socket)
        self._standing = Standing("the accountant is starting", 0)
        self._ticks = 0
        self._shelf = Shelf()
        self._ring = KeyRing(self._shelf)
        self._desk = Desk()
        self._counter = Counter(log)
        loop = asyncio.get_running_loop()
        self._loop = loop
        self.board = Switchboard(
            self._desk, self._desk, self._counter, loop, time.monotonic, time.time
        )
        telemetry = loaded.fleet.telemetry
        if telemetry.otlp is not None:
            self.board.tracer = Tracer(telemetry.sample, time.monotonic, time.time)
        routes = Routes(self, secrets.token_hex(6))
        self._front = Front(routes, settings, time.monotonic, time.time, log.fault)
        hello = Hello(number, os.getpid())
        self._line = Line(hello, self.board, self._desk, self._told, log)
        self._ending = Ending()
        self._welcomed = asyncio.Event()

    # --- for the routes --------------------------------------------------------------------------

    def find_key(self, claim: Claim) -> KeyRecord | None:
        return self._ring.recognise(claim, self.board.utc())

    def stopping(self) -> bool:
        return self._ending.asked > 0

    def not_ready(self) -> str | None:
        """See `House.not_ready`."""
        if self.stopping():
            return "stopping"
        if self._desk.wire is None:
            return "the accountant is being restarted"
        return self._standing.why

    def metrics(self, done: Callable[[bytes | None], None]) -> None:
        self._count()
        self._line.ask_page(done)

    def refused(self, code: str) -> None:
        self._counter.metrics.refused(code)

    def failed(self, error: BaseException) -> None:
        self._log.fault(error)

    def usage(self, key: str, tag: str | None, done: Callable[[bytes | None], None]) -> None:
        ask_totals(self._ledger, key, tag, self._log, done)

    # --- what the accountant says ----------------------------------------------------------------

    def _told(self, message: Keys | Standing) -> None:
        if isinstance(message, Keys):
            self._shelf.put(message.records)
            self._ring.changed()
        else:
            self._standing = message
            self._front.settings = self._settings()

    def _settings(self) -> GatewaySettings:
        """The fleet's, with the room for connections that the other workers leave."""
        settings = self.fleet.gateway
        room = max(1, settings.max_connections - self._standing.elsewhere)
        return replace(settings, max_connections=room)

    def _take(self, loaded: Loaded) -> None:
        try:
            self.inspector = inspector_of(loaded, self.inspector, self._log.say)
        except TollwayError as error:  # what is to be inspected is refused from now on
            self.inspector = None
            self._log.say(f"worker {self._number}: {error}")
        self.fleet = loaded.fleet
        self._front.settings = self._settings()
        self.board.use(loaded.origins, loaded.pins)

    def _welcome(self, wire: Wire, welcome: Welcome) -> None:
        self.started = welcome.started
        self._line.welcomed(wire, welcome)
        self._welcomed.set()

    # --- life ------------------------------------------------------------------------------------

    async def live(self, life: Life) -> int:
        """Serve until told to end. Returns the exit code."""
        ending = self._ending
        self.open_metrics = life.open_metrics
        self._loop.add_signal_handler(signal.SIGTERM, ending.ask)
        self._loop.add_signal_handler(AT_ONCE, ending.ask_at_once)
        life.pulse.begin(ending)
        fleets = Fleets(self._path, self._folder, life.fresh, self._take, self._welcome)
        keeping = self._loop.create_task(self._line.keep(self._door, fleets))
        begun = self._loop.create_task(ending.begun())
        welcomed = self._loop.create_task(self._welcomed.wait())
        over = [begun, fleets.failed]
        await asyncio.wait([*over, welcomed], return_when=asyncio.FIRST_COMPLETED)
        servers: list[asyncio.Server] = []
        if self._welcomed.is_set():
            for each in life.sockets:
                server = await self._loop.create_server(self._front, sock=each, backlog=BACKLOG)
                servers.append(server)
        for each in life.sockets if not servers else ():
            each.close()
        self._loop.call_later(TICK, self._tick)
        calm_collector()
        await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        for server in servers:
            server.close()
        if not ending.asked:
            ending.ask()
        await drain(self._front, self.board, ending, self.fleet.gateway.drain, self._say_drain)
        await asyncio.sleep(0)
        self._count()
        await self._line.end()
        self.board.close()
        if self.inspector is not None:
            self.inspector.close()
        for task in (keeping, begun, welcomed):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if fleets.failed.done():
            raise fleets.failed.exception() or RuntimeError("no reason given")
        fleets.failed.cancel()
        return 0

    def _say_drain(self, words: str) -> None:
        if self.board.live:
            self._log.say(f"worker {self._number}: {words}")

    def _tick(self) -> None:
        self._loop.call_later(TICK, self._tick)
        self._ticks += 1
        bucket = self._ticks % BUCKETS
        try:
            self.board.report_progress(bucket)
            if bucket % 5 == 0:
                now = self.board.clock()
                self._front.sweep(now)
                self.board.sweep(now)
                self._count()
        except Exception as error:  # noqa: BLE001 - the timer must go on
            self._log.fault(error)

    def _count(self) -> None:
        if self._desk.wire is not None:
            counts = self._counter.metrics.take()
            self._line.say(Counted(len(self._front.connections), counts))
            paused, self._counter.paused = self._counter.paused, []
            for one in paused:
                self._line.say(one)
            if self.board.tracer is not None:
                self._line.say(Traced(*self.board.tracer.take()))
