"""Many sandboxes one after another and at once: nothing of one is in another or left on the host.

`python scripts/sandboxes.py [--tier ns|vm] [--row 200] [--at-once 16] [--template NAME]`. Each run
has
a canary in its memory, environment, files, shared memory, a daemon that outlives its command, and a
listening socket. Each looks for the canaries of all others wherever it can; after each the host is
looked at: processes, cgroups, mounts, sockets, open files, files in memory and temporary folders.
Exits with 1 at the first thing that is found.
"""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tollway.sandbox.inside import PATH
from tollway.sandbox.order import Order, Streams, Tier

MARK = "TOLLWAYCANARY"
AGENT = """
import glob, os, socket, subprocess, sys
own = os.environ["CANARY"]
mark = own[:13]
held = own * 1000
seen = []
for folder in (".", "/tmp", "/dev/shm", os.environ["HOME"]):
    for at, folders, files in os.walk(folder):
        seen += [os.path.join(at, it) for it in folders + files if mark in it and own not in it]
for at in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        data = open(at, "rb").read()
    except OSError:
        continue
    if mark.encode() in data.replace(own.encode(), b""):
        seen.append(at)
for folder in (".", "/tmp", "/dev/shm", os.environ["HOME"]):
    with open(f"{folder}/{own}", "w") as file:
        file.write(held)
subprocess.Popen(["sleep", "3600"], stdout=subprocess.DEVNULL, start_new_session=True)
door = socket.socket()
door.bind(("127.0.0.1", 4567))
door.listen()
print(own, *seen)
"""


async def one(tier: Tier) -> None:
    """Run one agent, and insist that it met nobody."""
    canary = MARK + secrets.token_hex(8)
    reading, writing = os.pipe()
    nothing, end = os.pipe()
    os.close(end)
    environment = {"PATH": PATH, "HOME": "/home/agent", "CANARY": canary}
    order = Order(("/usr/bin/python3", "-c", AGENT), environment, canary[-8:])
    try:
        box = await tier.box(order, Streams(nothing, writing, 2))
        try:
            ended = await box.run()
        finally:
            await box.close()
        os.close(writing)
        said = os.read(reading, 65536).decode().split()
    finally:
        for descriptor in (reading, nothing):
            os.close(descriptor)
    if ended.code or said != [canary]:
        raise SystemExit(f"an agent met somebody else, or failed: {ended} {said}")


def left() -> list[str]:
    """What there is of canaries on this host, and of sandboxes of this process."""
    found: list[str] = []
    own = str(os.getpid())
    for at in Path("/proc").glob("[0-9]*"):
        if at.name == own:
            continue
        try:
            words = (at / "cmdline").read_bytes() + (at / "environ").read_bytes()
        except OSError:
            continue
        if MARK.encode() in words:
            found.append(f"process {at.name}")
    for folder in ("/tmp", "/dev/shm", "/run", tempfile.gettempdir()):  # noqa: S108
        found += [str(at) for at in Path(folder).glob(f"*{MARK}*")]
    mine = f"-{own}-"
    groups = Path("/sys/fs/cgroup").rglob("tollway-*")
    return found + [str(at) for at in groups if mine in at.name]


def standing() -> tuple[int, int]:
    """Open files and mounts of this process."""
    mounts = Path("/proc/self/mountinfo").read_text().count("\n")
    return len(list(Path("/proc/self/fd").iterdir())), mounts


async def all_of(tier: Tier, row: int, at_once: int) -> None:
    await one(tier)
    before = standing()
    began = time.monotonic()
    for number in range(row):
        await one(tier)
        if found := left():
            raise SystemExit(f"left after run {number}: {found}")
    spent = time.monotonic() - began
    print(f"{tier.name}: {row} in a row, {1e3 * spent / max(row, 1):.0f} ms each; nothing is left")
    began = time.monotonic()
    await asyncio.gather(*(one(tier) for _ in range(at_once)))
    print(f"{tier.name}: {at_once} at once in {time.monotonic() - began:.1f} s")
    if found := left():
        raise SystemExit(f"left after {at_once} at once: {found}")
    if (after := standing()) != before:
        raise SystemExit(f"open files and mounts were {before}, and are {after}")


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tier", choices=("ns", "vm"), default="ns")
    parser.add_argument("--row", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--template", default="default")
    asked = parser.parse_args(words)
    if asked.tier == "ns":
        from tollway.sandbox.ns.tier import tier

        chosen: Tier = tier()
    else:
        from tollway.sandbox.vm.template import folder_of_templates
        from tollway.sandbox.vm.tier import tier as vm_tier

        chosen = vm_tier(folder_of_templates(), name=asked.template)
    asyncio.run(all_of(chosen, asked.row, asked.at_once))


if __name__ == "__main__":
    main(sys.argv[1:])
