"""Resources: processes, memory, disk, output and time without end. All of them small here."""

import ctypes
import os

import stages
from attack import Attack, Scene, together
from trial import fails, succeeds

from tollway.sandbox.order import Box
from tollway.units import Bytes, Seconds

MB = 1 << 20


async def count(scene: Scene, box: Box) -> None:
    """Processes, threads, memory, descriptors of the attack, as the host sees them."""
    pids = stages.beacons(scene.beacon)
    told = [stages.status(pid) for pid in pids]
    scene.found["processes"] = len(pids)
    scene.found["threads"] = sum(int(it["Threads"]) for it in told)
    scene.found["resident"] = sum(int(it.get("VmRSS", "0 kB").split()[0]) * 1024 for it in told)
    scene.found["opened"] = max((len(os.listdir(f"/proc/{pid}/fd")) for pid in pids), default=0)
    scene.found["files"] = sum(_entries(pid) for pid in pids[:1])
    scene.found["shared"] = stages.shared_memory() - scene.found["shared before"]


def _entries(pid: int) -> int:
    """How many files an attack has made, in folders that bear its name."""
    total = 0
    for folder in ("workspace", "tmp", "home/agent", "var/tmp", "dev/shm", "run", "dev", "root"):
        for _, inner, names in os.walk(f"/proc/{pid}/root" + f"/{folder}/bomb"):
            total += len(inner) + len(names)
    return total


@stages.staged
async def memory_before(scene: Scene) -> None:
    scene.found["shared before"] = stages.shared_memory()


async def watch(scene: Scene, box: Box) -> None:
    """Whether this user may still watch files."""
    made = ctypes.CDLL(None).inotify_init()
    scene.found["no more watches"] = made < 0
    if made >= 0:
        os.close(made)


def over(what: str, bound: int) -> "stages.Judge":
    return lambda scene: scene.found.get(what, 0) > bound


EVERYWHERE = """
def everywhere():
    seen = set()
    for folder, inner, _ in os.walk("/"):
        if folder in ("/proc", "/sys", "/usr", "/etc", "/mnt") or folder.count("/") > 3:
            inner.clear()
            continue
        if os.access(folder, os.W_OK) and os.stat(folder).st_dev not in seen:
            if not F["small"] or folder in F["small"]:
                seen.add(os.stat(folder).st_dev)
                yield folder
"""
OWN = ["/workspace", "/tmp", "/home/agent", "/dev/shm", "/run", "/dev", "/var/tmp", "/root", "/"]

RESOURCES = [
    Attack("a fork bomb", ("counts",), """
name()
for _ in range(300):
    try:
        if os.fork() == 0: time.sleep(60); os._exit(0)
    except OSError: break
ready()
os._exit(0)
""", over("processes", 80), stage=memory_before, meanwhile=count),
    Attack("a fork bomb with vfork and clone", ("counts",), """
name()
for _ in range(300):
    try:
        if syscall(56, 17, 0, 0, 0, 0) == 0: time.sleep(60); os._exit(0)
    except OSError: break
ready()
os._exit(0)
""", over("processes", 80), stage=memory_before, meanwhile=count),
    Attack("a bomb of threads", ("counts",), """
import threading
name()
threading.stack_size(32768)
for _ in range(300):
    try: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    except RuntimeError: break
ready()
os._exit(0)
""", over("threads", 80), stage=memory_before, meanwhile=count),
    Attack("more open files than allowed", ("counts",), """
import resource
name()
with tried(): resource.setrlimit(resource.RLIMIT_NOFILE, (2000, 2000))
held = []
for _ in range(1500):
    try: held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError: break
ready()
""", over("opened", 300), stage=memory_before, meanwhile=count),
    Attack("the caller's watches of files", ("counts",), """
with tried():
    while True: syscall(294, 0)
ready()
""", lambda scene: scene.saw("no more watches"), limits={"open_files": 2000}, meanwhile=watch),
    Attack("memory of one process", ("memory",), f"""
name()
held = bytearray({200 * MB})
for at in range(0, len(held), 4096): held[at] = 1
ready()
""", over("resident", 120 * MB), limits={"memory": Bytes(64 * MB)}, stage=memory_before,
        meanwhile=count),
    Attack("memory of many processes", ("memory",), f"""
name()
def take(tell):
    held = bytearray({30 * MB})
    for at in range(0, len(held), 4096): held[at] = 1
    globals()["held"] = held
for _ in range(7): child(take)
ready()
os._exit(0)
""", over("resident", 140 * MB), limits={"memory": Bytes(64 * MB)}, stage=memory_before,
        meanwhile=count),
    Attack("memory in files without a name", ("memory", "disk"), f"""
name()
held = os.memfd_create("x")
chunk = bytes({MB})
with tried():
    for _ in range(180): os.write(held, chunk)
ready()
""", over("shared", 110 * MB), limits={"memory": Bytes(64 * MB)}, stage=memory_before,
        meanwhile=count),
    Attack("shared memory", ("memory",), f"""
name()
with tried():
    segment = syscall(29, 0, {180 * MB}, 0o1600)
    _libc.shmat.restype = ctypes.c_void_p
    at = _libc.shmat(ctypes.c_int(segment), None, 0)
    syscall(31, segment, 0, 0)  # gone with the last who has it
    ctypes.memset(at, 1, {180 * MB})
ready()
""", over("shared", 110 * MB), limits={"memory": Bytes(64 * MB)}, stage=memory_before,
        meanwhile=count),
    Attack("files in memory, in every place", ("memory", "disk"), EVERYWHERE + f"""
name()
F["small"] = {OWN!r}
chunk, total, held = bytes({MB}), 0, []
for folder in everywhere():
    with tried():
        file = open(folder + "/bomb", "wb", buffering=0)
        held.append(file)
        while total < {180 * MB}: total += file.write(chunk)
    say(folder, total)
ready()
""", over("shared", 110 * MB), limits={"memory": Bytes(96 * MB), "disk": Bytes(16 * MB)},
        stage=memory_before, meanwhile=count),
    Attack("more bytes on the disk than allowed", ("disk",), EVERYWHERE + f"""
name()
F["small"] = {OWN!r}
chunk, total, held = bytes({MB}), 0, []
for folder in everywhere():
    with tried():
        file = open(folder + "/bomb", "wb", buffering=0)
        os.unlink(folder + "/bomb")
        held.append(file)
        for _ in range(100):
            if total < {100 * MB}: total += file.write(chunk)
ready()
""", over("shared", 60 * MB), limits={"memory": Bytes(400 * MB), "disk": Bytes(16 * MB)},
        stage=memory_before, meanwhile=count),
    Attack("space taken before it is written", ("disk",), EVERYWHERE + f"""
name()
F["small"] = {OWN!r}
held = []
for folder in everywhere():
    with tried():
        held.append(os.open(folder + "/bomb", os.O_CREAT | os.O_RDWR))
        os.posix_fallocate(held[-1], 0, {100 * MB})
        break
ready()
""", over("shared", 60 * MB), limits={"memory": Bytes(400 * MB), "disk": Bytes(16 * MB)},
        stage=memory_before, meanwhile=count),
    Attack("more files than allowed", ("disk",), EVERYWHERE + f"""
name()
F["small"] = {OWN!r}
left = 8000
for folder in everywhere():
    with tried():
        os.mkdir(folder + "/bomb")
        for _ in range(left):
            os.close(os.open(folder + "/bomb/%d" % left, os.O_CREAT))
            left -= 1
    say(folder, left)
ready()
""", over("files", 5000), limits={"inodes": 1000}, stage=memory_before, meanwhile=count),
    Attack("a flood of output", ("output",), f"""
chunk = b"x" * 65536
for _ in range({30 * MB} // 65536): os.write(1, chunk)
""", lambda scene: len(scene.out) > 12 * MB),
    Attack("a flood of errors", ("output",), f"""
chunk = b"x" * 65536
for _ in range({30 * MB} // 65536): os.write(2, chunk)
""", lambda scene: len(scene.out) > 12 * MB),
    Attack("a flood by a child that is left", ("output", "teardown"), f"""
chunk = b"x" * 65536
if os.fork() == 0:
    name(); os.setsid()
    with tried():
        for _ in range({30 * MB} // 65536): os.write(1, chunk)
    os._exit(0)
time.sleep(2)
""", lambda scene: len(scene.out) > 12 * MB, stage=stages.swept),
]  # fmt: skip

SHORT = {"time": Seconds(0.7), "grace": Seconds(0.3)}

TIME = [
    Attack("a sleep without end", ("time",), "time.sleep(60)",
        lambda scene: scene.stopped, limits=SHORT, patience=3),
    Attack("SIGTERM ignored", ("time",), """
import signal
for one in range(1, 65):
    with contextlib.suppress(OSError, ValueError): signal.signal(one, signal.SIG_IGN)
while True: time.sleep(60)
""", lambda scene: scene.stopped, limits=SHORT, patience=3),
    Attack("stopped, so that nothing is delivered", ("time",), """
import signal
os.kill(os.getpid(), signal.SIGSTOP)
""", lambda scene: scene.stopped, limits=SHORT, patience=3),
    Attack("always another process", ("time",), """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        os.setsid()
        time.sleep(0.02)
        os._exit(0)
    os.wait()
""", lambda scene: scene.stopped, limits=SHORT, patience=3),
    Attack("children that hold the output open", ("teardown", "time"), """
if os.fork() == 0:
    name(); os.setsid()
    if os.fork() == 0: time.sleep(40)
    os._exit(0)
""", lambda scene: scene.stopped or bool(stages.beacons(scene.beacon)), limits=SHORT, patience=3,
        stage=stages.swept),
    Attack("a daemon", ("teardown",), """
import signal
if os.fork() == 0:
    os.setsid(); name()
    for one in range(1, 65):
        with contextlib.suppress(OSError, ValueError): signal.signal(one, signal.SIG_IGN)
    if os.fork() == 0:
        for one in (0, 1, 2): os.close(one)
        time.sleep(40)
    os._exit(0)
time.sleep(0.2)
""", lambda scene: scene.stopped or bool(stages.beacons(scene.beacon)), patience=4,
        stage=stages.swept),
    Attack("a daemon that is stopped and traced", ("teardown", "syscalls"), """
import signal
inner = os.fork()
if inner == 0:
    os.setsid(); name()
    for one in (0, 1, 2): os.close(one)
    with contextlib.suppress(Exception):
        _libc.ptrace(0, 0, 0, 0)
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(40)
time.sleep(0.2)
""", lambda scene: scene.stopped or bool(stages.beacons(scene.beacon)), patience=4,
        stage=stages.swept),
]  # fmt: skip

EXITS = [
    Attack("many connections to an exit", ("channel",), """
held = []
for _ in range(80):
    with tried():
        one = socket.create_connection(("127.0.0.1", 3128), timeout=2)
        one.sendall(b"GET / HT")
        held.append(one)
time.sleep(0.5)
ready()
""", over("most", 20), stage=together(memory_before, stages.exit_to(3128))),
    Attack("many connections by many processes", ("channel",), """
def several(tell):
    global held
    held = [socket.create_connection(("127.0.0.1", 3128), timeout=2) for _ in range(20)]
    for one in held: one.sendall(b"x")
    time.sleep(0.5)
for _ in range(4): child(several)
time.sleep(0.2)
os._exit(0)
""", over("most", 20), stage=together(memory_before, stages.exit_to(3128))),
]  # fmt: skip

BOMBS = RESOURCES + TIME + EXITS
test_attack_fails = fails(BOMBS)
test_attack_succeeds_without_its_defence = succeeds(BOMBS)
