"""A server in the foreground: what ends it, and what has it read its files again."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Self

import pytest

from tollway.cli.serving import run_child


class House:
    """Opened, closed, and read again so often. A reading lasts until `go`."""

    def __init__(self) -> None:
        self.open = False
        self.reading, self.go = asyncio.Event(), asyncio.Event()
        self.readings = 0

    async def __aenter__(self) -> Self:
        self.open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.open = False

    async def reload(self) -> bool:
        self.reading.set()
        await self.go.wait()
        self.readings += 1
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_a_signal_ends_it_and_the_house_is_closed(number: signal.Signals) -> None:
    house = House()
    greeted: list[bool] = []

    def greet(opened: House) -> None:
        greeted.append(opened.open)
        os.kill(os.getpid(), number)

    await asyncio.wait_for(run_child(house, greet, until_eof=False), 10)
    assert greeted == [True]
    assert not house.open


async def test_the_end_of_standard_input_ends_it_where_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    house = House()
    empty = tmp_path / "stdin"
    empty.touch()
    with empty.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        await asyncio.wait_for(run_child(house, lambda _: None, until_eof=True), 10)
        assert not house.open
        over = asyncio.create_task(run_child(house, lambda _: None, until_eof=False))
        done, _ = await asyncio.wait({over}, timeout=0.2)
        assert not done
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(over, 10)


async def test_a_hangup_during_a_reading_is_not_lost() -> None:
    house = House()
    running = asyncio.create_task(
        run_child(house, lambda _: os.kill(os.getpid(), signal.SIGHUP), until_eof=False)
    )
    await asyncio.wait_for(house.reading.wait(), 10)
    os.kill(os.getpid(), signal.SIGHUP)
    house.reading.clear()
    house.go.set()
    await asyncio.wait_for(house.reading.wait(), 10)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 10)
    assert house.readings == 2
