"""What the gateway bears: cold start, streams at once, memory a stream and over many requests.

`python -m bench.endurance [--streams 5000,20000] [--requests 500000] [--markdown FILE]`. One worker
with everything on, in front of the mock upstream. Every answer is checked, and nothing is printed
when one was wrong. Memory is the resident memory of the gateway's process tree.
"""

import argparse
import http.client
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from bench.processes import free_port, resident_bytes, running, tree
from bench.run import CONNECTIONS, Failed, load, wait_until_served
from bench.stacks import tollway

STARTS = 7
SLOW_CHUNKS = 20
SLOW_GAP = 1.0
WARM_UP = 0.1
DESCRIPTORS = 65_536


def ready(port: int) -> bool:
    """Whether the gateway says that it may be sent work."""
    try:
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        asking.request("GET", "/readyz")
        return asking.getresponse().status == 200
    except OSError:
        return False


def cold_start(folder: Path, mock: int) -> float:
    """Seconds from starting the process to a good /readyz."""
    folder.mkdir()
    port = free_port()
    prepared = tollway(folder, port, mock)
    assert not isinstance(prepared, str)
    with (folder / "log").open("wb") as log:
        began = time.perf_counter()
        process = subprocess.Popen(prepared[0], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            while not ready(port):
                if process.poll() is not None or time.perf_counter() - began > 30:
                    raise Failed((folder / "log").read_text()[-500:])
                time.sleep(0.002)
            return time.perf_counter() - began
        finally:
            process.terminate()
            process.wait(30)


class Watch:
    """The largest resident memory of a process tree while it is watched."""

    def __init__(self, pid: int) -> None:
        self._pids = tree(pid)
        self.most = 0
        self._over = threading.Event()
        self._watching = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self.most = max(self.most, sum(resident_bytes(pid) for pid in self._pids))

    def __enter__(self) -> "Watch":
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watching.join()


def streams(pid: int, port: int, key: str, count: int) -> float:
    """Hold so many streams at once; gives bytes of memory a stream."""
    before = resident_bytes(pid)
    with Watch(pid) as watch:
        told = load(
            port,
            key,
            *("--requests", str(count), "--connections", str(count)),
            *("--stream", "--chunks", str(SLOW_CHUNKS)),
        )
    if told["answers"] != count:
        raise Failed(f"{told['answers']} of {count} streams were answered")
    return (watch.most - before) / count


def drift(pid: int, port: int, key: str, requests: int) -> tuple[int, int]:
    """Resident memory after a tenth of the requests, and after all of them."""
    sizes: list[int] = []
    for share in (WARM_UP, 1.0 - WARM_UP):
        many = str(int(requests * share))
        load(port, key, "--requests", many, "--connections", str(CONNECTIONS))
        sizes.append(resident_bytes(pid))
    return sizes[0], sizes[1]


def measure(asked: argparse.Namespace, stack: ExitStack) -> list[str]:
    """All rows of the table."""
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tollway-endurance-")))
    mock, slow = free_port(), free_port()
    for port, chunks, gap in ((mock, 10, 0.0), (slow, SLOW_CHUNKS, SLOW_GAP)):
        command = [sys.executable, "-m", "bench.mock", str(port)]
        command += ["--chunks", str(chunks), "--gap", str(gap)]
        stack.enter_context(running(command, port, home / f"mock-{port}.log"))
    seconds = [cold_start(home / f"start-{number}", mock) for number in range(STARTS)]
    rows = [f"| cold start to /readyz, median of {STARTS} | {statistics.median(seconds):.2f} s |"]
    print(rows[-1], file=sys.stderr)
    for name, upstream in (("many", slow), ("long", mock)):
        folder = home / name
        folder.mkdir()
        port = free_port()
        prepared = tollway(folder, port, upstream)
        assert not isinstance(prepared, str)
        with running(prepared[0], port, folder / "log") as pid:
            key = prepared[1]
            wait_until_served(port, key)
            if name == "long":
                many = asked.requests
                early, late = drift(pid, port, key, many)
                rows.append(
                    f"| resident memory after {int(many * WARM_UP):,} / {many:,} requests "
                    f"| {early / 1e6:.1f} / {late / 1e6:.1f} MB ({late / early - 1:+.1%}) |"
                )
            else:
                for count in map(int, asked.streams.split(",")):
                    each = streams(pid, port, key, count)
                    rows.append(
                        f"| {count:,} streams at once, without an error | "
                        f"{each / 1e3:.1f} KB of memory a stream |"
                    )
                    print(rows[-1], file=sys.stderr)
    return ["| what | measured |", "|---|---|", *rows]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", default="5000,20000")
    parser.add_argument("--requests", type=int, default=500_000)
    parser.add_argument("--markdown", type=Path)
    asked = parser.parse_args()
    # Two a stream for the gateway; beyond the hard limit for root alone.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    with ExitStack() as stack:
        try:
            rows = measure(asked, stack)
        except (Failed, RuntimeError) as error:
            print(error, file=sys.stderr)
            return 1
    text = "\n".join(rows)
    print(text)
    if asked.markdown is not None:
        asked.markdown.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
