"""Runs a server in the foreground until it is told to end.

Rules
1. SIGINT, SIGTERM and, where asked for, the end of standard input end it: a parent that dies takes
   it along.
2. SIGHUP has it read its files again; one that comes during a reading is not lost.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar


class Reloads(Protocol):
    """What can read its files again; False where it keeps what it had."""

    async def reload(self) -> bool: ...


Opened = TypeVar("Opened", bound=Reloads)


async def run_child(
    house: AbstractAsyncContextManager[Opened],
    greet: Callable[[Opened], None],
    *,
    until_eof: bool,
) -> None:
    """Open a house, `greet` once it serves, and close it when it is over."""
    over, changed = ending(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, changed.set)
    async with house as opened:
        greet(opened)
        if until_eof:
            set_at_eof(over)
        reloading = asyncio.create_task(_reload(changed, opened))
        await over.wait()
        reloading.cancel()


def ending() -> asyncio.Event:
    """What SIGINT and SIGTERM set from now on."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    return over


def set_at_eof(over: asyncio.Event) -> None:
    """Set it when standard input ends."""
    loop = asyncio.get_running_loop()

    # A thread, because an event loop cannot wait for a file, and standard input may be one.
    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=wait, daemon=True, name="stdin").start()


async def _reload(changed: asyncio.Event, opened: Reloads) -> None:
    while True:
        await changed.wait()
        changed.clear()
        await opened.reload()
