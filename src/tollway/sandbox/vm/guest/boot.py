"""From the kernel's first program to the place where a template waits: the guest's file systems.

Rules
1. Nothing here knows a task; all of it is in the snapshot.
2. What a command may write lies in one tmpfs, which `prepare` bounds.
"""

import os
from contextlib import suppress
from pathlib import Path

from tollway.sandbox.vm.guest import kernel

HIDDEN = "/run/.machine"
"""Where the guest keeps what no command is to see; root's alone."""
GROUPS = f"{HIDDEN}/groups"
WRITABLE = f"{HIDDEN}/writable"
COPIES = f"{HIDDEN}/copies"
_PLAIN = kernel.NOSUID | kernel.NODEV
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9),
            "tty": (5, 0)}  # fmt: skip
_SETTINGS = {
    "user/max_user_namespaces": "0",
    "kernel/unprivileged_bpf_disabled": "1",
    "kernel/kptr_restrict": "2",
    "kernel/dmesg_restrict": "1",
    "kernel/perf_event_paranoid": "4",
    "kernel/yama/ptrace_scope": "1",
    "kernel/kexec_load_disabled": "1",
    "kernel/sysrq": "0",
    "kernel/core_pattern": "|/bin/false",
    "vm/panic_on_oom": "0",
}


def boot() -> int:
    """Set the machine up and open its port, whose descriptor is returned."""
    kernel.mount("proc", "/proc", "proc", _PLAIN | kernel.NOEXEC)
    kernel.mount("dev", "/dev", "devtmpfs")
    port = os.open(next(Path("/dev").glob("vport?p1")), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    kernel.mount("run", "/run", "tmpfs", _PLAIN, "mode=755,size=16m")
    for folder in (HIDDEN, GROUPS, WRITABLE, COPIES, "/run/tollway"):
        Path(folder).mkdir(mode=0o700 if folder == HIDDEN else 0o755)
    kernel.mount("groups", GROUPS, "cgroup2")
    (Path(GROUPS) / "cgroup.subtree_control").write_text("+memory +pids +cpu", encoding="ascii")
    kernel.mount("writable", WRITABLE, "tmpfs", _PLAIN, "mode=755")
    _devices()
    kernel.mount("sys", "/sys", "tmpfs", kernel.RDONLY | _PLAIN | kernel.NOEXEC)
    for name, value in _SETTINGS.items():
        kernel.setting(name, value)
    kernel.loopback_up()
    with suppress(OSError):
        os.nice(-10)
    return port


def _devices() -> None:
    kernel.mount("dev", "/dev", "tmpfs", kernel.NOSUID | kernel.NOEXEC, "mode=755,size=64k")
    for name, (major, minor) in _DEVICES.items():
        os.mknod(f"/dev/{name}", 0o020666, os.makedev(major, minor))
        Path(f"/dev/{name}").chmod(0o666)
    for folder in ("pts", "shm"):
        Path(f"/dev/{folder}").mkdir()
    options = "newinstance,ptmxmode=0666,mode=620,gid=5"
    kernel.mount("pts", "/dev/pts", "devpts", kernel.NOSUID | kernel.NOEXEC, options)
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1",
             "stderr": "fd/2"}  # fmt: skip
    for name, target in links.items():
        Path(f"/dev/{name}").symlink_to(target)
