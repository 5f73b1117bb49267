"""Escape: system calls that make namespaces, mounts, privileges, or reach what is no file."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import stages
from attack import Attack, Scene, together
from trial import fails, succeeds

from tollway.sandbox.order import Box

UNSHARE, MOUNT, CLONE3 = 272, 165, 435
NEWUSER, NEWNS, NEWNET, NEWPID = 0x10000000, 0x00020000, 0x40000000, 0x20000000


async def look(scene: Scene, box: Box) -> None:
    """What the host's kernel says of the processes that bear the attack's name."""
    for pid in stages.beacons(scene.beacon):
        told = stages.status(pid)
        scene.found.setdefault("user", []).append(stages.namespace(pid, "user"))
        scene.found.setdefault("net", []).append(stages.namespace(pid, "net"))
        scene.found.setdefault("caps", []).extend(told[it] for it in ("CapEff", "CapPrm", "CapAmb"))
        scene.found.setdefault("euid", []).append(told["Uid"].split()[1])
        scene.found.setdefault("opened", []).extend(stages.opened(pid))
        scene.found.setdefault("sockets", []).extend(stages.sockets(pid))
        scene.found.setdefault("mounts", []).append(Path(f"/proc/{pid}/mountinfo").read_text())
        persona = int(Path(f"/proc/{pid}/personality").read_text(), 16)
        scene.found.setdefault("personality", []).append(persona)
    assert "user" in scene.found, "no process bears the name: the host saw nothing"


def nested(scene: Scene) -> bool:
    """Two processes of the attack in two user namespaces, or one with capabilities."""
    return len(set(scene.found.get("user", ()))) > 1 or capable(scene)


def capable(scene: Scene) -> bool:
    return any(int(it, 16) for it in scene.found.get("caps", ()))


def mounted(scene: Scene) -> bool:
    return any(scene.beacon in it for it in scene.found.get("mounts", ()))


def holds(*words: str) -> Callable[[Scene], bool]:
    return lambda scene: any(word in it for it in scene.found.get("opened", ()) for word in words)


def socket_of(family: int, protocol: int | None = None) -> Callable[[Scene], bool]:
    return lambda scene: any(
        it[0] == family and protocol in (None, it[2]) for it in scene.found.get("sockets", ())
    )


NESTED = ("users", "syscalls")

NAMESPACES = [
    Attack("unshare a user namespace", NESTED, f"""
name()
with tried(): syscall({UNSHARE}, {NEWUSER})
ready()
""", nested, meanwhile=look),
    Attack("clone a user namespace", NESTED, f"""
name()
child(lambda tell: None, lambda: syscall(56, {NEWUSER} | 17, 0, 0, 0, 0))
ready()
""", nested, meanwhile=look),
    Attack("clone3 a user namespace", NESTED, f"""
name()
args = ctypes.create_string_buffer(struct.pack("=11Q", {NEWUSER}, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0))
child(lambda tell: None, lambda: syscall({CLONE3}, args, 88))
ready()
""", nested, meanwhile=look),
    Attack("a user namespace under an older ABI", NESTED, f"""
import mmap
name()
# mov eax, 310 (unshare of i386); mov ebx, flags; int 0x80; ret
code = b"\\xb8" + struct.pack("<I", 310) + b"\\xbb" + struct.pack("<I", {NEWUSER}) + b"\\xcd\\x80\\xc3"
code = b"\\x53" + code[:-1] + b"\\x5b\\xc3"  # rbx is the caller's
with tried():
    page = mmap.mmap(-1, 4096, prot=7)
    page.write(code)
    here = ctypes.addressof(ctypes.c_char.from_buffer(page))
    say("unshare", ctypes.CFUNCTYPE(ctypes.c_int)(here)())
ready()
os._exit(0)
""", nested, meanwhile=look),
    Attack("a network namespace of one's own", NESTED, f"""
name()
child(lambda tell: syscall({UNSHARE}, {NEWUSER | NEWNET}))
ready()
""", lambda scene: len(set(scene.found.get("net", ()))) > 1, meanwhile=look),
    Attack("mount", NESTED, f"""
name()
with tried(): syscall({UNSHARE}, {NEWUSER | NEWNS})
os.makedirs("/tmp/m", exist_ok=True)
with tried(): syscall({MOUNT}, F["beacon"].encode(), b"/tmp/m", b"tmpfs", 0, 0)
ready()
""", mounted, meanwhile=look),
    Attack("mount by the newer calls", NESTED, f"""
name()
with tried(): syscall({UNSHARE}, {NEWUSER | NEWNS})
os.makedirs("/tmp/m", exist_ok=True)
with tried():
    made = syscall(430, b"tmpfs", 0)  # fsopen
    syscall(431, made, 1, b"source", F["beacon"].encode(), 0)  # fsconfig: a string
    syscall(431, made, 6, 0, 0, 0)  # create
    there = syscall(432, made, 0, 0)  # fsmount
    syscall(429, there, b"", -100, b"/tmp/m", 4)  # move_mount
ready()
""", mounted, meanwhile=look),
    Attack("capabilities of a plain process", NESTED, f"""
name()
with tried(): syscall({UNSHARE}, {NEWUSER})
with tried(): _libc.prctl(47, 2, 12, 0, 0)  # an ambient one
ready()
""", capable, meanwhile=look),
]  # fmt: skip

SURFACE = [
    Attack("io_uring", ("syscalls",), """
name()
with tried(): syscall(425, 4, ctypes.create_string_buffer(120))
ready()
""", holds("io_uring"), meanwhile=look),
    Attack("userfaultfd", ("syscalls",), """
name()
with tried(): syscall(323, 1)
ready()
""", holds("userfaultfd"), meanwhile=look),
    Attack("perf_event_open", ("syscalls",), """
name()
attr = ctypes.create_string_buffer(struct.pack("=IIQQQQQ", 1, 112, 0, 0, 0, 0, 0x61) + bytes(64))
with tried(): syscall(298, attr, 0, -1, -1, 0)
ready()
""", holds("perf_event"), meanwhile=look),
    Attack("fanotify", ("syscalls",), """
name()
with tried(): syscall(300, 0x200, 0)  # what a user without rights may ask for
ready()
""", holds("fanotify"), meanwhile=look),
    Attack("vsock", ("syscalls",), """
name()
with tried(): held = socket.socket(40, socket.SOCK_STREAM)
ready()
""", socket_of(40), meanwhile=look),
    Attack("netfilter's netlink", ("syscalls",), """
name()
with tried(): held = socket.socket(16, socket.SOCK_RAW, 12)
ready()
""", socket_of(16, 12), meanwhile=look),
    Attack("the kernel's audit netlink", ("syscalls",), """
name()
with tried(): held = socket.socket(16, socket.SOCK_RAW, 9)
with tried(): more = socket.socket(16, socket.SOCK_RAW, 6)
ready()
""", lambda scene: socket_of(16, 9)(scene) or socket_of(16, 6)(scene), meanwhile=look),
    Attack("raw and packet sockets", NESTED, f"""
name()
with tried(): syscall({UNSHARE}, {NEWUSER | NEWNET})
held = []
for one in ((17, 3, 768), (2, 3, 1), (10, 3, 58)):
    with tried(): held.append(socket.socket(*one))
ready()
""", lambda scene: any(it[1] == 3 and it[0] in (2, 10, 17) for it in scene.found.get("sockets", ())),
        meanwhile=look),
    Attack("personality", ("syscalls",), """
name()
with tried(): syscall(135, 0x0440000)  # no randomised addresses; what is read may be run
ready()
""", lambda scene: any(scene.found.get("personality", ())), meanwhile=look),
    Attack("personality under an older ABI", ("syscalls",), """
import mmap
name()
code = b"\\x53\\xb8" + struct.pack("<I", 136) + b"\\xbb" + struct.pack("<I", 0x0440000)
code += b"\\xcd\\x80\\x5b\\xc3"
with tried():
    page = mmap.mmap(-1, 4096, prot=7)
    page.write(code)
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
ready()
os._exit(0)
""", lambda scene: any(scene.found.get("personality", ())), meanwhile=look),
    Attack("ptrace of a process", ("syscalls",), """
word = ctypes.create_string_buffer(b"honest--", 8)
child = os.fork()
if child == 0:
    time.sleep(0.3)
    say("the child says", word.raw)
    os._exit(0)
with tried():
    assert _libc.ptrace(16, child, 0, 0) == 0  # attach
    os.waitpid(child, 0)
    poke = ctypes.c_long(int.from_bytes(b"poisoned", "little"))
    assert _libc.ptrace(4, child, ctypes.c_void_p(ctypes.addressof(word)), poke) == 0
    _libc.ptrace(17, child, 0, 0)
os.waitpid(child, 0)
""", lambda scene: b"the child says poisoned" in scene.out),
    Attack("writing another process's memory", ("syscalls",), """
word = ctypes.create_string_buffer(b"honest--", 8)
child = os.fork()
if child == 0:
    time.sleep(0.3)
    say("the child says", word.raw)
    os._exit(0)
bad = ctypes.create_string_buffer(b"poisoned", 8)
here = ctypes.create_string_buffer(struct.pack("QQ", ctypes.addressof(bad), 8))
there = ctypes.create_string_buffer(struct.pack("QQ", ctypes.addressof(word), 8))
with tried(): syscall(311, child, here, 1, there, 1, 0)
os.waitpid(child, 0)
""", lambda scene: b"the child says poisoned" in scene.out),
    Attack("a file by its handle", (), """
with tried():
    handle = bytes.fromhex(F["handle"])
    around = os.open("/usr", os.O_RDONLY)
    got = syscall(304, around, ctypes.create_string_buffer(handle, len(handle)), 0)
    say(os.read(got, 4096))
""", Scene.told, stage=lambda scene: handle(scene)),
    Attack("a program with a setuid bit", (), """
name()
child(lambda tell: os.execv(F["mounted"] + "/suid", ["suid", "-I", "-c",
    "import ctypes, os, time; ctypes.CDLL(None).prctl(15, b'%s', 0, 0, 0);"
    "os.write(%d, b'1'); time.sleep(60)" % (F["beacon"], tell)]))
ready()
""", lambda scene: "12345" in scene.found.get("euid", ()), meanwhile=look,
        stage=together(stages.mount("/mnt/ro"), lambda scene: setuid(scene))),
]  # fmt: skip


from collections.abc import AsyncIterator  # noqa: E402
from contextlib import asynccontextmanager  # noqa: E402


@asynccontextmanager
async def handle(scene: Scene) -> AsyncIterator[None]:
    """A secret on the disk of /usr, and its handle, which can be guessed."""
    import ctypes

    secret = scene.folder / "handled"
    secret.write_text(scene.canary)
    made = ctypes.create_string_buffer(8 + 128)
    made[0:4] = (128).to_bytes(4, "little")
    where = ctypes.c_int()
    libc = ctypes.CDLL(None, use_errno=True)
    path = str(secret).encode()
    assert libc.name_to_handle_at(-100, path, made, ctypes.byref(where), 0) == 0
    scene.facts["handle"] = made.raw.hex()
    yield


@asynccontextmanager
async def setuid(scene: Scene) -> AsyncIterator[None]:
    """A program of another user's with a setuid bit, in a folder that is shown."""
    import shutil

    copy = scene.mounts[0].source / "suid"
    shutil.copy(os.path.realpath("/usr/bin/python3"), copy)
    os.chown(copy, 12345, 12345)
    copy.chmod(0o4755)
    for folder in (scene.folder, *scene.folder.parents[:2]):
        folder.chmod(0o755)
    assert copy.stat().st_mode & stat.S_ISUID
    yield


KERNEL = NAMESPACES + SURFACE
test_attack_fails = fails(KERNEL)
test_attack_succeeds_without_its_defence = succeeds(KERNEL)
