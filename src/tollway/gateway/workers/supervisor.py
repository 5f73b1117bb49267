"""The process that starts the others and sees that they live.

Rules
1. It has no event loop, no thread and no ledger, so that it can fork, and cannot hang.
2. It holds the listening sockets: who waits in their queue outlives any worker.
3. A child that gives no sign of life for `hang_timeout` is killed. A child that died is replaced
   at once, and later each time where it dies young.
4. SIGTERM and SIGINT end all children by the rules of `ending`; SIGHUP has the fleet read again.
"""

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvloop

from tollway.errors import TollwayError
from tollway.gateway.ending import AT_ONCE
from tollway.gateway.loading import Loaded
from tollway.gateway.log import Log
from tollway.gateway.workers.accountant import account
from tollway.gateway.workers.child import SIGNALS, Child, spawn
from tollway.gateway.workers.listening import listen
from tollway.gateway.workers.memory import Memory
from tollway.gateway.workers.pulse import Pulse
from tollway.gateway.workers.worker import Life, serve_clients

ACCOUNTANT = 0
"""The number of the accountant; workers count from 1."""
FIRST_BEAT = 60.0
"""Seconds until a child's first sign of life: the ledger may have to be migrated."""
_SHORTEST_HANG = 1.0
_MOST_BEATS = 0.5
_YOUNG = 10.0
"""Seconds of life below which a death counts as a failure to live."""
_FIRST_WAIT, _LAST_WAIT = 0.1, 5.0
_LATE = 1.0
"""Seconds that this process is late after which it must have been stopped itself."""

Become = Callable[[int, int, Pulse], int]
"""(number, how often it was started before, pulse) -> exit code, in the child."""


def supervise(loaded: Loaded, folder: Path, log: Log, *, open_metrics: bool) -> int:
    """Run a gateway with workers until a signal or the admin socket ends it. Returns the exit code.

    Raises:
        TollwayError: it cannot start; the text says why.
    """
    settings = loaded.fleet.gateway
    memory = Memory()
    sockets = listen(settings)

    def close() -> None:
        for one in sockets:
            one.close()

    def become(number: int, before: int, pulse: Pulse) -> int:
        if number == ACCOUNTANT:
            close()
            return account(loaded, folder, log, memory, pulse)
        life = Life(sockets, loaded if before == 0 else None, pulse, open_metrics)
        return uvloop.run(serve_clients(number, loaded, folder, log, life))

    return Supervisor(settings.workers, settings.hang_timeout, become, close, log).run()


class Supervisor:
    """Keeps `workers` workers and one accountant alive. `close` closes the listening sockets."""

    def __init__(
        self, workers: int, hang: float, become: Become, close: Callable[[], None], log: Log
    ) -> None:
        self._hang = max(hang, _SHORTEST_HANG)
        self._become = become
        self._close = close
        self._log = log
        self._numbers = range(workers + 1)
        self._children: dict[int, Child] = {}
        self._starts = dict.fromkeys(self._numbers, 0)
        self._failures = dict.fromkeys(self._numbers, 0)
        self._due: dict[int, float] = dict.fromkeys(self._numbers, 0.0)
        self._stopping = False
        self._selector = selectors.PollSelector()
        self._heard = self._signals = -1

    def run(self) -> int:
        """Until all children have ended after a signal. Returns the exit code.

        Raises:
            TollwayError: the accountant could not start the first time.
        """
        with self._hearing_signals():
            try:
                while not self._stopping or self._children:
                    self._turn()
            finally:
                self._close()
                self._kill_all()
        return 0

    # --- one turn --------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._start_due(time.monotonic())
        now = time.monotonic()
        patience = max(0.0, min(self._deadlines(), default=now + _LATE) - now)
        heard = self._selector.select(patience)
        now, expected = time.monotonic(), now + patience
        for key, _ in heard:
            if key.data is None:
                self._handle_signals()
            elif not key.data.hear(now):
                self._selector.unregister(key.fd)
        if now - expected > _LATE:
            # This process did not run, and so perhaps no other did: all get their time anew.
            for child in self._children.values():
                child.last = now
        self._reap(now)
        self._end_hanging(now)

    def _deadlines(self) -> Iterator[float]:
        if not self._stopping:
            yield from self._due.values()
        for child in self._children.values():
            if not child.killed:
                yield self._limit(child)

    def _limit(self, child: Child) -> float:
        return child.last + (self._hang if child.begun else FIRST_BEAT)

    def _start_due(self, now: float) -> None:
        for number, due in list(self._due.items()):
            if due <= now and not self._stopping:
                del self._due[number]
                self._start(number)

    def _start(self, number: int) -> None:
        before = self._starts[number]
        self._starts[number] += 1

        def become(pulse: Pulse) -> int:
            self._let_go()
            return self._become(number, before, pulse)

        every = min(_MOST_BEATS, self._hang / 4)
        try:
            child = spawn(number, every, time.monotonic(), become, self._log)
        except OSError as error:
            self._log.say(f"{_name(number)} cannot be started: {error.strerror}")
            self._due[number] = time.monotonic() + _LAST_WAIT
            return
        self._children[number] = child
        self._selector.register(child.pipe, selectors.EVENT_READ, child)

    def _let_go(self) -> None:
        """In a child: close what belongs to the supervisor."""
        for key in list(self._selector.get_map().values()):
            os.close(key.fd)
        os.close(self._signals)

    def _reap(self, now: float) -> None:
        for number, child in list(self._children.items()):
            code = child.ended()
            if code is None:
                continue
            child.hear(now)  # its last words
            with suppress(KeyError):
                self._selector.unregister(child.pipe)
            os.close(child.pipe)
            del self._children[number]
            if not self._stopping:
                self._died(child, code, now)

    def _died(self, child: Child, code: int, now: float) -> None:
        number = child.number
        if child.fault is not None and number == ACCOUNTANT and self._starts[number] == 1:
            raise TollwayError(child.fault)
        young = now - child.started < _YOUNG
        failures = self._failures[number] = self._failures[number] + 1 if young else 0
        wait = min(_FIRST_WAIT * 2 ** (failures - 2), _LAST_WAIT) if failures > 1 else 0.0
        self._due[number] = now + wait
        how = f"killed by signal {-code}" if code < 0 else f"ended with code {code}"
        why = f": {child.fault}" if child.fault else ""
        then = f"in {wait:g} s" if wait else "at once"
        self._log.say(
            f"{_name(number)} (process {child.pid}) {how}{why}; it is started again {then}"
        )

    def _end_hanging(self, now: float) -> None:
        for child in self._children.values():
            if self._limit(child) <= now and not child.killed:
                child.killed = True
                child.signal(signal.SIGKILL)
                silent = now - child.last
                self._log.say(
                    f"{_name(child.number)} (process {child.pid}) gave no sign of life for "
                    f"{silent:.1f} s and is killed"
                )

    # --- signals ---------------------------------------------------------------------------------

    @contextmanager
    def _hearing_signals(self) -> Iterator[None]:
        self._heard, self._signals = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._selector.register(self._heard, selectors.EVENT_READ, None)
        before = {number: signal.signal(number, _nothing) for number in SIGNALS}
        wakeup = signal.set_wakeup_fd(self._signals, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            os.close(self._heard)
            os.close(self._signals)

    def _handle_signals(self) -> None:
        with suppress(BlockingIOError):
            for number in os.read(self._heard, 1024):  # one byte each, the signal's number
                if number in (signal.SIGTERM, signal.SIGINT):
                    self._stop()
                elif number == signal.SIGHUP and ACCOUNTANT in self._children:
                    self._children[ACCOUNTANT].signal(signal.SIGHUP)

    def _stop(self) -> None:
        """Have all children drain; called again, have them end at once."""
        # Two of one signal may reach a busy child as one: the second asking is another signal.
        number = AT_ONCE if self._stopping else signal.SIGTERM
        self._stopping = True
        self._close()
        for child in self._children.values():
            child.signal(number)

    def _kill_all(self) -> None:
        """Where a start has failed: nothing has been served yet."""
        for child in self._children.values():
            child.signal(signal.SIGKILL)
        for child in self._children.values():
            os.waitpid(child.pid, 0)
            os.close(child.pipe)
        self._children.clear()


def _nothing(number: int, frame: object) -> None:
    """A handler, so that the signal's number is written for the supervisor to read."""


def _name(number: int) -> str:
    return "the accountant" if number == ACCOUNTANT else f"worker {number}"
