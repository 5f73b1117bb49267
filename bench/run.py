"""The table of CPU a request and a streamed chunk: ratios from one run, on an idle machine.

`python -m bench.run [--rounds N] [--quick] [--only WORD] [--markdown FILE]`. Every stack stands in
front of the same mock upstream and is loaded in turn, several rounds over; the figure is the median
of the rounds. CPU is the kernel's account of the stack's whole process tree. Every answer is
checked, and upstream connections must have been reused: the table is not printed when anything
failed. A stack that is not installed is named with the mend and left out.

The stack has the first core to itself; its clients and its source are on the others, as in life
they are elsewhere. Left to the scheduler nginx's figure alone moves by half between two runs: who
sleeps on one's own core is cheap to wake.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.processes import cpu_seconds, free_port, running
from bench.stacks import STACKS, Stack

REQUESTS = 20_000
CONNECTIONS = 32
STREAMS = 300
CHUNKS = 100
GAP = 0.02


@dataclass(slots=True)
class Row:
    """One stack's rounds: CPU microseconds, and milliseconds to the first content."""

    request: list[float] = field(default_factory=list)
    chunk: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a stack is measured: the mock's port, the share of the full load, the stack's core."""

    mock: int
    scale: float
    core: int


class Failed(Exception):  # noqa: N818
    """Something did not go as it must for the figures to mean anything."""


def load(port: int, key: str, *options: str) -> dict[str, float]:
    """Run the load generator, and insist on every answer."""
    command = [sys.executable, "-m", "bench.load", f"http://127.0.0.1:{port}/v1", "--key", key]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr[-800:])
    told = json.loads(done.stdout)
    if told["faults"]:
        raise Failed(f"answers were not as they must be: {told['faults']}")
    return told


def stats(port: int) -> dict[str, int]:
    """Connections and requests at the mock since the last call."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats") as answer:
        return json.load(answer)


def reused(mock: int, requests: int, connections: int, name: str) -> None:
    """Insist that the stack kept its connections to the upstream."""
    told = stats(mock)
    if told["requests"] < requests:
        raise Failed(f"{name}: only {told['requests']} of {requests} requests reached the mock")
    if told["connections"] > 4 * connections + requests / 100:
        raise Failed(f"{name}: {told['connections']} connections for {requests} requests")


def measure(stack: Stack, row: Row, folder: Path, setting: Setting) -> str | None:
    """One round of one stack; gives a word on what is missing, if it is."""
    mock, scale = setting.mock, setting.scale
    port = free_port()
    prepared = stack.prepare(folder, port, mock)
    if isinstance(prepared, str):
        return prepared
    command, key = prepared
    requests = max(int(REQUESTS * scale * stack.share), 200)
    streams = max(int(STREAMS * stack.share), 20)

    def settle_down() -> None:
        os.sched_setaffinity(0, {setting.core})

    with running(command, port, folder / "log", preexec_fn=settle_down) as pid:
        wait_until_served(port, key)
        load(port, key, "--requests", str(requests // 10), "--connections", str(CONNECTIONS))
        stats(mock)
        before = cpu_seconds(pid)
        load(port, key, "--requests", str(requests), "--connections", str(CONNECTIONS))
        row.request.append((cpu_seconds(pid) - before) / requests * 1e6)
        reused(mock, requests, CONNECTIONS, stack.name)
        slow = load(port, key, "--requests", str(max(requests // 40, 50)), "--connections", "1")
        row.p50.append(slow["p50_ms"])
        row.p99.append(slow["p99_ms"])
        total = int(streams * 2 * scale) or streams
        streaming = ("--stream", "--chunks", str(CHUNKS))
        before = cpu_seconds(pid)
        load(port, key, "--requests", str(total), "--connections", str(streams), *streaming)
        used = (cpu_seconds(pid) - before) * 1e6 - total * row.request[-1]
        row.chunk.append(used / (total * CHUNKS))
    return None


def wait_until_served(port: int, key: str) -> None:
    """A stack that listens may not be ready: ask until it answers."""
    give_up = time.monotonic() + 60
    while True:
        try:
            load(port, key, "--requests", "1", "--connections", "1")
        except Failed:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.3)
        else:
            return


def table(rows: dict[str, Row]) -> str:
    """The figures as Markdown."""
    base = next(iter(rows.values()))
    request, chunk = statistics.median(base.request), statistics.median(base.chunk)
    lines = [
        "| stack | CPU us a request | over nginx | CPU us a chunk | over nginx "
        "| time to an answer p50 / p99 ms, one client |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        mid, part = statistics.median(row.request), statistics.median(row.chunk)
        lines.append(
            f"| {name} | {mid:.1f} | {mid / request:.2f}x | {part:.1f} | {part / chunk:.2f}x "
            f"| {statistics.median(row.p50):.2f} / {statistics.median(row.p99):.2f} |"
        )
    return "\n".join(lines)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--markdown", type=Path)
    asked = parser.parse_args()
    scale = 0.2 if asked.quick else 1.0
    wanted = [s for s in STACKS if asked.only in s.name or s.name.startswith("nginx")]
    rows: dict[str, Row] = {}
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[1:] or cores)
    with ExitStack() as stack:
        mock = free_port()
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tollway-bench-")))
        command = [sys.executable, "-m", "bench.mock", str(mock)]
        command += ["--chunks", str(CHUNKS), "--gap", str(GAP)]
        stack.enter_context(running(command, mock, home / "mock.log"))
        setting = Setting(mock, scale, cores[0])
        for number in range(asked.rounds):
            for each in wanted:
                folder = home / f"{number}-{wanted.index(each)}"
                folder.mkdir()
                try:
                    missing = measure(each, rows.setdefault(each.name, Row()), folder, setting)
                except (Failed, RuntimeError) as error:
                    print(f"{each.name}: {error}", file=sys.stderr)
                    return 1
                if missing is not None:
                    del rows[each.name]
                    print(f"left out: {each.name} ({missing})", file=sys.stderr)
                else:
                    print(f"round {number + 1}: {each.name}", file=sys.stderr)
    text = table(rows)
    print(text)
    if asked.markdown is not None:
        asked.markdown.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
