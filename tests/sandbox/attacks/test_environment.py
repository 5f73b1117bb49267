"""Credentials: the caller's secrets, looked for in environments, memory and what is told of both.

Those that are asked for over the way out are in `test_way_out`.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stages
from attack import Attack, Scene
from trial import fails, succeeds

OFF = ("environment",)


@asynccontextmanager
async def in_path(scene: Scene) -> AsyncIterator[None]:
    """A secret in variables that programs hand on, or that loaders read."""
    taken = ("LD_LIBRARY_PATH", "PYTHONPATH", "OPENAI_API_KEY", "TOLLWAY_MASTER")
    before = {it: os.environ.get(it) for it in taken}
    for one in taken:
        os.environ[one] = (before[one] or "") + ":/" + scene.canary
    try:
        yield
    finally:
        for one, value in before.items():
            if value is None:
                del os.environ[one]
            else:
                os.environ[one] = value


CREDENTIALS = [
    Attack("the caller's environment", OFF, """
say(os.environ)
with tried(): say(read("/proc/self/environ"))
""", Scene.told, stage=stages.environment),
    Attack("variables that programs hand on", OFF, """
import subprocess
with tried(): say(subprocess.run(["/usr/bin/env"], capture_output=True).stdout)
""", Scene.told, stage=in_path),
    Attack("the environment of every process in sight", OFF, """
import glob
for one in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/task/*/environ"):
    with tried(): say(one, read(one))
""", Scene.told, stage=stages.environment),
    Attack("the memory of every process in sight", OFF, """
import glob
mark = F["mark"].encode()
for one in glob.glob("/proc/[0-9]*"):
    with contextlib.suppress(Exception):
        with open(one + "/mem", "rb", buffering=0) as memory:
            for line in read(one + "/maps").decode().splitlines():
                if "rw" not in line.split()[1]: continue
                start, end = (int(it, 16) for it in line.split()[0].split("-"))
                with contextlib.suppress(Exception):
                    memory.seek(start)
                    got = memory.read(min(end - start, 1 << 23))
                    at = got.find(mark)
                    if at >= 0: say(one, got[at : at + 90])
""", Scene.told, stage=stages.environment),
]  # fmt: skip


test_attack_fails = fails(CREDENTIALS)
test_attack_succeeds_without_its_defence = succeeds(CREDENTIALS)
