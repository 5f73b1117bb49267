"""How bubblewrap is started: `opening` first, in a process of its own, which becomes it.

Rules
1. Nothing of this process is inherited but what a sandbox is to have.
2. Whatever fails, nothing is left: no process and no descriptor.
"""

import asyncio
import ctypes
import json
import marshal
import os
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tollway.errors import TollwayError
from tollway.sandbox.ns.cgroups import Group

OPENING = Path(__file__).with_name("opening.py")
PR_SET_CHILD_SUBREAPER = 36
MOST_EXITS = 100
"""Descriptors that are handed back at once, of the 253 that Linux hands over."""
EAGER_TO_DIE = "500"
"""Added to how ready the kernel is to kill a process of the sandbox when memory is short (of 1000):
before what runs on the host, after what asked to be killed first."""


@dataclass(slots=True)
class Plan:
    """What `opening` is told; values that `marshal` writes."""

    bwrap: str
    top: str
    network: bool
    disk: str
    """Options of the tmpfs for all that may be written."""
    ports: list[int]
    given_folders: list[tuple[str, int]]
    given: dict[str, bytes]
    folders: list[tuple[str, int]]
    rlimits: dict[int, tuple[int, int]]
    counted: dict[str, int]
    """See `bounds.COUNTED`."""
    filters: list[bytes]
    arguments: list[str]
    argv: list[str]

    def told(self, options: list[str]) -> bytes:
        """As it is sent; `options` are bubblewrap's with numbers of descriptors."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values["bwrap"] = [self.bwrap, *options]
        values["arguments"] = [os.fsencode(each) for each in self.arguments]
        return marshal.dumps(values | {"parent": os.getpid()})


@dataclass(slots=True)
class Launched:
    """A sandbox that waits to be released: bubblewrap's monitor, the descriptor of its first
    process (readable once all of the sandbox is gone), its number, and what was handed back."""

    monitor: "subprocess.Popen[bytes]"
    first: int
    first_number: int
    work: int
    exits: list[socket.socket]
    status: int
    """To read: bubblewrap's JSON, with `exit-code` where the command could be begun."""
    release: int
    """To write one byte to: begin."""


async def launch(
    plan: Plan, group: Group | None, streams: tuple[int, int, int], inherit: bool
) -> Launched:
    """Start bubblewrap up to where it waits to run the command.

    Raises:
        TollwayError: something of the sandbox could not be made.
    """
    with _Descriptors() as held:
        ours, theirs = socket.socketpair()
        held.sockets += [ours, theirs]
        info, told = held.pipe()
        status, reported = held.pipe()
        waits, release = held.pipe()
        passed = [theirs.fileno(), told, reported, waits]
        if inherit:
            passed += _open_now()
        options = ["--info-fd", str(told), "--json-status-fd", str(reported)]
        options += ["--block-fd", str(waits)]
        monitor = _started(theirs.fileno(), passed, streams)
        held.monitor = monitor
        for each in (told, reported, waits):
            held.close(each)
        theirs.close()
        if group:
            group.add(monitor.pid)
        _offer_to_die(monitor.pid)
        fds = await _opened(ours, plan.told(options))
        held.fds += fds
        number = await _informed(info, monitor)
        first = os.pidfd_open(number)
        held.keep(status, release, *fds)
        held.monitor = None
        sockets = [socket.socket(fileno=each) for each in fds[1:]]
        return Launched(monitor, first, number, fds[0], sockets, status, release)


def _started(
    channel: int, passed: list[int], streams: tuple[int, int, int]
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(  # noqa: S603  # this interpreter, isolated
            [sys.executable, "-I", "-S", "-E", str(OPENING), str(channel)],
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            pass_fds=passed,
            env={},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise TollwayError(f"{sys.executable}: {error.strerror}; no sandbox can be made") from error


def adopt() -> None:
    """Become the parent of sandboxes' first processes once bubblewrap's monitor is gone, so that
    they are reaped here: the first process of a container often reaps nobody's children."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(first: int) -> None:
    """Reap a sandbox's first process, which is dead, if it is this process's to reap."""
    with suppress(OSError):
        os.waitid(os.P_PIDFD, first, os.WEXITED | os.WNOHANG)


class _Descriptors:
    """What was opened on the way; closed at the end but for what is kept."""

    def __init__(self) -> None:
        self.fds: list[int] = []
        self.sockets: list[socket.socket] = []
        self.monitor: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "_Descriptors":
        return self

    def pipe(self) -> tuple[int, int]:
        pair = os.pipe()
        self.fds += pair
        return pair

    def close(self, fd: int) -> None:
        self.fds.remove(fd)
        os.close(fd)

    def keep(self, *fds: int) -> None:
        self.fds = [each for each in self.fds if each not in fds]

    def __exit__(self, *_: object) -> None:
        for each in self.fds:
            os.close(each)
        for each in self.sockets:
            each.close()
        if self.monitor:
            self.monitor.kill()
            self.monitor.wait()


async def _opened(channel: socket.socket, plan: bytes) -> list[int]:
    """Send the plan; what `opening` hands back: the descriptor of the work folder, then sockets."""
    loop = asyncio.get_running_loop()
    channel.setblocking(False)
    said = b""
    with suppress(ConnectionError):  # it ended before it had read all
        await loop.sock_sendall(channel, plan)
        channel.shutdown(socket.SHUT_WR)
        await readable(channel.fileno())
        said, fds, _, _ = socket.recv_fds(channel, 4096, MOST_EXITS + 1)
        if said == b"+":
            return fds
    words = said.decode(errors="replace") or "its process ended early"
    raise TollwayError(f"The sandbox could not be made: {words}. Run: tollway sandbox doctor")


async def _informed(info: int, monitor: "subprocess.Popen[bytes]") -> int:
    """The number of the sandbox's first process, once bubblewrap has told it."""
    told = b""
    while True:
        await readable(info)
        part = os.read(info, 4096)
        told += part
        if not part:
            break
    try:
        values: dict[str, Any] = json.loads(told)
        return int(values["child-pid"])
    except (ValueError, KeyError) as error:
        raise TollwayError("bubblewrap ended early. Run: tollway sandbox doctor") from error


async def readable(fd: int) -> None:
    """Wait until there is something to read, or nothing any more."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(fd)


def _open_now() -> list[int]:
    with os.scandir("/proc/self/fd") as entries:
        return [int(entry.name) for entry in entries if int(entry.name) > 2]


def _offer_to_die(process: int) -> None:
    with suppress(OSError):
        Path(f"/proc/{process}/oom_score_adj").write_text(EAGER_TO_DIE)
