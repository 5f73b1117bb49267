"""Processes under test: started, awaited, accounted for by the kernel, ended."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tree(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, new = [], [root]
    while new:
        found.extend(new)
        new = [child for parent in new for child in children.get(parent, [])]
    return found


def cpu_seconds(root: int) -> float:
    """User and system time of a process tree, its ended and awaited children included."""
    total = 0.0
    for pid in tree(root):
        with suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, stat[11:15])) / TICKS
            # Finer than ticks where the kernel keeps it: nanoseconds on CPU of every thread.
    fine = 0.0
    for pid in tree(root):
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                fine += int((task / "schedstat").read_text().split()[0]) / 1e9
    return fine if fine > 0 else total


def resident_bytes(root: int) -> int:
    """Resident memory of a process tree."""
    total = 0
    for pid in tree(root):
        with suppress(OSError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return total


@contextmanager
def running(
    command: Sequence[str], port: int, log: Path, patience: float = 90.0, **how: object
) -> Iterator[int]:
    """Run a command until it accepts connections on `port`; gives its pid; ends it after.

    Raises:
        RuntimeError: it ended, or did not listen in time; with the end of its log.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **how,  # type: ignore[arg-type]
        )
    try:
        give_up = time.monotonic() + patience
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            if process.poll() is not None or time.monotonic() > give_up:
                tail = log.read_text(errors="replace")[-1500:]
                raise RuntimeError(f"{command[0]} does not listen on {port}:\n{tail}")
            time.sleep(0.05)
        yield process.pid
    finally:
        for pid in reversed(tree(process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
