"""A command that gets a terminal of its own."""

import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ns_ground import order, with_all

from tollway.sandbox.order import Ended, Streams


@pytest.fixture
def pair() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal that stands for the caller's."""
    ends = os.openpty()
    yield ends
    for each in ends:
        os.close(each)


async def in_terminal(
    folder: Path, pair: tuple[int, int], script: str, typed: bytes = b""
) -> tuple[Ended, str]:
    ours, theirs = pair
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 33, 77, 0, 0))
    box = await with_all(folder).tier.box(
        replace(order("sh", "-c", script), terminal=True), Streams(theirs, theirs, theirs)
    )
    shown = b""
    try:
        running = asyncio.create_task(box.run())
        while b"ready" not in shown:
            shown += await asyncio.to_thread(os.read, ours, 1000)
        os.write(ours, typed)
        ended = await running
        os.set_blocking(ours, False)
        try:
            shown += os.read(ours, 10_000)
        except BlockingIOError:
            pass
        finally:
            os.set_blocking(ours, True)
    finally:
        await box.close()
    return ended, shown.decode()


async def test_it_is_a_terminal_with_the_callers_size(
    tmp_path: Path, pair: tuple[int, int]
) -> None:
    ended, shown = await in_terminal(
        tmp_path, pair, "stty size; test -t 0 && test -t 2; echo ready"
    )
    assert ended.code == 0
    assert "33 77" in shown


async def test_keys_are_passed_on_and_the_interrupt_key_is_the_commands(
    tmp_path: Path, pair: tuple[int, int]
) -> None:
    ended, _ = await in_terminal(tmp_path, pair, "echo ready; exec sleep 60", b"\x03")
    assert (ended.code, ended.why) == (130, "signal")


async def test_the_callers_terminal_is_as_it_was(tmp_path: Path, pair: tuple[int, int]) -> None:
    before = termios.tcgetattr(pair[1])
    await in_terminal(tmp_path, pair, "echo ready; stty raw")
    assert termios.tcgetattr(pair[1]) == before


async def test_the_terminal_is_another_one_than_the_callers(
    tmp_path: Path, pair: tuple[int, int]
) -> None:
    script = "tty; stat -L -c %t:%T:%i /proc/self/fd/0; echo ready"
    _, shown = await in_terminal(tmp_path, pair, script)
    callers = os.fstat(pair[1])
    assert f"{os.minor(callers.st_rdev):x}:{callers.st_ino}" not in shown


async def test_a_shell_has_job_control(tmp_path: Path, pair: tuple[int, int]) -> None:
    _, shown = await in_terminal(tmp_path, pair, "echo ready; bash -ic 'sleep 0 & wait; jobs'")
    assert "no job control" not in shown
