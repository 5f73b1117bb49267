"""What it costs the data plane to be looked at: the gateway's CPU a request, by how many look.

`python -m bench.console [--requests N] [--rounds N] [--viewers N] [--bound SHARE]`. One gateway
with its console, before a mock. Each round measures it with nobody, with one and with many viewers
of the Road page's news, and with nobody again, each round beginning one further on; rounds are
short and many, so that what the machine does else falls on all. CPU is of the gateway's own
process, all its threads, as the kernel accounts for it; the console is another process and is told
apart.

The verdict is of the pairs of a round: many viewers less the mean of both times with nobody. Exits
1 unless the 95% interval of that difference (a bootstrap of its mean without the outer quarters)
lies below the bound, a share of what a request costs with nobody looking; and unless a gateway
without requests is below `IDLE_BOUND`. Nobody less nobody, judged alike, says what could be told
at all: where that is wider than the bound, the machine is too busy, and nothing is shown either.
"""

import argparse
import json
import os
import random
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from bench.processes import cpu_seconds, free_port, running
from bench.run import load, wait_until_served
from bench.stacks import tollway
from bench.watched import own_seconds

IDLE, IDLE_EVERY = 1.5, 6
"""Seconds for which a gateway without requests is looked at, and in which rounds."""
IDLE_BOUND = 5.0
"""Milliseconds of CPU a second that many viewers may add to a gateway without requests: half a
percent of a core. Its news is made once a second, however many look."""
SEED, DRAWS = 11, 20_000
NOBODY, ONE, MANY, AGAIN = "nobody", "one", "many", "nobody again"
US, BESIDE, RESTING = "gateway_us_a_request", "beside_us_a_request", "gateway_ms_a_second_idle"

Figures = dict[str, list[float]]
"""What was measured, round by round."""


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


def measure(pid: int, port: int, key: str, requests: int, into: Figures) -> None:
    """CPU microseconds a request of the gateway, and of what runs below it."""
    own, whole = own_seconds(pid), cpu_seconds(pid)
    load(port, key, "--requests", str(requests), "--connections", "4")
    used = own_seconds(pid) - own
    beside = cpu_seconds(pid) - whole - used
    into[US].append(used / requests * 1e6)
    into[BESIDE].append(beside / requests * 1e6)


def rest(pid: int, into: Figures) -> None:
    """CPU milliseconds a second of a gateway that only is looked at."""
    own = own_seconds(pid)
    time.sleep(IDLE)
    into[RESTING].append((own_seconds(pid) - own) / IDLE * 1e3)


def prepared(folder: Path, mock: int, port: int, console: int) -> tuple[list[str], str, str]:
    """The command of a gateway with its console, a client's key and the admin key."""
    more = f'\n[console]\nlisten = "127.0.0.1:{console}"\n'
    found = tollway(folder, port, mock, more=more)
    if isinstance(found, str):
        raise SystemExit(found)
    words = (sys.executable, "-m", "tollway", "console", "key", "--state", str(folder))
    made = subprocess.run(words, check=True, capture_output=True, text=True)
    return *found, made.stdout.strip()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The middle difference of pairs, with the ends of its 95% interval, and what it may be."""

    middle: float
    low: float
    high: float
    bound: float

    @property
    def holds(self) -> bool:
        """Whether the difference is shown to be below the bound."""
        return self.high < self.bound

    def words(self, what: str) -> str:
        """In a line."""
        held = "below" if self.holds else "NOT shown to be below"
        return (
            f"{what}: {self.middle:+.2f} (95%: {self.low:+.2f} to {self.high:+.2f}), "
            f"{held} {self.bound:.2f}"
        )


def judged(before: Sequence[float], after: Sequence[float], bound: float) -> Verdict:
    """What `after` adds to `before`, round by round; `bound` in the same unit."""
    pairs = [one - other for one, other in zip(after, before, strict=True)]
    draw = random.Random(SEED)
    drawn = sorted(middle(draw.choices(pairs, k=len(pairs))) for _ in range(DRAWS))
    low, high = drawn[round(0.025 * DRAWS)], drawn[round(0.975 * DRAWS) - 1]
    return Verdict(middle(pairs), low, high, bound)


def middle(values: Sequence[float]) -> float:
    """The mean without the least and the greatest quarter, which are what else the machine did."""
    outer = len(values) // 4
    return statistics.fmean(sorted(values)[outer : len(values) - outer])


def told(found: Mapping[str, Figures], share: float) -> bool:
    """Print what was found; whether nothing measurable was added."""
    for name, columns in found.items():
        line: dict[str, object] = {"viewers": name}
        for what, column in columns.items():
            line[what] = round(statistics.median(column), 2)
            line[f"{what}_from_to"] = [round(min(column), 2), round(max(column), 2)]
        print(json.dumps(line))
    nobody, again, many = found[NOBODY], found[AGAIN], found[MANY]
    base, idle = (
        [statistics.fmean(pair) for pair in zip(nobody[what], again[what], strict=True)]
        for what in (US, RESTING)
    )
    bound = share * statistics.median(base)
    noise, added = judged(nobody[US], again[US], bound), judged(base, many[US], bound)
    resting = judged(idle, many[RESTING], IDLE_BOUND)
    print(noise.words("nobody, less nobody, us a request"))
    print(added.words("many viewers, less nobody, us a request"))
    print(resting.words("many viewers, less nobody, ms a second without requests"))
    quiet = noise.high - noise.low < 2 * bound
    if not quiet:
        print("The machine is too busy to tell: more rounds, or an idle one.")
    return quiet and added.holds and resting.holds


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=1_500)
    parser.add_argument("--rounds", type=int, default=48)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--bound", type=float, default=0.05)
    asked = parser.parse_args()
    counts = {NOBODY: 0, ONE: 1, MANY: asked.viewers, AGAIN: 0}
    found: dict[str, Figures] = {name: {US: [], BESIDE: [], RESTING: []} for name in counts}
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
        print(f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores, {asked.rounds} rounds")
        names = list(counts)
        for at in range(asked.rounds):
            for name in names[at % 4 :] + names[: at % 4]:
                with looking(console, cookie, counts[name]):
                    measure(pid, port, key, asked.requests, found[name])
                    if at % IDLE_EVERY == 0:
                        rest(pid, found[name])
    print(f"load {os.getloadavg()[0]:.1f}; {MANY} is {asked.viewers} viewers")
    return 0 if told(found, asked.bound) else 1


if __name__ == "__main__":
    sys.exit(main())
