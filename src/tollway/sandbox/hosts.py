"""Whether the process that holds a sandbox is still there."""

import os
from pathlib import Path

from tollway.ledger.guarded.runs import Host

_STARTED_AT = 19
"""Where in /proc/PID/stat, behind the name, the start is (proc(5), field 22)."""


def this_host() -> Host:
    """This process."""
    return Host(os.getpid(), _started(os.getpid()) or 0, _boot())


def is_alive(host: Host) -> bool:
    """Whether the process is there and the same."""
    return _boot() == host.boot and _started(host.pid) == host.started


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _started(pid: int) -> int | None:
    try:
        words = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return int(words[_STARTED_AT])
