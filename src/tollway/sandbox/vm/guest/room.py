"""What one task finds: its folders, files and copies of mounts, and bounds on all of it."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from tollway.sandbox.vm.guest import boot, kernel

USER = 1000
GROUP = f"{boot.GROUPS}/task"
_ROOMS = {"work": "/workspace", "home": "/home/agent", "tmp": "/tmp", "shm": "/dev/shm"}  # noqa: S108  # the guest's own
_SAFE = kernel.NOSUID | kernel.NODEV
_RESERVE = 40 << 20
"""Bytes of memory that stay with the machine itself, so that no command can starve it."""


def bounded(limits: "dict[str, Any]", defences: "dict[str, bool]") -> None:
    """Make the writable folders and the group that bounds the command."""
    total = _total()
    disk = min(limits["disk"], total) if defences["disk"] else total
    inodes = limits["inodes"] if defences["disk"] else 0
    options = f"mode=755,size={disk},nr_inodes={inodes}"
    kernel.mount("writable", boot.WRITABLE, "tmpfs", kernel.REMOUNT | _SAFE, options)
    for name, target in _ROOMS.items():
        folder = Path(boot.WRITABLE) / name
        folder.mkdir()
        folder.chmod(0o1777 if name in ("tmp", "shm") else 0o700)
        os.chown(folder, *((0, 0) if name in ("tmp", "shm") else (USER, USER)))
        kernel.bind(str(folder), target, _SAFE)
    group = Path(GROUP)
    group.mkdir()
    bounds: dict[str, str] = {"memory.oom.group": "1", "memory.swap.max": "0"}
    if defences["memory"]:
        bounds["memory.max"] = str(max(min(limits["memory"], total - _RESERVE), 16 << 20))
    if defences["counts"]:
        bounds["pids.max"] = str(limits["processes"])
    if limits["cpus"] < 1:
        bounds["cpu.max"] = f"{max(int(limits['cpus'] * 100_000), 1000)} 100000"
    for name, value in bounds.items():
        with suppress(FileNotFoundError):  # a kernel without swap has no memory.swap.max
            (group / name).write_text(value, encoding="ascii")


def _total() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


class Arrivals:
    """Writes down what the host sends of files: `files/..` and `mounts/N/..`."""

    def __init__(self) -> None:
        self._file: Any = None

    def take(self, it: "dict[str, Any] | bytes") -> None:
        """One head, or a piece of the file whose head came last; empty ends it.

        Raises:
            OSError: there is no room.
        """
        if isinstance(it, bytes):
            if it:
                self._file.write(it)
            else:
                self._file.close()
            return
        top, *rest = it["path"]
        base = Path("/run/tollway") if top == "files" else Path(boot.COPIES)
        target = base.joinpath(*rest)
        if it["kind"] == "folder":
            target.mkdir(mode=0o755, exist_ok=True)
        elif it["kind"] == "link":
            target.symlink_to(it["target"])
        elif it["kind"] == "file":
            self._file = target.open("xb")
            target.chmod(0o555 if it["mode"] & 0o111 else 0o444)


def arranged(mounts: "list[str]", defences: "dict[str, bool]") -> None:
    """Show each copy at its target, and close what no command may write.

    Raises:
        OSError: a target cannot be.
    """
    read_only = kernel.RDONLY | _SAFE
    for number, target in enumerate(mounts):
        copy = Path(boot.COPIES) / str(number)
        place = Path(target)
        if copy.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        kernel.bind(str(copy), target, read_only)
    kernel.mount("run", "/run", "tmpfs", kernel.REMOUNT | read_only, "mode=755")
    if defences["root"]:
        kernel.mount("root", "/", "overlay", kernel.REMOUNT | kernel.RDONLY | kernel.NODEV)
    hide = ",hidepid=invisible" if defences["processes"] else ""
    kernel.mount("proc", "/proc", "proc", kernel.REMOUNT | _SAFE | kernel.NOEXEC, hide[1:])
