"""How a command becomes a process that outlives us, and when it is ready.

Rules
1. The child has a session of its own, no descriptor of ours, an empty standard input, and one log
   file for both outputs.
2. It is ready when /readyz answers 200, and not before; waiting is bounded, and ends at once when
   the child does.
"""

import http.client
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path

from tollway.ledger.state import FILE_MODE

LOG_KEPT = 10 * 2**20
"""Bytes after which a start puts the log aside as `.1`."""

_POLL = 0.05
_REPORT_EVERY = 2.0


class Outcome(Enum):
    """How waiting ended."""

    READY = "ready"
    DIED = "died"
    LATE = "late"


def detach(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a command as rule 1 says."""
    if log.exists() and log.stat().st_size > LOG_KEPT:
        log.replace(log.with_name(log.name + ".1"))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
    try:
        return subprocess.Popen(  # noqa: S603 -- our own interpreter and our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            close_fds=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    finally:
        os.close(descriptor)


def is_ready(host: str, port: int) -> bool:
    """Whether /readyz answers 200 now. Proxies of the environment are not asked."""
    connection = http.client.HTTPConnection(host, port, timeout=2.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_ready(
    child: subprocess.Popen[bytes],
    host: str,
    port: int,
    patience: float,
    report: Callable[[float], None],
) -> Outcome:
    """Wait until the child serves, ends, or `patience` seconds are over.

    `report` is called with the seconds waited, once in two seconds.
    """
    begun = time.monotonic()
    reported = begun
    while True:
        if child.poll() is not None:
            return Outcome.DIED
        if is_ready(host, port):
            return Outcome.READY
        now = time.monotonic()
        if now - begun > patience:
            return Outcome.LATE
        if now - reported >= _REPORT_EVERY:
            reported = now
            report(now - begun)
        time.sleep(_POLL)


def last_lines(log: Path, since: int, count: int = 20) -> str:
    """The last lines that the log gained after byte `since`, for people."""
    try:
        with log.open("rb") as file:
            file.seek(since)
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])
