"""A process that the supervisor has forked.

Rules
1. It has a session of its own: Ctrl-C is for the supervisor.
2. It ends without running what its parent has put off until the end.
3. No signal is lost, or handled by the parent's rules, between the fork and its own ones.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NoReturn

from tollway.errors import TollwayError
from tollway.gateway.log import Log
from tollway.gateway.workers.pulse import BEAT, FAULT, Pulse

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_MUCH = 65536


class Child:
    """One child, as its parent sees it. `last` is when it was last heard, `begun` whether ever."""

    def __init__(self, number: int, pid: int, pipe: int, now: float) -> None:
        self.number = number
        self.pid = pid
        self.pipe = pipe
        self.started = self.last = now
        self.begun = False
        self.killed = False
        self.fault: str | None = None

    def hear(self, now: float) -> bool:
        """Read its signs of life; False where there will be none any more."""
        try:
            data = os.read(self.pipe, _MUCH)
        except BlockingIOError:
            return True
        beats, fault, words = data.partition(FAULT)
        if BEAT in beats:
            self.begun = True
            self.last = now
        if fault:
            self.fault = words.decode("utf-8", "replace")
        return bool(data)

    def ended(self) -> int | None:
        """Its exit code, the signal that killed it as a negative number, or None while it lives."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def signal(self, number: int) -> None:
        """Send it a signal. It is not reaped yet, so the id is its own."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def spawn(number: int, every: float, now: float, become: Callable[[Pulse], int], log: Log) -> Child:
    """Fork a child that is `become(pulse)`. `now` is its start, `every` the time between its beats.

    Raises:
        OSError: the system has no room for another process.
    """
    pipe, theirs = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    pulse = Pulse(theirs, os.getpid(), every)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        pid = os.fork()
        if not pid:
            _become(lambda: become(pulse), before, pulse, log)
    except OSError:
        os.close(pipe)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(theirs)
    return Child(number, pid, pipe, now)


def _become(run: Callable[[], int], mask: Iterable[int], pulse: Pulse, log: Log) -> NoReturn:
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        # Until the accountant has its own handler: a reload that comes too early kills nobody.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.setsid()
        pulse.tie()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        code = run()
    except TollwayError as error:
        pulse.fault(str(error))
        code = 2
    except BaseException as error:  # noqa: BLE001 - rule 2
        log.fault(error)
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
