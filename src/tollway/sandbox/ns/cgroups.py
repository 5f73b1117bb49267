"""Bounds on a sandbox as a whole: a cgroup of its own, of version 1 or 2, below the caller's own.

Rules
1. Where no group can be made there is none, and `Ground.bounds` says so; nothing is asked for that
   the machine's owner has not delegated.
2. A group's name says whose it is, so that one whose owner was killed is removed at the next start.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tollway.errors import TollwayError
from tollway.sandbox.order import Limits

WANTED = ("memory", "pids", "cpu")
PERIOD = 100_000
"""Microseconds over which processor time is shared out: the kernel's own default."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where groups can be made: a folder for each controller, and which version it is of."""

    folders: dict[str, tuple[Path, int]]

    @property
    def bounds(self) -> frozenset[str]:
        """The controllers that bound a sandbox here: of memory, pids and cpu."""
        return frozenset(self.folders)

    @property
    def kind(self) -> str:
        """How it is called: "cgroup v1", "cgroup v2", or "rlimits" where there is none."""
        versions = sorted({version for _, version in self.folders.values()})
        return "cgroup " + " and ".join(f"v{each}" for each in versions) if versions else "rlimits"

    def group(self, limits: Limits, without: frozenset[str] = frozenset()) -> "Group":
        """Make a group with these bounds, but for the controllers `without`."""
        return Group(self, own_name(), limits, without)

    def sweep(self) -> None:
        """Remove the groups whose owners are gone."""
        for folder in {folder for folder, _ in self.folders.values()}:
            for left in folder.glob("tollway-*"):
                if not _owned(left.name):
                    remove(left)


class Group:
    """One sandbox's group.

    Raises:
        TollwayError: a bound could not be set; then nothing is left of it.
    """

    def __init__(self, ground: Ground, name: str, limits: Limits, without: frozenset[str]) -> None:
        self._at = {
            controller: (folder / name, version)
            for controller, (folder, version) in ground.folders.items()
        }
        try:
            for controller, (at, version) in self._at.items():
                at.mkdir(exist_ok=True)
                if controller not in without:
                    _bind(at, controller, version, limits)
        except OSError as error:
            self.remove()
            raise TollwayError(f"{error.filename}: {error.strerror}; no bounds, no run") from error

    def add(self, process: int) -> None:
        """Put a process into it; what it starts is in it too."""
        for folder in self._folders():
            with suppress(ProcessLookupError):
                (folder / "cgroup.procs").write_text(str(process))

    def peak(self) -> int | None:
        """Bytes of memory at most so far; None where nobody counts (v2 before Linux 5.19)."""
        at, version = self._at.get("memory", (None, 0))
        if at is None:
            return None
        with suppress(OSError, ValueError):
            name = "memory.max_usage_in_bytes" if version == 1 else "memory.peak"
            return int((at / name).read_text())
        return None

    def starved(self) -> bool:
        """Whether the kernel killed one of it for want of memory."""
        at, version = self._at.get("memory", (None, 0))
        if at is None:
            return False
        name = "memory.oom_control" if version == 1 else "memory.events"
        with suppress(OSError):
            lines = map(str.split, (at / name).read_text().splitlines())
            return any(words[0] == "oom_kill" and words[1] != "0" for words in lines)
        return False

    def remove(self) -> None:
        """Kill what is left in it and remove it."""
        for folder in self._folders():
            remove(folder)

    def _folders(self) -> set[Path]:
        return {at for at, _ in self._at.values()}


def remove(folder: Path, patience: float = 2.0) -> None:
    """Kill what is in a group and remove it; what the kernel still holds is tried again until
    `patience` (seconds) is over, and is left to the next sweep then."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            _kill(folder)
            time.sleep(0.001)  # the kernel tells nobody when a group of version 1 is free


def own_name() -> str:
    """A name for a group of this process's, like no other."""
    own = os.getpid()
    return f"tollway-{_processes()}-{own}-{_started(own)}-{os.urandom(4).hex()}"


def ground(proc: Path = Path("/proc/self")) -> Ground:
    """Where this process may make groups; found by making one."""
    folders: dict[str, tuple[Path, int]] = {}
    unified: Path | None = None
    for controller, folder, version in _candidates(proc):
        elsewhere = version == 2 and unified not in (None, folder)
        if controller in folders or elsewhere or not _works(folder, controller, version):
            continue
        folders[controller] = folder, version
        if version == 2:
            unified = folder  # of version 2 a process is in one group only
    return Ground(folders)


def _candidates(proc: Path) -> Iterator[tuple[str, Path, int]]:
    """Where each controller might be had: first of all the memory, and the nearest group first."""
    own = [line.split(":", 2) for line in (proc / "cgroup").read_text().splitlines()]
    for top, root, kinds in _mounts(proc):
        for _, controllers, path in own:
            if not path.startswith(root):
                continue
            at = top / path[len(root) :].lstrip("/")
            if not controllers and kinds == "cgroup2":
                above = [each for each in (at, *at.parents) if each.is_relative_to(top)]
                yield from ((name, folder, 2) for name in WANTED for folder in above)
            elif controllers and set(controllers.split(",")) <= set(kinds.split(",")):
                yield from ((name, at, 1) for name in WANTED if name in controllers.split(","))


def _mounts(proc: Path) -> Iterator[tuple[Path, str, str]]:
    """Each mount of cgroups: where, of which group on, and its controllers, or "cgroup2"."""
    for line in (proc / "mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _, options) = before.split(), after.split()[:3]
        if kind in ("cgroup", "cgroup2"):
            yield Path(fields[4]), fields[3].rstrip("/"), kind if kind == "cgroup2" else options


def _works(folder: Path, controller: str, version: int) -> bool:
    probe = folder / own_name()
    try:
        if version == 2:
            if controller not in (folder / "cgroup.controllers").read_text().split():
                return False
            control = folder / "cgroup.subtree_control"
            if controller not in control.read_text().split():
                control.write_text(f"+{controller}")
        probe.mkdir()
        _bind(probe, controller, version, Limits())
    except OSError:
        return False
    finally:
        if probe.is_dir():
            remove(probe)
    return True


def _bind(at: Path, controller: str, version: int, limits: Limits) -> None:
    for file, value in _settings(controller, version, limits):
        (at / file).write_text(value)
    swap, most = _SWAP[version]
    if controller == "memory" and (at / swap).exists():  # where the kernel counts what is swapped
        (at / swap).write_text(str(limits.memory) if most is None else most)


_SWAP = {1: ("memory.memsw.limit_in_bytes", None), 2: ("memory.swap.max", "0")}
"""By version, the file that bounds swap, and to what; None: memory and swap as memory alone."""


def _settings(controller: str, version: int, limits: Limits) -> list[tuple[str, str]]:
    if controller == "pids":
        return [("pids.max", str(limits.processes + 2))]  # with bubblewrap's monitor and reaper
    if controller == "memory":
        file = "memory.limit_in_bytes" if version == 1 else "memory.max"
        return [(file, str(limits.memory))]
    quota = max(1000, int(limits.cpus * PERIOD))
    if version == 1:
        return [("cpu.cfs_period_us", str(PERIOD)), ("cpu.cfs_quota_us", str(quota))]
    return [("cpu.max", f"{quota} {PERIOD}")]


def _kill(folder: Path) -> None:
    with suppress(OSError):
        for process in (folder / "cgroup.procs").read_text().split():
            os.kill(int(process), signal.SIGKILL)


def _owned(name: str) -> bool:
    """Whether a group's owner lives, or can not be seen from here."""
    parts = name.split("-")
    if len(parts) != 5 or parts[1] != _processes():
        return True
    return _started(int(parts[2])) == parts[3]


def _processes() -> str:
    """Which PID namespace process numbers are of."""
    return str(Path("/proc/self/ns/pid").stat().st_ino)


def _started(process: int) -> str:
    """When a process was started, in ticks after boot; empty where it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    return ""
