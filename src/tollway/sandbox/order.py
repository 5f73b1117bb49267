"""What a sandbox is to run, within which bounds, and how it ended: values.

Rules
1. Nothing that an order does not name is in the sandbox, and nothing leaves it but over its exits,
   its standard streams and what is kept of it.
2. A tier says in words what it isolates and what it does not; no tier stands in for another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from tollway.errors import TollwayError
from tollway.units import Bytes, Seconds

TierName = Literal["ns", "vm"]
Why = Literal["exit", "signal", "time", "memory", "output", "lost"]
"""Why a command is over: it ended; a signal ended it; it met a bound; the sandbox broke."""

WORK = "/workspace"
"""The directory that a command starts in: empty, writable, gone with the sandbox."""
GIVEN = "/run/tollway"
"""Where `Order.files` are, read-only."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or directory of the host that is seen inside. In a `vm` it is a copy."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds. `memory` counts files in memory too; `disk` is what may be written below `WORK`, /tmp
    and the home together, `inodes` how many files there; `output` what is printed; `kept` and
    `kept_files` what is taken out at the end; `cpus` cores; `connections` at once, over all exits.
    """

    memory: Bytes = Bytes(2 << 30)
    processes: int = 512
    open_files: int = 4096
    disk: Bytes = Bytes(1 << 30)
    inodes: int = 100_000
    output: Bytes = Bytes(64 << 20)
    time: Seconds = Seconds(3600.0)
    grace: Seconds = Seconds(5.0)
    """From SIGTERM to the end, once time is up or the host is told to end."""
    cpus: float = 1.0
    kept: Bytes = Bytes(256 << 20)
    kept_files: int = 10_000
    connections: int = 64


@dataclass(frozen=True, slots=True)
class Order:
    """What to run. `environment` is the whole of it. `files` are small ones by name, below `GIVEN`.
    `exits` lead from a TCP port on the sandbox's own 127.0.0.1 to a Unix socket of the host.
    `terminal`: the command gets a terminal of its own (a pty), since the caller has one."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    task: str
    mounts: tuple[Mount, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    exits: Mapping[int, Path] = field(default_factory=dict[int, Path])
    limits: Limits = Limits()
    terminal: bool = False


@dataclass(frozen=True, slots=True)
class Streams:
    """Descriptors of the caller's: where the command's standard streams lead; never closed."""

    stdin: int = 0
    stdout: int = 1
    stderr: int = 2


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: `code` is as a shell gives it (128 + the signal's number for a signal,
    124 for time, 125 for another bound or a broken sandbox). `peak` is bytes of memory, None where
    nobody counted; `printed` bytes of both streams; `out` and `back` bytes over each exit, by port,
    with `connections`."""

    code: int
    why: Why
    words: str
    """For a person, empty where the command simply ended."""
    seconds: Seconds
    peak: Bytes | None = None
    printed: Bytes = Bytes(0)
    out: Mapping[int, int] = field(default_factory=dict[int, int])
    back: Mapping[int, int] = field(default_factory=dict[int, int])
    connections: Mapping[int, int] = field(default_factory=dict[int, int])


class NotBegunError(TollwayError):
    """The command itself could not be begun: it is not in the sandbox, or cannot be run."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was taken out of a sandbox: relative paths with their sizes and SHA-256, and what was
    left behind with the reason."""

    files: Mapping[str, tuple[Bytes, str]]
    refused: Mapping[str, str]


class Box(Protocol):
    """One sandbox, ready to run its order once."""

    async def run(self) -> Ended:
        """Run the command to its end. What the command started ends with it. Cancelled, it ends at
        once.

        Raises:
            NotBegunError: there is no such command, or it cannot be run.
            TollwayError: the sandbox broke before; nothing ran.
        """
        ...

    def signal(self, number: int) -> None:
        """Send a signal to the command; before it has begun or after its end nothing."""
        ...

    async def keep(self, path: str, into: Path) -> Kept:
        """After its end, copy a file or folder below `WORK` to `into`, which is not there yet.

        Raises:
            TollwayError: there is no such path inside, `into` is there or cannot be written; then
                nothing is left at `into`.
        """
        ...

    async def close(self) -> None:
        """Leave nothing: no process, mount, cgroup, socket or file. Idempotent; never raises."""
        ...


class Tier(Protocol):
    """A way to isolate, on this machine, ready for use."""

    @property
    def name(self) -> TierName: ...

    def isolates(self) -> tuple[str, ...]:
        """What it isolates here, by what, in sentences; with what bounds it (cgroup, rlimits)."""
        ...

    def leaves_open(self) -> tuple[str, ...]:
        """What it does not isolate, in sentences."""
        ...

    def digest(self) -> str:
        """SHA-256, hex, of what a command finds: the template's of a `vm`; in `ns` of the packages'
        state of the host that is shown (a digest of dpkg's status file and Tollway's version)."""
        ...

    async def box(self, order: Order, streams: Streams) -> Box:
        """Make a sandbox.

        Raises:
            TollwayError: it cannot be made; nothing is left of it.
        """
        ...
