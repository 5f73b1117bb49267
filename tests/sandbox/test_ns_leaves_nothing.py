"""What is left when a sandbox of the `ns` tier is gone: nothing."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from ns_ground import Runner, order, with_all, without

from tollway.errors import TollwayError
from tollway.sandbox.ns import launch
from tollway.sandbox.ns.cgroups import Group, ground, own_name, remove
from tollway.sandbox.order import Limits, Streams

MARK = f"86391.{os.getpid()}"
"""Seconds that nobody else sleeps."""


def running(mark: str = MARK) -> list[str]:
    """Processes whose command line names the mark."""
    found: list[str] = []
    for at in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (at / "cmdline").read_bytes():
                found.append(at.name)
    return found


def groups() -> list[Path]:
    """This process's own groups."""
    folders = {folder for folder, _ in ground().folders.values()}
    mine = f"-{os.getpid()}-"
    return [at for folder in folders for at in folder.glob("tollway-*") if mine in at.name]


def dead_children() -> list[str]:
    """Children of this process that nobody has reaped."""
    own, found = str(os.getpid()), list[str]()
    for at in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (at / "stat").read_text().rpartition(")")[2].split()[:2]
            if parent == own and state == "Z":
                found.append((at / "comm").read_text())
    return found


def mounts() -> int:
    return len(Path("/proc/self/mountinfo").read_text().splitlines())


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return with_all(tmp_path)


async def test_twenty_in_a_row_and_four_at_once_leave_nothing(run: Runner, tmp_path: Path) -> None:
    await run("true")  # what stays open for good (threads, the selector) is open now
    before = descriptors(), mounts()
    others = groups(), dead_children()  # what tests of a defence that is off have left
    run.exits = {8400: tmp_path / "door"}
    for _ in range(20):
        await run("sh", "-c", f"setsid sleep {MARK} & sleep {MARK} & : > x")
    runners = [with_all(tmp_path / str(number)) for number in range(4)]
    for each in runners:
        each.folder.mkdir()
    await asyncio.gather(*(each("sh", "-c", f"sleep {MARK} &") for each in runners))
    assert (descriptors(), mounts()) == before
    assert running() == []
    assert (groups(), dead_children()) == others


async def test_orphans_live_on_when_the_defence_is_off(tmp_path: Path) -> None:
    free = without(tmp_path, teardown=False)
    await free("sh", "-c", f"setsid sleep {MARK} >/dev/null 2>&1 & exit 3")
    left = running()
    assert left
    for each in left:
        with suppress(ProcessLookupError):
            os.kill(int(each), signal.SIGKILL)
    while running():  # noqa: ASYNC110  # they are nobody's children here
        await asyncio.sleep(0.01)
    for each in groups():
        remove(each)
    assert (running(), groups()) == ([], [])


async def test_a_cancelled_run_ends_at_once(run: Runner) -> None:
    null = os.open("/dev/null", os.O_RDWR)
    read, write = os.pipe()
    box = await run.tier.box(
        order("sh", "-c", f"echo go; sleep {MARK}"), Streams(null, write, null)
    )
    task = asyncio.create_task(box.run())
    await asyncio.to_thread(os.read, read, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await box.close()
    for each in (null, read, write):
        os.close(each)
    assert (running(), groups()) == ([], [])


async def test_a_box_that_never_ran_leaves_nothing(run: Runner) -> None:
    null = os.open("/dev/null", os.O_RDWR)
    before = descriptors()
    box = await run.tier.box(order("sleep", MARK), Streams(null, null, null))
    assert running()
    await box.close()
    os.close(null)
    assert descriptors() == before - 1
    assert (running(), groups()) == ([], [])


async def test_a_making_that_is_cancelled_leaves_nothing(run: Runner) -> None:
    null = os.open("/dev/null", os.O_RDWR)
    before = descriptors()
    for most in (0.001, 0.01, 0.015, 0.02):
        making = asyncio.create_task(run.tier.box(order("sleep", MARK), Streams(null, null, null)))
        done, _ = await asyncio.wait([making], timeout=most)
        making.cancel()
        if done:
            await (await making).close()
        with suppress(asyncio.CancelledError):
            await (await making).close()
    assert descriptors() == before
    os.close(null)
    assert (running(), groups()) == ([], [])


async def test_what_can_not_be_made_leaves_nothing(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = descriptors()
    broken = tmp_path / "opening.py"
    broken.write_text("raise SystemExit(1)")
    monkeypatch.setattr(launch, "OPENING", broken)
    with pytest.raises(TollwayError, match="could not be made"):
        await run("true")
    assert (descriptors(), groups()) == (before, [])


HOST = """
import asyncio, os, sys
sys.path[:0] = [{tests!r}]
from ns_ground import order
from tollway.sandbox.ns.tier import tier
from tollway.sandbox.order import Streams

async def main():
    null = os.open("/dev/null", os.O_RDWR)
    box = await tier().box(order("sh", "-c", "setsid sleep {mark} & echo go; sleep {mark}"),
                           Streams(null, 1, null))
    await box.run()

asyncio.run(main())
"""


def test_a_host_that_is_killed_leaves_nothing_running() -> None:
    script = HOST.format(tests=str(Path(__file__).parent), mark=MARK)
    host = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert host.stdout
    assert host.stdout.read(3) == b"go\n"
    inside = running()
    assert len(inside) > 2
    host.kill()
    host.wait()
    host.stdout.close()
    until = time.monotonic() + 10
    while running() and time.monotonic() < until:
        time.sleep(0.01)  # the kernel tells nobody of a stranger's end
    assert running() == []
    left = [at for at in _all_groups() if f"-{host.pid}-" in at.name]
    assert len(left) == len({folder for folder, _ in ground().folders.values()})
    ground().sweep()
    assert not [at for at in left if at.exists()]


def _all_groups() -> list[Path]:
    folders = {folder for folder, _ in ground().folders.values()}
    return [at for folder in folders for at in folder.glob("tollway-*")]


def test_groups_of_the_living_are_not_swept() -> None:
    place = ground()
    if not place.folders:
        pytest.skip("no cgroup may be made here")
    group = Group(place, own_name(), Limits(), frozenset())
    place.sweep()
    assert groups()
    group.remove()
    assert groups() == []
