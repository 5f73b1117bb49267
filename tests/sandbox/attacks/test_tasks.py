"""Cross-task: what one task leaves or does, that another could find."""

import asyncio
import ctypes
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import stages
from attack import Attack, Scene, Stage, Wires, order_of, together
from trial import fails, succeeds

from tollway.sandbox.order import Box, Mount

_libc = ctypes.CDLL(None, use_errno=True)
PLACES = ("/workspace", "/tmp", "/home/agent", "/dev/shm", "/var/tmp", "/run", "/run/tollway", "/dev", "/usr/local",
          "/etc", "/var/lib", "/opt", "/root", "/mnt", "/")  # fmt: skip


def neighbour(program: str, *, over: bool = False) -> Stage:
    """Another task: it has ended (`over`), or goes on until the end. It alone knows the canary."""

    @asynccontextmanager
    async def stage(scene: Scene) -> AsyncIterator[None]:
        assert scene.tier is not None
        there = Scene(scene.folder)
        there.facts = {**scene.facts, "words": scene.canary}
        there.exits = dict(scene.exits)
        there.mounts = list(scene.mounts)
        wires = await Wires.lay(there)
        try:
            box = await scene.tier.box(
                order_of(Attack("neighbour", (), program, Scene.told), there), wires.streams
            )
            run = asyncio.ensure_future(box.run())
            try:
                ready = asyncio.ensure_future(wires.ready.wait())
                await asyncio.wait((run, ready), timeout=20, return_when=asyncio.FIRST_COMPLETED)
                assert wires.ready.is_set(), bytes(there.out)
                scene.found["neighbour"] = there
                if over:
                    wires.go()
                    await run
                    await box.close()
                yield
            finally:
                wires.go()
                run.cancel()
                with suppress(asyncio.CancelledError):
                    await run
                await box.close()
        finally:
            await wires.cut()

    return stage


@asynccontextmanager
async def key(scene: Scene) -> AsyncIterator[None]:
    """A number and a name that both tasks know; what is left of them on the host is removed."""
    number = secrets.randbelow(1 << 30) + 1
    word = f"tollway-{scene.beacon}"
    scene.facts.update(key=number, word=word)
    try:
        yield
    finally:
        segment = _libc.shmget(number, 0, 0)
        if segment >= 0:
            _libc.shmctl(segment, 0, None)
        _libc.syscall(241, word.encode())  # mq_unlink
        for place in PLACES:
            for one in (Path(place) / word, Path("/dev/shm") / word):
                if one.is_file():
                    one.unlink()


@asynccontextmanager
async def session(scene: Scene) -> AsyncIterator[None]:
    """A session keyring of the caller's, as a login gives one."""
    _libc.syscall(250, 1, None)
    yield


@asynccontextmanager
async def keyring(scene: Scene) -> AsyncIterator[None]:
    """A key of the caller's."""
    scene.facts["word"] = "tollway-" + scene.beacon
    word, secret = scene.facts["word"].encode(), scene.canary.encode()
    made = [_libc.syscall(248, b"user", word, secret, len(secret), where) for where in (-3, -4)]
    assert any(it > 0 for it in made), "this machine has no keyrings"
    try:
        yield
    finally:
        for one in made:
            _libc.syscall(250, 21, one, 0, 0, 0)  # invalidate


FIND = """
def search():
    seen = 0
    for folder, inner, files in os.walk("/"):
        if folder in ("/proc", "/sys", "/usr/lib", "/usr/share", "/usr/bin"): inner.clear(); continue
        for one in files:
            if one == F["word"] or folder.startswith(("/tmp", "/workspace", "/home", "/dev/shm", "/run")):
                path = folder + "/" + one
                with contextlib.suppress(OSError):
                    if os.path.isfile(path): say(path, read(path, 4096))
search()
"""
LEAVE = f"""
for place in {PLACES!r}:
    with tried(), open(place + "/" + F["word"], "w") as file: file.write(F["words"])
ready()
"""
SHM = """
_libc.shmat.restype = ctypes.c_void_p
with tried():
    segment = syscall(29, F["key"], 4096, 0o1666)
    at = _libc.shmat(ctypes.c_int(segment), None, 0)
    assert at not in (None, 0xffffffffffffffff)
"""
MQ = """
with tried():
    queue = syscall(240, F["word"].encode(), 0o102 | 0o4000, 0o666, 0)
"""
WATCHED = "/usr/bin/tsort"
"""A program that hardly anybody runs."""


async def run_something(scene: Scene, box: Box) -> None:
    process = await asyncio.create_subprocess_exec(WATCHED, stdin=asyncio.subprocess.DEVNULL)
    await process.wait()


@asynccontextmanager
async def turned(scene: Scene) -> AsyncIterator[None]:
    """An earlier task could write into a folder; a later one is shown a folder in it."""
    secret = scene.folder / "home"
    secret.mkdir()
    (secret / "key").write_text(scene.canary)
    writable = Mount(scene.folder / "rw", "/mnt/rw", True)
    (writable.source / "data").mkdir(parents=True)
    if "early." in scene.off:  # nobody looks at what is there: the user's own link
        (writable.source / "data").rmdir()
        (writable.source / "data").symlink_to(secret)
        scene.mounts = [Mount((writable.source / "data").resolve(), "/mnt/data")]
        yield
        return
    scene.mounts = [writable]
    async with neighbour(f"""
os.rmdir("/mnt/rw/data")
os.symlink({str(secret)!r}, "/mnt/rw/data")
ready()
""", over=True)(scene):  # fmt: skip
        scene.mounts = [Mount(writable.source / "data", "/mnt/data")]
        yield


SHARED = ("root", "devices", "disk")

TASKS = [
    Attack("files that a task has", SHARED, FIND, Scene.told,
        stage=together(key, neighbour(LEAVE))),
    Attack("files that a task has left", SHARED, FIND, Scene.told,
        stage=together(key, neighbour(LEAVE, over=True))),
    Attack("shared memory of another task", ("ipc",), SHM + """
with tried(): say(ctypes.string_at(at, 64))
""", Scene.told, stage=together(key, neighbour(SHM + """
with tried(): ctypes.memmove(at, F["words"].encode(), len(F["words"]))
ready()
"""))),
    Attack("shared memory that a task has left", ("ipc",), SHM + """
with tried(): say(ctypes.string_at(at, 64))
""", Scene.told, stage=together(key, neighbour(SHM + """
with tried(): ctypes.memmove(at, F["words"].encode(), len(F["words"]))
ready()
""", over=True))),
    Attack("messages between tasks", ("ipc", "syscalls"), MQ + """
with tried():
    got = ctypes.create_string_buffer(8192)
    syscall(243, queue, got, 8192, 0, 0)
    say(got.value)
""", Scene.told, stage=together(key, neighbour(MQ + """
with tried(): syscall(242, queue, F["words"].encode(), len(F["words"]), 0, 0)
ready()
"""))),
    Attack("a semaphore between tasks", ("ipc",), """
with tried(): say("VALUE", syscall(66, syscall(64, F["key"], 1, 0o666), 0, 12, 0))
""", lambda scene: b"VALUE 77" in scene.out, stage=together(key, neighbour("""
with tried():
    made = syscall(64, F["key"], 1, 0o1666)
    syscall(66, made, 0, 16, 77)
ready()
"""), lambda scene: unset(scene))),
    Attack("a socket of another task's without a file", ("network",), """
with tried():
    there = socket.socket(socket.AF_UNIX); there.settimeout(2)
    there.connect("\\0" + F["word"]); say(there.recv(99))
""", Scene.told, stage=together(key, neighbour("""
import threading
held = socket.socket(socket.AF_UNIX); held.bind("\\0" + F["word"]); held.listen()
def serve():
    while True: held.accept()[0].sendall(F["words"].encode())
threading.Thread(target=serve, daemon=True).start()
ready()
"""))),
    Attack("a server of another task's", ("network",), """
with tried():
    there = socket.create_connection(("127.0.0.1", 20000 + F["key"] % 20000), timeout=2)
    say(there.recv(99))
""", Scene.told, stage=together(key, neighbour("""
import threading
held = socket.create_server(("0.0.0.0", 20000 + F["key"] % 20000))
def serve():
    while True: held.accept()[0].sendall(F["words"].encode())
threading.Thread(target=serve, daemon=True).start()
ready()
"""))),
    Attack("processes of another task", ("processes",), """
import glob
for one in glob.glob("/proc/[0-9]*/cmdline"):
    with tried(): say(read(one))
""", Scene.told, stage=neighbour("ready()")),
    Attack("a signal to another task", ("processes",), """
with tried():
    for one in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if one.isdigit() and F["word"] in open("/proc/" + one + "/comm").read(): os.kill(int(one), 9)
time.sleep(0.3)
""", lambda scene: not stages.beacons(scene.facts["word"][:15]), stage=together(
        lambda scene: short(scene), neighbour("""
name(F["word"])
ready()
"""))),
    Attack("the caller's keyring", ("syscalls",), """
for where in (-3, -4, -5):
    with tried():
        found = syscall(250, 10, where, b"user", F["word"].encode(), 0)
        got = ctypes.create_string_buffer(200)
        syscall(250, 11, found, got, 200)
        say(got.value)
with tried():
    found = syscall(249, b"user", F["word"].encode(), 0, 0)
    got = ctypes.create_string_buffer(200)
    syscall(250, 11, found, got, 200)
    say(got.value)
""", Scene.told, stage=keyring),
    Attack("a key that another task has left", ("syscalls",), """
for where in (-3, -4, -5):
    with tried():
        got = ctypes.create_string_buffer(200)
        syscall(250, 11, syscall(250, 10, where, b"user", F["word"].encode(), 0), got, 200)
        say(got.value)
""", Scene.told, stage=together(session, key, neighbour("""
for where in (-3, -4, -5):
    with tried(): syscall(248, b"user", F["word"].encode(), F["words"].encode(), len(F["words"]), where)
ready()
""", over=True))),
    Attack("a process that a task has left", ("teardown", "processes"), """
import glob
for one in glob.glob("/proc/[0-9]*/cmdline"):
    with tried(): say(read(one))
""", lambda scene: bool(stages.beacons(scene.facts["word"][:15])), stage=together(
        lambda scene: short(scene), neighbour("""
if os.fork() == 0:
    os.setsid(); name(F["word"])
    for one in (0, 1, 2): os.close(one)
    time.sleep(30)
time.sleep(0.1)
ready()
""", over=True))),
    Attack("what others run", ("syscalls",), """
with tried():
    told = syscall(294, 0o4000)
    syscall(254, told, b"/usr/bin", 0x21)  # who reads or opens what is there
ready()
with tried(): say(os.read(told, 65536))
""", lambda scene: b"tsort" in scene.out, meanwhile=run_something, hole="inotify sees the host's"),
    Attack("a mount that an earlier task has turned elsewhere", ("early.",), """
for one in os.listdir("/mnt/data"): say(read("/mnt/data/" + one))
""", Scene.told, stage=turned, refused="leads over a link"),
]  # fmt: skip


@asynccontextmanager
async def short(scene: Scene) -> AsyncIterator[None]:
    """A name that a process can bear; what bears it is ended."""
    scene.facts["word"] = "nb" + secrets.token_hex(5)
    try:
        yield
    finally:
        for pid in stages.beacons(scene.facts["word"]):
            with suppress(ProcessLookupError):
                os.kill(pid, 9)


@asynccontextmanager
async def unset(scene: Scene) -> AsyncIterator[None]:
    try:
        yield
    finally:
        made = _libc.semget(scene.facts["key"], 0, 0)
        if made >= 0:
            _libc.semctl(made, 0, 0)


test_attack_fails = fails(TASKS)
test_attack_succeeds_without_its_defence = succeeds(TASKS)
