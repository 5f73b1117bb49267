"""The lock is held against files beside the event loop: once for all who look, and kept while it
holds."""

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from console_site import FLEET

from tollway.console import verification
from tollway.console.clocks import Clocks
from tollway.console.verification import UnderWay, Verification, Verified
from tollway.inspect.fleetfile import read_fleet
from tollway.pins.finding import Findings
from tollway.pins.lock import Lock, lock_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fleet.toml").write_text(FLEET)
    (tmp_path / "ai.lock").write_text(lock_text(Lock()))
    return tmp_path


class Looking:
    """Stands for the look at the files: counts, and waits where it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.go = threading.Event()
        self.go.set()

    def __call__(self, fleet: Any, path: Path, lock: Any, tools: Any, hashing: Any) -> Findings:
        self.count += 1
        with hashing(100) as hashed:
            hashed(40)
            assert self.go.wait(30)
            hashed(60)
        return Findings(looked=self.count)


async def test_many_who_look_are_one_look_which_is_kept_until_a_file_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, now = Looking(), [0.0]
    monkeypatch.setattr(verification, "look", looking)
    file = folder / "fleet.toml"
    fleet = read_fleet(file)
    kept = Verification(file, Clocks(lambda: 0.0, lambda: now[0]))
    found = await asyncio.gather(*(kept.state(fleet) for _ in range(20)))
    assert looking.count == 1
    assert {type(it) for it in found} == {Verified}
    await kept.state(fleet)
    assert looking.count == 1
    os.utime(folder / "ai.lock", (1, 1))
    await kept.state(fleet)
    assert looking.count == 2
    now[0] += 301.0
    await kept.state(fleet)
    assert looking.count == 3
    await kept.close()


async def test_a_long_look_blocks_nobody_tells_how_far_it_is_and_ends_with_the_console(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = Looking()
    looking.go.clear()
    monkeypatch.setattr(verification, "look", looking)
    monkeypatch.setattr(verification, "PATIENCE", 0.2)
    file = folder / "fleet.toml"
    fleet = read_fleet(file)
    kept = Verification(file, Clocks(lambda: 0.0, lambda: 0.0))
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    assert await kept.state(fleet) == UnderWay(40, 100)
    assert ticks > 3  # the event loop went on
    ticking.cancel()
    closing = asyncio.create_task(kept.close())
    await asyncio.sleep(0)
    looking.go.set()
    async with asyncio.timeout(10):
        await closing
    assert isinstance(await kept.state(fleet), Verified)
