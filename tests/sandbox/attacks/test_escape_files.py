"""Escape: the host's files, devices, /proc, /sys, open descriptors, terminal and processes."""

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import stages
from attack import Attack, Scene
from test_escape_kernel import holds, look
from trial import fails, succeeds

from tollway.sandbox.order import Box

SYSTEM = ("/usr/local", "/etc", "/var/lib", "/opt", "/", "/usr/bin")


@asynccontextmanager
async def shadow(scene: Scene) -> AsyncIterator[None]:
    """What stands in the host's own secret files."""
    scene.found["shadow"] = [
        it.encode() for it in Path("/etc/shadow").read_text().splitlines() if len(it) > 12
    ]  # fmt: skip
    yield


@asynccontextmanager
async def system(scene: Scene) -> AsyncIterator[None]:
    """Whatever an attack makes in the system's folders is taken away again."""
    scene.facts["system"] = [str(Path(it) / f"tollway-{scene.beacon}") for it in SYSTEM]
    try:
        yield
    finally:
        for one in scene.facts["system"]:
            Path(one).unlink(missing_ok=True)


@asynccontextmanager
async def core_pattern(scene: Scene) -> AsyncIterator[None]:
    """Whatever an attack writes there is put right again."""
    path = Path("/proc/sys/kernel/core_pattern")
    before = path.read_text()
    scene.facts["words"] = "core." + scene.beacon
    try:
        yield
    finally:
        if path.read_text() != before:
            path.write_text(before)


@asynccontextmanager
async def cgroups(scene: Scene) -> AsyncIterator[None]:
    """Groups without bounds, which a process would like to be in."""
    made: list[Path] = []
    for parent in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()):
        if (parent / "cgroup.procs").exists():
            with suppress(OSError):
                (parent / f"tollway-{scene.beacon}").mkdir()
                made.append(parent / f"tollway-{scene.beacon}")
    scene.facts["groups"] = [str(it / "cgroup.procs") for it in made]
    scene.found["groups"] = made
    try:
        yield
    finally:
        for one in made:
            one.rmdir()


async def look_at_groups(scene: Scene, box: Box) -> None:
    pids = stages.beacons(scene.beacon)
    assert pids
    scene.found["inside"] = [
        it for it in scene.found["groups"] if any(str(pid) in (it / "cgroup.procs").read_text().split()
                                                  for pid in pids)
    ]  # fmt: skip
    await look(scene, box)


@asynccontextmanager
async def release_agent(scene: Scene) -> AsyncIterator[None]:
    scene.facts["agents"] = [str(it) for it in Path("/sys/fs/cgroup").glob("*/release_agent")]
    yield


def hardware(scene: Scene) -> bool:
    """Whether the address of a network card of the host was told."""
    cards = [it for it in Path("/sys/class/net").iterdir() if it.name != "lo"]
    told = [(it / "address").read_bytes().strip() for it in cards]
    return any(it in scene.out for it in told if it.strip(b"0:"))


def changed(scene: Scene) -> bool:
    """Whether the folder that is shown read-only is another than before."""
    source = scene.mounts[0].source
    given = source / "given"
    same = os.listdir(source) == ["given"] and given.read_text() == scene.canary
    if not same:
        return True
    state = given.stat()
    return state.st_nlink > 1 or state.st_mtime < 10 or stat.S_IMODE(state.st_mode) == 0o777


def writable(pid: int, path: str) -> bool:
    """Whether a process has a file open for writing."""
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            if path in os.readlink(one):
                info = Path(f"/proc/{pid}/fdinfo/{one.name}").read_text()
                flags = next(it for it in info.splitlines() if it.startswith("flags:"))
                if int(flags.split()[1], 8) & 3:
                    return True
    return False


async def look_for_writers(scene: Scene, box: Box) -> None:
    pids = stages.beacons(scene.beacon)
    assert pids
    wanted = ("/python3", "/bwrap", "/env", "release_agent", "/dev/vda")
    scene.found["writes"] = [it for pid in pids for it in wanted if writable(pid, it)]


def has_setuid(scene: Scene) -> bool:
    around = scene.mounts[0].source.rglob("*")
    return any(it.lstat().st_mode & (stat.S_ISUID | stat.S_ISGID) for it in around)


def has_device(scene: Scene) -> bool:
    kinds = [it.lstat().st_mode for it in scene.mounts[0].source.rglob("*")]
    return any(stat.S_ISBLK(it) or stat.S_ISCHR(it) for it in kinds)


PROC = [
    Attack("the kernel's command line", ("proc",), """
for one in ("/proc/cmdline", "/proc/1/cmdline", "/proc/bootconfig"):
    with tried(): say(read(one))
""", lambda scene: Path("/proc/cmdline").read_bytes().strip() in scene.out),
    Attack("the kernel's tables", ("proc",), """
for one in ("kallsyms", "config.gz", "timer_list", "sched_debug", "interrupts", "diskstats",
            "slabinfo", "vmallocinfo", "keys", "modules", "iomem"):
    with tried(): say("HAS", one, len(read("/proc/" + one, 60000)))
    with tried(): say(read("/proc/" + one, 60000)[:60])
""", lambda scene: Path("/proc/diskstats").read_bytes()[:24] in scene.out),
    Attack("where a crash's core goes", ("proc",), """
for one in ("/proc/sys/kernel/core_pattern", "/proc/1/root/proc/sys/kernel/core_pattern"):
    with tried(), open(one, "w") as file: file.write(F["words"])
""", lambda scene: scene.beacon in Path("/proc/sys/kernel/core_pattern").read_text(),
        stage=core_pattern),
    Attack("the hardware's addresses", ("proc", "network"), """
import glob
for one in ("/sys/class/net/*/address", "/sys/devices/*/*/*/net/*/address"):
    for path in glob.glob(one):
        with tried(): say(path, read(path))
with tried(): say(read("/proc/net/arp"))
""", hardware),
    Attack("another cgroup", ("proc",), """
name()
for one in F["groups"]:
    for word in (one, one.replace("/sys", "/proc/1/root/sys")):
        with tried(), open(word, "w") as file: file.write("0")
ready()
""", lambda scene: scene.saw("inside"), stage=cgroups, meanwhile=look_at_groups),
    Attack("a cgroup's release agent", ("proc",), """
name()
held = []
for one in F["agents"]:
    with tried(): held.append(os.open(one, os.O_WRONLY))
ready()
""", lambda scene: scene.saw("writes"), stage=release_agent, meanwhile=look_for_writers),
    Attack("the host's processes", ("processes",), """
import glob
for one in glob.glob("/proc/[0-9]*/cmdline"):
    with tried(): say(read(one))
for one in glob.glob("/proc/[0-9]*/environ"):
    with tried(): say(read(one))
""", Scene.told, stage=stages.victim),
    Attack("files by the roots of other processes", ("root",), """
import glob
for one in F["secrets"]:
    for root in glob.glob("/proc/[0-9]*/root") + glob.glob("/proc/[0-9]*/cwd"):
        with tried(): say(read(root + one))
        with tried(): say(read(root + "/../../../.." + one))
        with tried(): say(read("/proc/1/map_files/../root" + one))
""", Scene.told, stage=stages.files),
]  # fmt: skip

DEVICES = [
    Attack("the disk", ("devices",), """
name()
held = []
for one in ("vda", "sda", "nvme0n1", "xvda", "mem", "kmem", "port", "loop0", "loop-control"):
    with tried(): held.append(os.open("/dev/" + one, os.O_RDONLY | os.O_NONBLOCK))
ready()
""", holds("/dev/vda", "/dev/sda", "/dev/nvme", "/dev/xvda", "/dev/mem", "/dev/loop"), meanwhile=look),
    Attack("a virtual machine", ("devices",), """
import fcntl
name()
with tried():
    kvm = os.open("/dev/kvm", os.O_RDWR)
    machine = fcntl.ioctl(kvm, 0xAE01, 0)
for one in ("/dev/fuse", "/dev/net/tun", "/dev/vsock", "/dev/userfaultfd"):
    with tried(): os.dup(os.open(one, os.O_RDWR))
ready()
""", holds("/dev/kvm", "kvm-vm", "/dev/fuse", "/dev/net/tun", "/dev/vsock", "/dev/userfaultfd"),
        meanwhile=look),
    Attack("the kernel's log", ("devices",), """
name()
with tried(): held = os.open("/dev/kmsg", os.O_WRONLY)
ready()
""", holds("/dev/kmsg"), meanwhile=look),
    Attack("a device of one's own", (), """
for kind, number in ((0o060000, (254, 0)), (0o020000, (1, 1)), (0o060000, (8, 0))):
    with tried(): os.mknod(F["mounted"] + "/dev%d" % kind, kind | 0o600, os.makedev(*number))
""", has_device, stage=stages.mount("/mnt/rw", writable=True)),
]  # fmt: skip

FILES = [
    Attack("the user's secrets", ("root",), """
for one in F["secrets"]:
    with tried(): say(read(one))
""", Scene.told, stage=stages.files),
    Attack("the host's passwords", ("root",), """
for one in ("/etc/shadow", "/etc/shadow-", "/var/backups/shadow.bak", "/etc/gshadow"):
    with tried(): say(read(one))
""", lambda scene: any(it in scene.out for it in scene.found["shadow"]), stage=shadow),
    Attack("a file in the user's folders", ("root",), """
for one in F["markers"] + F["secrets"]:
    with tried():
        with open(one, "w") as file: file.write("was here")
""", stages.marked, stage=stages.files),
    Attack("a file in the system's folders", ("root",), """
for one in F["system"]:
    with tried():
        with open(one, "w") as file: file.write("was here")
""", lambda scene: any(Path(it).exists() for it in scene.facts["system"]), stage=system),
    Attack("the system's programs open for writing", ("root",), """
name()
held = []
for one in ("/usr/bin/env", "/usr/bin/bwrap"):
    with tried(): os.chmod(one, 0o755)
    with tried(): held.append(os.open(one, os.O_WRONLY))
import glob
for one in glob.glob("/proc/[0-9]*/exe"):
    with tried(): held.append(os.open(one, os.O_WRONLY))
ready()
""", lambda scene: scene.saw("writes"), meanwhile=look_for_writers),
    Attack("a folder that is shown read-only", (), """
here = F["mounted"]
with tried(): open(here + "/given", "w").close()
with tried(): os.utime(here + "/given", (1, 1))
with tried(): os.chmod(here + "/given", 0o777)
with tried(): os.link(here + "/given", here + "/linked")
with tried(): os.link(here + "/given", "linked")
with tried(): os.close(os.open(here, os.O_TMPFILE | os.O_RDWR, 0o600))
with tried(): open("/proc/self/fd/%d" % os.open(here + "/given", os.O_RDONLY), "w").write("x")
with tried(): open("/proc/self/root" + here + "/new", "w").close()
with tried(): syscall(165, 0, here.encode(), 0, 0x20, 0)  # remount, writable
with tried(): syscall(442, -100, here.encode(), 0, struct.pack("QQQQ", 0, 1, 0, 0), 32)
with tried(): open(here + "/new", "w").close()
with tried(): os.unlink(here + "/given")
""", changed, stage=stages.mount("/mnt/ro")),
    Attack("a setuid bit on the host", ("syscalls",), """
here = F["mounted"] + "/"
def made(word):
    with open(here + word, "w") as file: file.write("#!/bin/sh\\n")
    return here + word
with tried(): os.chmod(made("a"), 0o4755)
with tried(): os.fchmod(os.open(made("b"), os.O_RDWR), 0o4755)
with tried(): syscall(452, -100, made("c").encode(), 0o4755, 0)  # fchmodat2
with tried(): syscall(268, -100, made("d").encode(), 0o6755)
with tried(): os.close(os.open(here + "e", os.O_CREAT | os.O_RDWR, 0o4755))
with tried(): os.mknod(here + "f", 0o104755)
with tried(): syscall(85, (here + "g").encode(), 0o4755)  # creat
with tried(): os.mkdir(here + "h", 0o2755)
with tried():  # openat2
    how = struct.pack("QQQ", os.O_CREAT | os.O_RDWR, 0o4755, 0)
    syscall(437, -100, (here + "i").encode(), ctypes.create_string_buffer(how), 24)
with tried(): syscall(90, made("j").encode(), 0x100000000 | 0o4755)
""", has_setuid, stage=stages.mount("/mnt/rw", writable=True)),
]  # fmt: skip

DESCRIPTORS = [
    Attack("files that the caller has open", ("descriptors",), """
for one in range(3, 1024):
    with contextlib.suppress(OSError): say(os.pread(one, 4096, 0))
    with contextlib.suppress(OSError): say(os.read(os.open("open-secret", os.O_RDONLY, dir_fd=one), 99))
import glob
for one in glob.glob("/proc/[0-9]*/fd/*"):
    with contextlib.suppress(OSError):
        if one.rsplit("/", 1)[1] not in "012" : say(one, os.read(os.open(one, os.O_RDONLY | os.O_NONBLOCK), 99))
    with contextlib.suppress(OSError): say(read(one + "/open-secret"))
""", Scene.told, stage=stages.open_file),
    Attack("descriptors of other processes", ("descriptors",), """
for process in range(1, 200):
    with contextlib.suppress(OSError):
        there = syscall(434, process, 0)
        for one in range(3, 200):
            with contextlib.suppress(OSError): say(os.pread(syscall(438, there, one, 0), 4096, 0))
for one in range(3, 200):
    with contextlib.suppress(OSError): say(os.pread(one, 4096, 0))
""", Scene.told, stage=stages.open_file),
    Attack("connections that the caller has open", ("descriptors",), """
import stat
for one in range(3, 1024):
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(os.fstat(one).st_mode): os.write(one, F["words"].encode())
""", lambda scene: received(scene), stage=stages.open_socket),
]  # fmt: skip


def received(scene: Scene) -> bool:
    with suppress(BlockingIOError):
        scene.heard += scene.found["socket"].recv(4096)
    return scene.got()


PROCESSES = [
    Attack("a signal to a process of the host", ("processes",), """
with tried(): os.kill(F["victim"], 15)
with tried(): syscall(424, syscall(434, F["victim"], 0), 15, 0, 0)
""", lambda scene: scene.found["victim"].returncode is not None, stage=stages.victim),
    Attack("the limits of a process of the host", ("processes",), """
import resource
with tried(): resource.prlimit(F["victim"], resource.RLIMIT_NOFILE, (7, 7))
""", lambda scene: "7 " in next(
            it for it in Path(f"/proc/{scene.facts['victim']}/limits").read_text().splitlines()
            if it.startswith("Max open files")
        )[20:40], stage=stages.victim),
]  # fmt: skip

REACHED = PROC + DEVICES + FILES + DESCRIPTORS + PROCESSES
test_attack_fails = fails(REACHED)
test_attack_succeeds_without_its_defence = succeeds(REACHED)
