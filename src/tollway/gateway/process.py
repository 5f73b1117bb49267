"""The gateway as a process: it opens, serves, reloads, drains and ends.

Rules
1. Ready is said only when requests will be served.
2. SIGTERM and SIGINT end it, by the rules of `ending`; all is settled.
3. A reload either takes the whole new fleet or changes nothing and says why.
"""

import asyncio
import secrets
import signal
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, closing
from pathlib import Path

import uvloop

from tollway.dispatch.machine import Dispatcher
from tollway.errors import FaultsFound, TollwayError
from tollway.gateway import drills, looking
from tollway.gateway.admin import Admin, Done
from tollway.gateway.child import Child, programs
from tollway.gateway.client import Front
from tollway.gateway.drains import Drains
from tollway.gateway.ending import AT_ONCE, Ending
from tollway.gateway.guarded import answering
from tollway.gateway.guarded.inspector import inspector_of
from tollway.gateway.house import Hands, House
from tollway.gateway.http import Refusal
from tollway.gateway.loading import Loaded, load
from tollway.gateway.log import Log
from tollway.gateway.memory import calm_collector
from tollway.gateway.modeldoor import ModelDoors
from tollway.gateway.offer import offer
from tollway.gateway.own import shown
from tollway.gateway.private import listen_privately
from tollway.gateway.recorder import Recorder
from tollway.gateway.routes import Routes
from tollway.gateway.switchboard import Switchboard
from tollway.gateway.telemetry.outlets import Outlets
from tollway.gateway.watch import REMEMBERED, Watch
from tollway.gateway.watching.reports import take_report
from tollway.ledger.bookkeeper import Bookkeeper
from tollway.ledger.ring import KeyRing
from tollway.ledger.sqlite import SqliteLedger, open_for_gateway, open_reader
from tollway.ledger.writer import LedgerWriter
from tollway.units import format_usd

_LAST_COMMIT = 5.0


class Process:
    """One run of the gateway."""

    house: House
    _decider: Dispatcher
    _drains: Drains

    def __init__(
        self, loaded: Loaded, folder: Path, log: Log, hands: Hands, *, open_metrics: bool
    ) -> None:
        self._loaded = loaded
        self._folder = folder
        self._log = log
        self._hands = hands
        self._open_metrics = open_metrics
        self._reloading: asyncio.Task[None] | None = None
        self._asked: list[Callable[[list[str], list[str]], None]] = []
        self._orders: set[asyncio.Task[None]] = set()

    def serve(self) -> int:
        """Open the ledger and serve until told to end. Returns the exit code.

        Raises:
            TollwayError: it cannot start; the text says why.
        """
        ledger_path = self._folder / self._loaded.fleet.gateway.ledger
        with closing(open_for_gateway(ledger_path)) as ledger:
            reconciled = ledger.reconcile(time.time())
            if reconciled.count:
                self._log.say(
                    f"ledger: {reconciled.count} reservations left open by a crash were settled "
                    f"at their reserved amount, {format_usd(reconciled.amount)}, marked estimated"
                )
            with closing(open_reader(ledger_path)) as shelf:
                uvloop.run(self._run(ledger, KeyRing(shelf), ledger_path))
        return 0

    async def _run(self, ledger: SqliteLedger, ring: KeyRing, ledger_path: Path) -> None:
        loop = asyncio.get_running_loop()
        self._ending = ending = Ending()
        hands = self._hands
        async with AsyncExitStack() as stack:
            bookkeeper = Bookkeeper(ledger)
            bookkeeper.start()
            stack.callback(bookkeeper.close)
            writer = LedgerWriter(bookkeeper, ledger.journal, loop)
            writer.start()
            stack.push_async_callback(self._close_ledger, writer)
            self.house = house = self._open(ledger, writer, ring, ledger_path)
            stack.callback(house.end)
            stack.push_async_callback(self._close_files)
            self._drains = Drains(self._folder, house.board, house.watch.metrics, self._log.say)
            self._drains.begin(house.fleet)
            await self._drains.adopt(house.fleet)
            await hands.open(house, ending)
            stack.callback(hands.close)
            admin = await self._listen_admin(house)
            stack.callback(admin.close)
            doors = ModelDoors(house, self._folder)
            await doors.listen()
            stack.push_async_callback(doors.close)
            await self._keep_beside(house.loaded)
            house.begin()
            self._handle_signals(loop)
            calm_collector()
            where = house.fleet.gateway
            self._log.say(f"started: http://{shown(where)}/v1 serves {house.loaded.path}")
            await ending.begun()
            hands.close()
            house.draining = True
            await hands.drain()
        self._log.say("stopped")

    # --- opening ---------------------------------------------------------------------------------

    def _open(
        self, ledger: SqliteLedger, writer: LedgerWriter, ring: KeyRing, ledger_path: Path
    ) -> House:
        loaded, settings = self._loaded, self._loaded.fleet.gateway
        now, utc = time.monotonic(), time.time()
        with closing(open_reader(ledger_path)) as reader:
            opening = reader.opening(utc, now)
        watch = Watch(self._log)
        decider = self._decider = Dispatcher(loaded.fleet, opening, now, REMEMBERED)
        loop = asyncio.get_running_loop()
        board = Switchboard(decider, writer, watch, loop, time.monotonic, time.time)
        house = House(loaded, board, watch, writer, ring, ledger_path)
        house.hands = self._hands
        house.open_metrics = self._open_metrics
        if settings.recording is not None:
            house.recorder = Recorder(self._folder / settings.recording, self._log)
            house.recorder.begin(loaded.documents, loaded.main, opening, now)
            board.recording = house.recorder
        house.inspector = inspector_of(loaded, None, self._log.say)
        telemetry = loaded.fleet.telemetry
        if telemetry.otlp is not None or telemetry.request_log is not None:
            house.outlets = Outlets(telemetry, self._folder, board, ring, self._log)
        return house

    async def _listen_admin(self, house: House) -> asyncio.Server:
        settings = house.fleet.gateway
        board = house.board
        asking = Routes(house, secrets.token_hex(6), pins=True)
        front = Front(Admin(self, asking), settings, board.clock, board.utc, house.watch.failed)
        return await listen_privately(front, self._folder / settings.admin_socket)

    def _handle_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_signal_handler(signal.SIGTERM, self._ending.ask)
        loop.add_signal_handler(AT_ONCE, self._ending.ask_at_once)
        loop.add_signal_handler(signal.SIGINT, self._ending.ask)
        loop.add_signal_handler(signal.SIGHUP, self.reload, lambda _faults, _notes: None)

    # --- asked by signals and over the admin socket ----------------------------------------------

    def status(self) -> dict[str, object]:
        """See `Governed`."""
        return dict(self.house.status())

    def offer(self) -> object:
        """See `Governed`."""
        house = self.house
        return offer(house.fleet, house.ring.records(), house.board.utc())

    def drill(self, order: bytes) -> Mapping[str, object]:
        """See `Governed`."""
        board = self.house.board
        running = drills.running(board.decider.snapshot(board.clock()))
        line, answer = drills.begin(order, self.house.fleet, running, board)
        self._log.say(line)
        return answer

    def end_drill(self) -> Mapping[str, object]:
        """See `Governed`."""
        self._log.say("drill: ended")
        return drills.end(self.house.board)

    def drain(self, order: bytes, done: Done) -> None:
        """See `Governed`."""
        self._later_said(self._drains.drain(order, self.house.fleet), done)

    def undrain(self, order: bytes, done: Done) -> None:
        """See `Governed`."""
        self._later_said(self._drains.undrain(order, self.house.fleet), done)

    def _later_said(self, work: Coroutine[None, None, Mapping[str, object]], done: Done) -> None:
        async def answer() -> None:
            try:
                said: Mapping[str, object] | Refusal = await work
            except Refusal as refusal:
                said = refusal
            done(said)

        order = asyncio.get_running_loop().create_task(answer())
        self._orders.add(order)
        order.add_done_callback(self._orders.discard)

    def live(self, query: bytes) -> Mapping[str, object]:
        """See `Governed`."""
        return looking.live(self.house, self._decider, query)

    def request(self, request_id: str) -> Mapping[str, object]:
        """See `Governed`."""
        return looking.request(self.house, self._decider, request_id)

    def drift(self, report: bytes) -> Mapping[str, object]:
        """See `Governed`."""
        house = self.house
        return take_report(report, house.fleet, house.board, house.watch.metrics, self._log.say)

    def approvals(self, order: bytes | None, done: Done) -> None:
        """See `Governed`."""

        def work() -> Mapping[str, object] | Refusal:
            utc = self.house.board.utc()
            try:
                if order is None:
                    return answering.shown(self._folder, utc)
                return answering.answer(self._folder, order, utc)
            except Refusal as refusal:
                return refusal

        asking = asyncio.get_running_loop().run_in_executor(None, work)
        asking.add_done_callback(lambda over: done(over.result()))

    def shutdown(self) -> None:
        """Drain; asked again, end at once (rule 2)."""
        self._hands.shutdown()

    def reload(self, done: Callable[[list[str], list[str]], None]) -> None:
        """Read the fleet file again; `done` is called with its faults, and with what takes effect
        only later. Of several calls at once all are answered by one further reading."""
        self._asked.append(done)
        if self._reloading is None:
            self._reloading = asyncio.get_running_loop().create_task(self._reload())

    async def _reload(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            faults = await self._read_again()
            for fault in faults:
                self._log.say(f"reload refused: {fault}")
            notes = [] if faults else self._later()
            for note in notes:
                self._log.say(note)
            for done in asked:
                done(faults, notes)
        self._reloading = None

    async def _read_again(self) -> list[str]:
        house = self.house
        loop = asyncio.get_running_loop()
        try:
            loaded = await loop.run_in_executor(None, load, house.loaded.path, self._folder)
        except FaultsFound as found:
            return [str(fault) for fault in found.faults]
        except TollwayError as error:
            return [str(error)]
        faults = await self._hands.prepare(loaded)
        if faults:
            return faults
        try:
            house.inspector = inspector_of(loaded, house.inspector, self._log.say)
        except TollwayError as error:
            return [str(error)]
        new = loaded.fleet
        loaded = self._hands.adopt(loaded)
        house.board.adopt(loaded)
        house.loaded, house.fleet = loaded, new
        declared = {(name, model) for name, one in new.sources.items() for model in one.serves}
        house.watch.open_breakers &= declared
        await self._drains.adopt(new)
        await self._keep_beside(loaded)
        self._log.say(f"reloaded: {loaded.path}, digest {new.digest[:12]}")
        return []

    def _later(self) -> list[str]:
        """What takes effect only at the next start, in words, by the fleet file's keys."""
        begun, wanted = self._loaded.fleet.gateway, self.house.fleet.gateway
        keys = [key for it, key in _AT_START.items() if getattr(begun, it) != getattr(wanted, it)]
        places = [f"gateway.{key}" for key in dict.fromkeys(keys)]
        if self._loaded.fleet.telemetry != self.house.fleet.telemetry:
            places.append("telemetry")
        return [f"{place} takes effect at the next start" for place in places]

    async def _keep_beside(self, loaded: Loaded) -> None:
        """Run what this fleet wants beside the gateway, and nothing else."""
        house, wanted = self.house, programs(loaded)
        for name, child in list(house.children.items()):
            program = wanted.get(name)
            if program is not None and program.made_of == child.program.made_of:
                if program.rereads:
                    child.reread()
                continue
            del house.children[name]
            await child.stop()
        for name, program in wanted.items():
            if name not in house.children:
                house.children[name] = Child(program, self._log, house.board.clock)

    # --- ending ----------------------------------------------------------------------------------

    async def _close_files(self) -> None:
        house = self.house
        house.board.close()
        if self._reloading is not None:
            self._reloading.cancel()
        for child in house.children.values():
            await child.stop()
        if house.inspector is not None:
            house.inspector.close()
        if house.recorder is not None:
            await house.recorder.close()
        if house.outlets is not None:
            await house.outlets.close()

    async def _close_ledger(self, writer: LedgerWriter) -> None:
        writer.stop(_LAST_COMMIT)
        left = await asyncio.get_running_loop().run_in_executor(None, writer.join)
        if left:
            self._log.say(
                f"ledger: {left} records could not be written; the next start settles them"
            )


_AT_START = {
    "host": "listen",
    "port": "listen",
    "ledger": "ledger",
    "admin_socket": "admin_socket",
    "recording": "recording",
    "workers": "workers",
    "hang_timeout": "hang_timeout",
}
"""Settings that a reload does not touch -> their keys in the fleet file."""
