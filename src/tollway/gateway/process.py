"""The gateway as a process: it opens, serves, reloads, drains and ends.

Rules
1. Ready is said only when requests will be served.
2. The first SIGTERM or SIGINT drains: no new work, streams may end within `gateway.drain`, what is
   left ends with an error event; the second ends everything at once. Either way all is settled.
3. A reload either takes the whole new fleet or changes nothing and says why.
4. No memory of this process is written to disk by the kernel: it holds credentials.
"""

import asyncio
import ctypes
import errno
import os
import resource
import secrets
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path

import uvloop

from tollway.dispatch.machine import Dispatcher
from tollway.errors import FaultsFound, TollwayError
from tollway.fleet.objects import GatewaySettings
from tollway.gateway import drills
from tollway.gateway.admin import Admin
from tollway.gateway.child import Emulators, emulations
from tollway.gateway.client import Front
from tollway.gateway.house import House, Watch
from tollway.gateway.loading import Loaded, load
from tollway.gateway.log import Log
from tollway.gateway.recorder import Recorder
from tollway.gateway.routes import Routes
from tollway.gateway.switchboard import Switchboard
from tollway.ledger.keys import KeyRing
from tollway.ledger.sqlite import SqliteLedger, open_for_gateway, open_reader
from tollway.ledger.writer import LedgerWriter
from tollway.units import format_usd

_BACKLOG = 4096
_LAST_BYTES = 2.0
"""Seconds that clients may take, at the end, to read what has been written for them."""
_LAST_COMMIT = 5.0
_POLL = 0.02
_PR_SET_DUMPABLE = 4
_LONGEST_SOCKET_PATH = 107


def serve(path: Path, folder: Path, *, open_metrics: bool = False) -> int:
    """Run the gateway of a fleet file in the foreground, with its state in `folder`, until a
    signal or the admin socket ends it. Returns the exit code.

    Raises:
        TollwayError: it cannot start; the text says why.
    """
    _keep_memory_private()
    loaded = load(path)
    log = Log(time.time)
    ledger_path = folder / loaded.fleet.gateway.ledger
    with closing(open_for_gateway(ledger_path)) as ledger:
        reconciled = ledger.reconcile(time.time())
        if reconciled.count:
            log.say(
                f"ledger: {reconciled.count} reservations left open by a crash were settled at "
                f"their reserved amount, {format_usd(reconciled.amount)}, marked estimated"
            )
        with closing(open_reader(ledger_path)) as shelf:
            process = Process(loaded, folder, log, open_metrics)
            uvloop.run(process.run(ledger, KeyRing(shelf), ledger_path))
    return 0


def _keep_memory_private() -> None:
    """Rule 4, as far as this system lets us."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


class Process:
    """One run of the gateway."""

    house: House

    def __init__(self, loaded: Loaded, folder: Path, log: Log, open_metrics: bool) -> None:
        self._loaded = loaded
        self._folder = folder
        self._log = log
        self._open_metrics = open_metrics
        self._signals = 0
        self._reloading: asyncio.Task[None] | None = None
        self._asked: list[Callable[[list[str]], None]] = []

    async def run(self, ledger: SqliteLedger, ring: KeyRing, ledger_path: Path) -> None:
        """Serve until told to end."""
        loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        self._ended = asyncio.Event()
        async with AsyncExitStack() as stack:
            writer = LedgerWriter(
                ledger,
                lambda tell, report: loop.call_soon_threadsafe(tell, report),  # noqa: PLW0108 - typed
            )
            writer.start()
            stack.push_async_callback(self._close_ledger, writer)
            self.house = house = self._open(ledger, writer, ring, ledger_path)
            stack.callback(house.end)
            stack.push_async_callback(self._close_files)
            front, server = await self._listen(house)
            stack.callback(server.close)
            admin = await self._listen_admin(house)
            stack.callback(admin.close)
            if emulations(house.fleet):
                house.emulators = Emulators(house.loaded, self._log, house.board.clock)
            house.begin()
            self._handle_signals(loop)
            where = house.fleet.gateway
            self._log.say(f"started: http://{_shown(where)}/v1 serves {house.loaded.path}")
            await self._ending.wait()
            server.close()
            await self._drain(front)
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
        decider = Dispatcher(loaded.fleet, opening, now)
        loop = asyncio.get_running_loop()
        board = Switchboard(decider, writer, watch, loop, time.monotonic, time.time)
        house = House(loaded, board, watch, writer, ring, ledger_path)
        house.open_metrics = self._open_metrics
        if settings.recording is not None:
            house.recorder = Recorder(self._folder / settings.recording, self._log)
            house.recorder.begin(loaded.documents, loaded.main, opening, now)
            board.recording = house.recorder
        return house

    async def _listen(self, house: House) -> tuple[Front, asyncio.Server]:
        settings = house.fleet.gateway
        routes = Routes(house, secrets.token_hex(6))
        failed = house.watch.failed
        house.front = front = Front(routes, settings, house.board.clock, house.board.utc, failed)
        try:
            server = await asyncio.get_running_loop().create_server(
                front, settings.host, settings.port, backlog=_BACKLOG
            )
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "is in use" if taken else f"cannot be listened on: {error.strerror}"
            mend = "Stop what listens there, or change gateway.listen."
            raise TollwayError(f"{_shown(settings)} {why}. {mend}") from error
        return front, server

    async def _listen_admin(self, house: House) -> asyncio.Server:
        settings = house.fleet.gateway
        path = self._folder / settings.admin_socket
        if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
            raise TollwayError(
                f"{path}: a socket's path has at most {_LONGEST_SOCKET_PATH} bytes. Use a shorter "
                "--state or gateway.admin_socket."
            )
        _remove_stale(path)
        board = house.board
        asking = Routes(house, secrets.token_hex(6), pins=True)
        front = Front(Admin(self, asking), settings, board.clock, board.utc, house.watch.failed)
        # Nobody may connect in the moment between its making and a chmod.
        mask = os.umask(0o177)
        try:
            server = await asyncio.get_running_loop().create_unix_server(front, str(path))
        except OSError as error:
            raise TollwayError(f"{path}: cannot be listened on: {error.strerror}.") from error
        finally:
            os.umask(mask)
        return server

    def _handle_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_signal_handler(signal.SIGTERM, self.shutdown)
        loop.add_signal_handler(signal.SIGINT, self.shutdown)
        loop.add_signal_handler(signal.SIGHUP, self.reload, lambda _faults: None)

    # --- asked by signals and over the admin socket ----------------------------------------------

    def status(self) -> dict[str, object]:
        """See `Governed`."""
        return dict(self.house.status())

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

    def shutdown(self) -> None:
        """Drain; asked again, end at once (rule 2)."""
        self._signals += 1
        self._ending.set()
        if self._signals > 1:
            self._ended.set()

    def reload(self, done: Callable[[list[str]], None]) -> None:
        """Read the fleet file again; `done` is called with its faults. Of several calls at once
        all are answered by one further reading."""
        self._asked.append(done)
        if self._reloading is None:
            self._reloading = asyncio.get_running_loop().create_task(self._reload())

    async def _reload(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            faults = await self._read_again()
            for fault in faults:
                self._log.say(f"reload refused: {fault}")
            for done in asked:
                done(faults)
        self._reloading = None

    async def _read_again(self) -> list[str]:
        house = self.house
        loop = asyncio.get_running_loop()
        try:
            loaded = await loop.run_in_executor(None, load, house.loaded.path)
        except FaultsFound as found:
            return [str(fault) for fault in found.faults]
        except TollwayError as error:
            return [str(error)]
        old, new = house.loaded.fleet, loaded.fleet
        house.board.adopt(loaded)
        house.loaded, house.fleet = loaded, new
        house.front.settings = new.gateway
        declared = {(name, model) for name, one in new.sources.items() for model in one.serves}
        house.watch.open_breakers &= declared
        if emulations(old) != emulations(new):
            await self._replace_emulators(loaded)
        self._log.say(f"reloaded: {loaded.path}, digest {new.digest[:12]}")
        fixed = [
            name for name in _AT_START if getattr(old.gateway, name) != getattr(new.gateway, name)
        ]
        if fixed:
            self._log.say(f"gateway.{', gateway.'.join(fixed)}: takes effect at the next start")
        return []

    async def _replace_emulators(self, loaded: Loaded) -> None:
        house = self.house
        old, house.emulators = house.emulators, None
        if old is not None:
            await old.stop()
        if emulations(loaded.fleet):
            house.emulators = Emulators(loaded, self._log, house.board.clock)

    # --- ending ----------------------------------------------------------------------------------

    async def _drain(self, front: Front) -> None:
        house = self.house
        board = house.board
        house.draining = True
        patience = house.fleet.gateway.drain
        until = board.clock() + patience
        self._log.say(f"stopping: {len(board.live)} requests may end within {patience:g} s")
        front.drain()
        # An answer that is whole may still be on its way to a client that reads slowly.
        await self._wait(lambda: not (board.live or front.connections), patience)
        if board.live:
            self._log.say(f"stopping: {len(board.live)} requests are ended now")
            board.stop()
        front.drain()
        self._ended.clear()
        rest = max(_LAST_BYTES, 0.0 if self._signals > 1 else until - board.clock())
        await self._wait(lambda: not front.connections, rest)
        for connection in list(front.connections):
            connection.abort()

    async def _wait(self, what: Callable[[], bool], patience: float) -> None:
        """Wait for something, at most so many seconds, and no longer than a second signal."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not what() and not self._ended.is_set():  # noqa: ASYNC110 - rare turns
                    await asyncio.sleep(_POLL)

    async def _close_files(self) -> None:
        house = self.house
        house.board.close()
        if self._reloading is not None:
            self._reloading.cancel()
        if house.emulators is not None:
            await house.emulators.stop()
        if house.recorder is not None:
            await house.recorder.close()

    async def _close_ledger(self, writer: LedgerWriter) -> None:
        loop = asyncio.get_running_loop()
        left = await loop.run_in_executor(None, writer.close, _LAST_COMMIT)
        if left:
            self._log.say(
                f"ledger: {left} records could not be written; the next start settles them"
            )


_AT_START = ("host", "port", "ledger", "admin_socket", "recording")
"""Settings that a reload does not touch."""


def _shown(settings: GatewaySettings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def _remove_stale(path: Path) -> None:
    """Remove the socket of a gateway that was killed; one that answers is somebody's, and so is
    what is no socket: connecting to a file is refused just as by a dead socket."""
    if os.path.lexists(path) and not path.is_socket():
        raise TollwayError(f"{path}: is not a socket. Name another gateway.admin_socket.")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise TollwayError(f"{path}: is no socket of ours: {error.strerror}.") from error
    raise TollwayError(f"{path}: another gateway answers there. Name another --state.")
