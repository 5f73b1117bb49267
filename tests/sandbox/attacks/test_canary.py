"""A secret that a task used is nowhere in its sandbox: no byte of memory, files, environment, logs.

What is searched is the memory of the whole process that is the machine (or, in `ns`, of everything in
the sandbox), while the program still runs; what the task did hold, its sentinel, is found there.
"""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from attack import Attack, Scene, play
from doors import BOTH, PROGRAM, USE, egress
from egress_rig import SECRET
from test_way_out import echo
from trial import ns, vm

from tollway.sandbox.order import Box, Tier

PIECE = 1 << 24


def inside() -> list[int]:
    """Processes below this one: of sandboxes, since tests of a worker run one after another."""
    parents: dict[int, int] = {}
    for at in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(at.name)] = int((at / "stat").read_text().rpartition(")")[2].split()[1])
    found, new = set[int](), {os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return sorted(found)


def in_memory(pid: int, words: bytes) -> int:
    """How often words are in the memory of a process."""
    count = 0
    with suppress(OSError), open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            first, last = (int(it, 16) for it in line.split()[0].split("-"))
            if "r" not in line.split()[1] or "[v" in line:
                continue
            for at in range(first, last, PIECE):
                with suppress(OSError, ValueError):
                    size = min(PIECE + len(words), last - at)
                    count += os.pread(memory.fileno(), size, at).count(words)
    return count


def in_files(pid: int, words: bytes) -> int:
    """How often words are in the environment and in files that a process could have written."""
    count = 0
    with suppress(OSError):
        count += Path(f"/proc/{pid}/environ").read_bytes().count(words)
    root = Path("/proc", str(pid), "root")
    if not (root / "run/tollway").is_dir():  # it sees the host's files, not these
        return count
    for folder in ("workspace", "tmp", "home/agent", "dev/shm", "run/tollway"):
        with suppress(OSError):
            for at in (root / folder).rglob("*"):
                with suppress(OSError):
                    count += at.read_bytes().count(words) if at.is_file() else 0
    return count


async def look(scene: Scene, _: Box) -> None:
    """Search everything that is below this process."""
    for name, words in (("secret", SECRET), ("sentinel", scene.facts["sentinel"].encode())):
        scene.found[name] = sum(in_memory(pid, words) for pid in inside())
        scene.found[f"{name} in files"] = sum(in_files(pid, words) for pid in inside())


USES = Attack(
    "a secret is used",
    (),
    PROGRAM
    + """
said = ask(None, "Authorization: Bearer %s\\r\\n" % F["sentinel"])
with open("/tmp/answer", "wb") as file: file.write(said)
with open("/tmp/held", "w") as file: file.write(F["sentinel"])
ready()
""",
    lambda scene: any(SECRET in it.head for it in scene.found["rig"].host.seen),
    stage=egress(rules=BOTH, uses={"github": USE}, handler=echo),
    meanwhile=look,
    patience=90.0,
)


@pytest.mark.parametrize("tier", [ns, pytest.param(vm, marks=pytest.mark.slow)])
@pytest.mark.timeout(180)
async def test_a_secret_is_in_no_byte_of_the_sandbox_that_used_it(
    tmp_path: Path, tier: "type[Tier]"
) -> None:
    scene = Scene(tmp_path)
    assert await play(USES, scene, tier()), bytes(scene.out[-2000:])  # the host got it
    assert scene.found["sentinel"] > 0
    assert scene.found["secret"] == 0
    assert scene.found["secret in files"] == 0
    assert SECRET not in scene.out
    assert SECRET.decode() not in scene.found["rig"].log.getvalue()
    if tier is ns:
        assert scene.found["sentinel in files"] > 0
