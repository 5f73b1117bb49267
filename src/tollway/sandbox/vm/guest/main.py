"""The guest's first program: it waits at the port for a task, runs it, and gives out what is kept.

Rules
1. What is said on the control stream is one JSON object a frame; the host speaks first, once.
2. The host is trusted here; nothing of the command's is, and it can reach neither this program nor
   its port.
"""

import base64
import json
import os
import signal
import socket
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from tollway.sandbox.vm.guest import boot, card, kernel, parcels, room
from tollway.sandbox.vm.guest.channels import Channel, Gone, Loop
from tollway.sandbox.vm.guest.command import Command

FILES = 4
"""The stream of files."""


class Session:
    """The life of one task in this machine."""

    def __init__(self, port: int) -> None:
        self._loop = Loop(port, self._told)
        self._command: Command | None = None
        self._order: dict[str, Any] = {}
        self._status: int | None = None
        self._ended = False
        self._unpacking, self._arrivals = parcels.Unpacking(), room.Arrivals()
        self._listening: list[socket.socket] = []

    def run(self) -> None:
        """Serve until the host leaves."""
        heard, told = os.pipe()
        for descriptor in (heard, told):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._loop.watched[heard] = lambda: self._reap(heard)
        self._loop.takers[FILES] = self._take
        self._say({"is": "waiting"})
        while True:
            self._loop.once()
            self._look_for_the_end()

    def _say(self, message: "dict[str, Any]") -> None:
        self._loop.say(json.dumps(message).encode())

    def _told(self, raw: bytes) -> None:
        message = json.loads(raw)
        try:
            getattr(self, f"_do_{message['do']}")(message)
        except OSError as error:
            self._say({"is": "failed", "words": f"{error.filename or ''} {error.strerror}".strip()})

    def _do_prepare(self, message: "dict[str, Any]") -> None:
        if message["seed"]:
            kernel.fresh(bytes.fromhex(message["seed"]), message["now"], message["name"])
        room.bounded(message["limits"], message["defences"])
        if not message["defences"]["network"]:
            card.up()

    def _take(self, data: bytes) -> None:
        try:
            for it in self._unpacking.feed(data):
                self._arrivals.take(it)
        except OSError as error:
            del self._loop.takers[FILES]
            self._say({"is": "failed", "words": f"{error.filename or ''} {error.strerror}".strip()})
            return
        if self._unpacking.over:
            del self._loop.takers[FILES]
            self._arrange()

    def _arrange(self) -> None:
        file = Path("/run/tollway/.order")
        self._order = json.loads(file.read_bytes())
        file.unlink()
        try:
            room.arranged(self._order["mounts"], self._order["defences"])
        except OSError as error:
            self._say({"is": "failed", "words": f"{error.filename or ''} {error.strerror}".strip()})
            return
        for port in self._order["exits"]:
            self._listen(port)
        self._say({"is": "ready"})

    def _listen(self, port: int) -> None:
        listening = socket.create_server(("127.0.0.1", port), backlog=64)
        listening.setblocking(False)
        self._listening.append(listening)
        self._loop.watched[listening.fileno()] = lambda: self._accept(listening, port)

    def _accept(self, listening: socket.socket, port: int) -> None:
        with suppress(BlockingIOError, ConnectionError):
            accepted, _ = listening.accept()
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if len(self._loop.channels) >= self._order["limits"]["connections"] + 3:
                accepted.close()
                self._say({"is": "refused", "port": port})
                return
            descriptor = accepted.fileno()
            channel = Channel(descriptor, descriptor, accepted.close)
            self._loop.open(str(port).encode(), channel)

    def _do_start(self, message: "dict[str, Any]") -> None:
        self._order["terminal"] = message["terminal"]
        self._command = Command(self._order, self._loop)
        failed = self._command.begin()
        if failed:
            self._say({"is": "failed", **failed})
        else:
            self._say({"is": "started"})

    def _do_signal(self, message: "dict[str, Any]") -> None:
        if self._command is not None and self._status is None:
            self._command.signal(message["number"])

    def _do_size(self, message: "dict[str, Any]") -> None:
        if self._command is not None:
            self._command.size(message["rows"], message["columns"])

    def _reap(self, heard: int) -> None:
        with suppress(BlockingIOError):
            os.read(heard, 4096)
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if self._command is not None and pid == self._command.pid:
                    self._status = status
                    self._command.sweep()

    def _look_for_the_end(self) -> None:
        """Over are the command and its output: say so, once."""
        if self._status is None or self._ended or self._command is None:
            return
        if self._loop.channels.keys() & {2, 3}:
            return
        self._ended = True
        for listening in self._listening:
            del self._loop.watched[listening.fileno()]
            listening.close()
        self._say({"is": "ended", "status": self._status, **self._command.tally()})

    def _do_keep(self, message: "dict[str, Any]") -> None:
        names = [base64.b64decode(it) for it in message["path"]]
        top = Path("/workspace").joinpath(*map(os.fsdecode, names))
        self._keep(top)

    def _keep(self, top: Path) -> None:
        real = top.parent.resolve() / top.name
        if real != top or not os.path.lexists(top):
            self._say({"is": "failed", "words": "is not there, or leads over a link"})
            return
        pieces = chain(parcels.packed(top, []), (parcels.END,))
        self._loop.sources[FILES] = lambda: next(pieces, b"")
        self._say({"is": "keeping"})


def main() -> None:
    """Boot, wait, serve, and end the machine."""
    session = Session(boot.boot())
    with suppress(Gone):
        session.run()
    os.sync()
    Path("/proc/sysrq-trigger").write_text("o", encoding="ascii")
