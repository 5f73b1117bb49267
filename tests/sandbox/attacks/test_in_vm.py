"""The attacks in a virtual machine: those that leave an emulated computer, or what comes of it.

The tables of the other modules are used; the controls there show that each program works. What has
a switch in a `vm` too has its control here.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from attack import SMALL, Attack, Scene, together
from attack import play as played
from test_environment import CREDENTIALS
from test_escape_files import DESCRIPTORS, FILES, PROC, PROCESSES
from test_files_kept import KEPT
from test_network import NETWORK
from test_resources import EXITS, RESOURCES, TIME
from test_tasks import FIND, LEAVE, TASKS, key, neighbour
from trial import vm

from tollway.units import Bytes, Seconds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ROOM = replace(SMALL, memory=Bytes(200 << 20), time=Seconds(150.0))

RUNNER = """
import signal
given = json.loads(read("/run/tollway/attacks.json"))
for index, (source, told) in enumerate(given["attacks"]):
    say("\\n=== %d" % index)
    number = os.fork()
    if number == 0:
        os.setpgid(0, 0)
        signal.alarm(12)
        sys.argv = ["x", told]
        try: exec(compile(given["prelude"] + source, "attack", "exec"), {"__name__": "__main__"})
        except BaseException as error: say("failed:", type(error).__name__, error)
        os._exit(0)
    os.waitpid(number, 0)
    with contextlib.suppress(OSError): os.killpg(number, 9)
say("\\n=== over")
"""
"""Runs every program in a process of its own, one after the other."""


def fits(attack: Attack) -> bool:
    """Whether an attack can share a box: nothing of it is a mount, an exit, a bound or kept."""
    return not (attack.meanwhile or attack.keep or attack.limits or attack.no_control)


LATER = {"time": Seconds(5.0), "grace": Seconds(0.5)}

TOGETHER = [
    it for it in (*PROC, *FILES, *DESCRIPTORS, *PROCESSES, *NETWORK, *CREDENTIALS, *TASKS)
    if fits(it) and it.name not in {
        "a folder that is shown read-only", "a setuid bit on the host",
        "a mount that an earlier task has turned elsewhere",
    } and not any(it is one for one in TASKS if "keyring" not in one.name)
]  # fmt: skip


@pytest.fixture(scope="module")
def performed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bool, bytes]]:
    """Whether each succeeded, and what it said: all in one box."""
    return asyncio.run(_perform(tmp_path_factory.mktemp("vm")))


async def _perform(folder: Path) -> dict[str, tuple[bool, bytes]]:
    from attack import PRELUDE

    scenes: dict[str, Scene] = {}
    async with AsyncExitStack() as stack:
        for index, attack in enumerate(TOGETHER):
            there = folder / str(index)
            there.mkdir()
            scenes[attack.name] = scene = Scene(there)
            await stack.enter_async_context(attack.stage(scene))
        told = [
            (it.program, json.dumps({"beacon": scenes[it.name].beacon, **scenes[it.name].facts}))
            for it in TOGETHER
        ]
        all_of_it = Scene(folder, limits=ROOM)
        given = {"prelude": PRELUDE, "attacks": told}
        all_of_it.files["attacks.json"] = json.dumps(given).encode()
        runner = Attack("all", (), RUNNER, lambda scene: False, patience=180)
        await played(runner, all_of_it, vm())
        parts = bytes(all_of_it.out).split(b"\n=== ")[1:]
        assert parts[-1].startswith(b"over"), all_of_it.out[-2000:]
        for scene, part in zip(scenes.values(), parts[:-1], strict=True):
            scene.out += part
            assert b"BEGUN" in part, part
        await asyncio.sleep(0.1)
        return {it.name: (it.judge(scenes[it.name]), bytes(scenes[it.name].out)) for it in TOGETHER}


@pytest.mark.parametrize("name", [it.name for it in TOGETHER])
def test_attack_fails(performed: dict[str, tuple[bool, bytes]], name: str) -> None:
    succeeded, said = performed[name]
    assert not succeeded, said


# --- with a box each -----------------------------------------------------------------------------


def named(name: str, off: tuple[str, ...], attacks: list[Attack], **changed: object) -> Attack:
    [found] = [it for it in attacks if it.name == name]
    return replace(found, off=off, hole="", **changed)  # type: ignore[arg-type]


DRAWS = """
import uuid
say("DRAWN", os.urandom(16).hex())
say("DRAWN", uuid.uuid4().hex)
with tried(): say("DRAWN", read("/proc/sys/kernel/random/boot_id").decode().strip())
with tried(): say("DRAWN", ctypes.CDLL(None).getpid() and open("/dev/urandom", "rb").read(16).hex())
say("DRAWN", os.uname().nodename)
ready()
"""


def drawn(scene: Scene) -> bool:
    """Whether two tasks drew one number, or bear one name."""
    mine, theirs = (
        {it for it in bytes(one.out).decode(errors="replace").splitlines() if "DRAWN" in it}
        for one in (scene, scene.found["neighbour"])
    )
    assert len(mine) > 3
    return bool(mine & theirs)


ALONE = [
    named("a flood of output", ("output",), RESOURCES),
    named("SIGTERM ignored", ("time",), TIME, limits=LATER, patience=11),
    named("an absolute link to a secret", ("outputs",), KEPT),
    named("more files than are wanted", ("outputs",), KEPT),
    named("names with line ends and escapes", ("outputs",), KEPT),
    Attack("equal random numbers", ("fresh",), DRAWS, drawn, stage=neighbour(DRAWS)),
]  # fmt: skip
"""With their controls: the switch is the machine's too."""

HERE = [
    named("a file that is mostly holes", (), KEPT),
    named("many connections to an exit", (), EXITS),
    Attack("files that another task has left", (), FIND, Scene.told,
        stage=together(key, neighbour(LEAVE, over=True))),
    Attack("what is left in memory", (), """
want = F["mark"].encode()
held = []
with tried():
    for _ in range(24):
        held.append(bytearray(1 << 20))
        if want in held[-1]: say(bytes(held[-1][held[-1].find(want):][:200]))
for one in ("/dev/mem", "/proc/kcore", "/dev/vda", "/dev/pmem0", "/run/.machine"):
    with tried(): say(one, read(one, 1 << 24).find(want))
""", Scene.told, stage=together(lambda scene: mark(scene), neighbour("""
held = [bytearray((F["mark"] + F["words"]).encode() * 20000) for _ in range(8)]
ready()
""", over=True))),
]  # fmt: skip
"""Whose controls are in the tier `ns`, or nowhere: a machine shares no memory with the next."""


@asynccontextmanager
async def mark(scene: Scene) -> AsyncIterator[None]:
    scene.facts["mark"] = "residue-of-"
    yield


def names(attacks: list[Attack]) -> list[str]:
    return [it.name for it in attacks]


def room(scene: Scene, attack: Attack) -> Scene:
    """A machine is slow: it gets more time."""
    scene.limits = replace(scene.limits, memory=Bytes(200 << 20), time=Seconds(60.0))
    scene.off = attack.off
    return scene


@pytest.mark.parametrize("attack", ALONE + HERE, ids=names(ALONE + HERE))
async def test_attack_fails_alone(attack: Attack, tmp_path: Path) -> None:
    scene = room(Scene(tmp_path), replace(attack, off=()))
    assert not await played(attack, scene, vm()), (scene.found, bytes(scene.out[-2000:]))


@pytest.mark.parametrize("attack", ALONE, ids=names(ALONE))
async def test_attack_succeeds_without_its_defence(attack: Attack, tmp_path: Path) -> None:
    scene = room(Scene(tmp_path), attack)
    done = await played(attack, scene, vm(attack.off))
    assert done, (scene.error, scene.ended, scene.found, bytes(scene.out[-2000:]))
