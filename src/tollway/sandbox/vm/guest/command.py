"""The one command of a task: begun, signalled, ended with all that it started."""

import errno
import fcntl
import json
import os
import pty
import resource
import signal
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tollway.sandbox.vm.guest import kernel
from tollway.sandbox.vm.guest.channels import Channel, Loop
from tollway.sandbox.vm.guest.room import GROUP, USER

_KILL_WAIT_SECONDS = 2.0


class Command:
    """A command that runs, with its standard streams on the loop."""

    def __init__(self, order: "dict[str, Any]", loop: Loop) -> None:
        self._order, self._loop = order, loop
        self._ours: list[int] = []
        self._theirs: list[int] = []
        self._master: int | None = None
        self.pid = 0

    def begin(self) -> "dict[str, Any] | None":
        """Fork and exec. Returns what went wrong where nothing could be begun."""
        if self._order["terminal"]:
            self._terminal(*self._order["terminal"])
        else:
            self._pipes()
        heard, told = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(told)
        os.close(told)
        for descriptor in set(self._theirs):
            os.close(descriptor)
        failed = os.read(heard, 4096)
        os.close(heard)
        return json.loads(failed) if failed else None

    def _pipes(self) -> None:
        in_there, in_here = os.pipe()
        out_here, out_there = os.pipe()
        err_here, err_there = os.pipe()
        self._theirs = [in_there, out_there, err_there]
        self._lead({1: (None, in_here), 2: (out_here, None), 3: (err_here, None)})

    def _terminal(self, rows: int, columns: int) -> None:
        master, slave = pty.openpty()
        os.fchown(slave, USER, USER)
        self._master, self._theirs = master, [slave] * 3
        self.size(rows, columns)
        second = os.dup(master)
        self._lead({1: (None, second), 2: (master, None)})

    def _lead(self, streams: "dict[int, tuple[int | None, int | None]]") -> None:
        for number, (source, sink) in streams.items():
            descriptor = next(it for it in (source, sink) if it is not None)
            os.set_blocking(descriptor, False)
            self._loop.channels[number] = Channel(source, sink, _closing(descriptor))

    def _become(self, told: int) -> None:
        """In the child: the command, or what went wrong into `told`."""
        ready = False
        try:
            order, defences = self._order, self._order["defences"]
            os.setsid()
            (Path(GROUP) / "cgroup.procs").write_text("0", encoding="ascii")
            for number, descriptor in enumerate(self._theirs):
                os.dup2(descriptor, number)
            if self._master is not None:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            _bound(order["limits"], defences)
            os.umask(0o022)
            os.nice(10)
            kernel.drop(USER, capabilities=not defences["users"])
            os.chdir("/workspace")
            for program in order["calls"]:
                kernel.filter_calls(bytes.fromhex(program))
            ready = True
            os.execvpe(order["argv"][0], order["argv"], order["environment"])  # noqa: S606  # the point
        except OSError as error:
            missing = ready and error.errno in (errno.ENOENT, errno.ENOTDIR)
            words = error.strerror if ready else f"{error.filename or ''} {error.strerror}"
            os.write(told, json.dumps({"missing": missing, "words": str(words)[:500]}).encode())
        finally:
            os._exit(127)

    def signal(self, number: int) -> None:
        """Send a signal to the command's process; what a terminal sends goes to its whole group."""
        with suppress(ProcessLookupError):
            if number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)

    def size(self, rows: int, columns: int) -> None:
        """Tell the terminal its size."""
        if self._master is not None:
            with suppress(OSError):
                packed = struct.pack("HHHH", rows, columns, 0, 0)
                fcntl.ioctl(self._master, termios.TIOCSWINSZ, packed)

    def sweep(self) -> None:
        """Kill all that is left of what the command started."""
        with suppress(OSError):
            (Path(GROUP) / "cgroup.kill").write_text("1", encoding="ascii")

    def tally(self) -> "dict[str, Any]":
        """The peak of memory in bytes, and whether its bound was met."""
        group = Path(GROUP)
        events = dict(it.split() for it in (group / "memory.events").read_text().splitlines())
        peak = group / "memory.peak"
        known = int(peak.read_text()) if peak.exists() else None
        return {"peak": known, "memory": int(events.get("oom_kill", 0)) > 0}


def _closing(descriptor: int) -> Callable[[], None]:
    return lambda: os.close(descriptor)


def _bound(limits: "dict[str, Any]", defences: "dict[str, bool]") -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if defences["counts"]:
        many = limits["open_files"]
        resource.setrlimit(resource.RLIMIT_NOFILE, (many, many))
