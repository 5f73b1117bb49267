"""Attacks on a caller that has a terminal, and ways to what a private network stands in for."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import stages
from attack import Attack, Scene, together
from driver import HERE, METADATA, RESOLVER

OUTSIDE = ("outside",)
"""The control is a plain process in the caller's session: a sandbox's is never in it."""
INJECTED = "tollway-injected\n"

STUFF = """
import glob
numbers = (0x5412, 0x100005412, 0xffffffff00005412, 0x8000000000005412)
held = [0, 1, 2]
for one in ["/dev/tty", "/dev/console", "/dev/tty0", F["tty"]] + glob.glob("/dev/pts/[0-9]*"):
    with tried(): held.append(os.open(one, os.O_RDWR | os.O_NOCTTY))
"""


@asynccontextmanager
async def terminal(scene: Scene) -> AsyncIterator[None]:
    """The caller's terminal is the command's standard input, as a shell would have it."""
    scene.facts["tty"] = os.ttyname(0)
    scene.stdin = 0
    yield


def injected(scene: Scene) -> bool:
    """Whether bytes that nobody typed wait in the caller's terminal."""
    os.set_blocking(0, False)
    with suppress(BlockingIOError):
        scene.heard += os.read(0, 4096)
    return INJECTED.encode()[:8] in scene.heard


@asynccontextmanager
async def signalled(scene: Scene) -> AsyncIterator[None]:
    """The caller counts the signals that it gets."""
    loop = asyncio.get_running_loop()
    taken = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)
    for one in taken:
        loop.add_signal_handler(one, lambda: scene.found.update(signalled=True))
    scene.facts["group"] = os.getpgrp()
    scene.facts["pid"] = os.getpid()
    yield


TERMINAL = [
    Attack("keys typed into the caller's terminal", OUTSIDE, STUFF + f"""
for one in held:
    for number in numbers[:1]:
        with tried():
            for key in {INJECTED!r}: syscall(16, one, number, ctypes.create_string_buffer(key.encode()))
""", injected, stage=terminal),
    Attack("keys typed, the call's number with high bits", OUTSIDE, STUFF + f"""
for one in held:
    for number in numbers[1:]:
        number = number - (1 << 64) if number >> 63 else number
        with tried():
            for key in {INJECTED!r}: syscall(16, one, number, ctypes.create_string_buffer(key.encode()))
""", injected, stage=terminal),
    Attack("keys typed into a terminal taken by a new session", OUTSIDE,
        STUFF + f"""
def act(tell):
    os.setsid()
    for one in held:
        with tried(): syscall(16, one, 0x540E, 1)  # TIOCSCTTY
        with tried():
            for key in {INJECTED!r}: syscall(16, one, 0x5412, ctypes.create_string_buffer(key.encode()))
child(act)
for one in held:
    with tried():
        for key in {INJECTED!r}: syscall(16, one, 0x5412, ctypes.create_string_buffer(key.encode()))
os._exit(0)
""", injected, stage=terminal),
    Attack("signals to the caller's group", OUTSIDE, """
import signal
for one in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
    signal.signal(one, signal.SIG_IGN)
    with tried(): os.kill(0, one)
    with tried(): os.killpg(F["group"], one)
    with tried(): os.kill(F["pid"], one)
    with tried(): os.kill(os.getppid(), one)
time.sleep(0.3)
""", lambda scene: scene.saw("signalled"), stage=together(terminal, signalled)),
    Attack("the caller's terminal by its name", ("devices",), STUFF + """
for one in held[3:]:
    with tried(): os.write(one, b"painted by " + F["beacon"].encode())
""", lambda scene: painted(scene), stage=terminal),
]  # fmt: skip


def painted(scene: Scene) -> bool:
    """The test's own side of the terminal says what was written; see `_driven`."""
    return False


SEND = """
words = F["words"].encode()
def reach(*to):
    with tried(): socket.create_connection(to, timeout=1).sendall(words)
    with tried(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(words, to)
"""


def at(host: str) -> stages.Stage:
    return together(stages.tcp(host), stages.udp(host))


WORLD = [
    Attack("the metadata service", ("network",), SEND + """
reach(*F["tcp"]); reach(*F["udp"])
""", Scene.got, stage=at(METADATA)),
    Attack("the resolver", ("network",), SEND + """
reach(*F["tcp"]); reach(*F["udp"])
""", Scene.got, stage=at(RESOLVER)),
]  # fmt: skip

KILLED = [
    Attack("a daemon, when the host's process is killed", ("teardown",), """
import signal
for one in range(1, 65):
    with contextlib.suppress(OSError, ValueError): signal.signal(one, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    for one in (0, 1, 2): os.close(one)
    name()  # last: who sees it may kill the host's process
    time.sleep(40)
time.sleep(40)
""", lambda scene: False),
]  # fmt: skip

ALL_DRIVEN = [("TERMINAL", it) for it in TERMINAL] + [("WORLD", it) for it in WORLD]
cases = pytest.mark.parametrize(
    ("table", "attack"), ALL_DRIVEN, ids=[it.name for _, it in ALL_DRIVEN]
)
as_root = pytest.mark.skipif(os.getuid() != 0, reason="a network of the test's own takes root")


async def _driven(folder: Path, table: str, attack: Attack, off: tuple[str, ...]) -> bool:
    """Play it in a process of its own, which has a terminal or a network of its own."""
    ours, theirs = os.openpty()
    beacon = Scene(folder).beacon
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "driver.py"), "test_driven", table, attack.name,
            "netns" if table == "WORLD" else "tty", str(folder), *off,
            stdin=theirs, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "BEACON": beacon},
        )  # fmt: skip
        _, said = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, said.decode()
        os.set_blocking(ours, False)
        with suppress(BlockingIOError):
            if f"painted by {beacon}".encode() in os.read(ours, 65536):
                return True
        told = json.loads(said.splitlines()[-1])
        print(told["out"])
        return told["done"]
    finally:
        os.close(ours)
        os.close(theirs)


@as_root
@cases
async def test_attack_fails(tmp_path: Path, table: str, attack: Attack) -> None:
    assert not await _driven(tmp_path, table, attack, ())


@as_root
@cases
async def test_attack_succeeds_without_its_defence(
    tmp_path: Path, table: str, attack: Attack
) -> None:
    assert await _driven(tmp_path, table, attack, attack.off)


async def _outlives(folder: Path, off: tuple[str, ...], looks: int = 100) -> bool:
    """Whether a process of the attack is there after the host's process was killed."""
    [attack] = KILLED
    beacon = Scene(folder).beacon
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "driver.py"), "test_driven", "KILLED", attack.name, "killed",
        str(folder), *off, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "BEACON": beacon},
    )  # fmt: skip
    try:
        async with asyncio.timeout(20):
            while not stages.beacons(beacon):  # noqa: ASYNC110 - another process's name
                await asyncio.sleep(0.02)
        process.kill()
        await process.wait()
        for _ in range(looks):
            if not stages.beacons(beacon):
                return False
            await asyncio.sleep(0.02)
        return True
    finally:
        for pid in stages.beacons(beacon):
            os.kill(pid, signal.SIGKILL)


async def test_nothing_outlives_the_hosts_process(tmp_path: Path) -> None:
    assert not await _outlives(tmp_path, ())


async def test_a_daemon_does_where_nothing_sees_to_the_end(tmp_path: Path) -> None:
    # Soon: the next sandbox of any other process here sweeps what dead hosts have left.
    assert await _outlives(tmp_path, ("teardown",), looks=5)
