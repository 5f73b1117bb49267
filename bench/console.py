"""What it costs the data plane to be looked at: the gateway's CPU a request, by how many look.

`python -m bench.console [--requests N] [--rounds N] [--viewers N]`. One gateway with its console,
before a mock; each round is measured without viewers of the Road page's news, with one and with
many, in turn, so that what the machine does else falls on all. The gateway is asked once a second
by one viewer as by 50: what 50 add beyond one is what they take of the machine's caches and cores.
CPU is of the gateway's own process, all its threads, as the kernel accounts for it; the console is
another process and is told apart.
"""

import argparse
import json
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

from bench.processes import cpu_seconds, free_port, running
from bench.run import load, wait_until_served
from bench.stacks import tollway
from bench.watched import own_seconds

IDLE = 5.0
"""Seconds for which a gateway without requests is looked at."""


def await_port(port: int) -> None:
    """The console listens a moment after the gateway."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("The console did not come.")


def said(port: int, data: bytes) -> bytes:
    """One answer of the console, whole."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as talk:
        talk.sendall(data)
        return b"".join(iter(lambda: talk.recv(65536), b""))


def session(port: int, key: str) -> str:
    """The cookie of a sign-in."""
    await_port(port)
    body = urlencode({"key": key, "to": "/"}).encode()
    head = f"POST /sign-in HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n"
    kind = f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n\r\n"
    for line in said(port, f"{head}{kind}".encode() + body).decode().split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "set-cookie":
            return value.partition(";")[0]
    raise SystemExit("The console did not let us in.")


class Viewers:
    """So many streams of news, read and counted."""

    def __init__(self, port: int, cookie: str, count: int) -> None:
        self.events = 0
        self._over = threading.Event()
        self._selector = selectors.DefaultSelector()
        ask = f"GET /live HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\n\r\n".encode()
        for _ in range(count):
            talk = socket.create_connection(("127.0.0.1", port), timeout=10)
            talk.sendall(ask)
            self._selector.register(talk, selectors.EVENT_READ)
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(0.2):
                talk = key.fileobj
                assert isinstance(talk, socket.socket)
                self.events += talk.recv(1 << 20).count(b"data: ")

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        self._reading.join()
        for key in list(self._selector.get_map().values()):
            talk = key.fileobj
            assert isinstance(talk, socket.socket)
            talk.close()
        self._selector.close()


@contextmanager
def looking(port: int, cookie: str, count: int) -> Iterator[Viewers | None]:
    """So many viewers within this context, each with its first news."""
    if not count:
        yield None
        return
    viewers = Viewers(port, cookie, count)
    try:
        until = time.monotonic() + 20
        while viewers.events < count:
            if time.monotonic() > until:
                raise SystemExit("The viewers were told nothing.")
            time.sleep(0.05)
        yield viewers
    finally:
        viewers.end()


def measure(pid: int, port: int, key: str, requests: int) -> tuple[float, float, float]:
    """CPU microseconds a request of the gateway and of what runs below it, and CPU milliseconds a
    second of a gateway that only is looked at."""
    own, whole = own_seconds(pid), cpu_seconds(pid)
    load(port, key, "--requests", str(requests), "--connections", "4")
    used = own_seconds(pid) - own
    beside = cpu_seconds(pid) - whole - used
    own = own_seconds(pid)
    time.sleep(IDLE)
    idle = (own_seconds(pid) - own) / IDLE
    return used / requests * 1e6, beside / requests * 1e6, idle * 1e3


def prepared(folder: Path, mock: int, port: int, console: int) -> tuple[list[str], str, str]:
    """The command of a gateway with its console, a client's key and the admin key."""
    more = f'\n[console]\nlisten = "127.0.0.1:{console}"\n'
    found = tollway(folder, port, mock, more=more)
    if isinstance(found, str):
        raise SystemExit(found)
    words = (sys.executable, "-m", "tollway", "console", "key", "--state", str(folder))
    made = subprocess.run(words, check=True, capture_output=True, text=True)
    return *found, made.stdout.strip()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--viewers", type=int, default=50)
    asked = parser.parse_args()
    counts = (0, 1, asked.viewers)
    found: dict[int, list[tuple[float, float, float]]] = {count: [] for count in counts}
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tollway-console-")))
        mock, port, console = free_port(), free_port(), free_port()
        command = [sys.executable, "-m", "bench.mock", str(mock)]
        stack.enter_context(running(command, mock, home / "mock"))
        command, key, admin = prepared(home, mock, port, console)
        pid = stack.enter_context(running(command, port, home / "log"))
        wait_until_served(port, key)
        load(port, key, "--requests", str(asked.requests), "--connections", "4")
        cookie = session(console, admin)
        for _ in range(asked.rounds):
            for count in counts:
                with looking(console, cookie, count):
                    found[count].append(measure(pid, port, key, asked.requests))
    for count, rows in found.items():
        told: dict[str, object] = {"viewers": count}
        names = ("gateway_us_a_request", "beside_us_a_request", "gateway_ms_a_second_idle")
        for name, column in zip(names, zip(*rows, strict=True), strict=True):
            told[name] = round(statistics.median(column), 2)
            told[f"{name}_from_to"] = [round(min(column), 2), round(max(column), 2)]
        print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
