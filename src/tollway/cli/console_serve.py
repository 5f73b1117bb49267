"""Runs the process that serves the console: signals, standard input, its end."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tollway.gateway.log import Log
from tollway.gateway.memory import keep_private
from tollway.ledger.state import make_state_folder, state_folder


def serve_console(fleet: Path, state: str | None, until_eof: bool) -> int:
    """Serve until a signal, or the end of standard input."""
    keep_private()
    folder = make_state_folder(state_folder(state, os.environ))
    asyncio.run(_serve(fleet, folder, until_eof))
    return 0


async def _serve(fleet: Path, folder: Path, until_eof: bool) -> None:
    from tollway.console.house import Clocks, House

    log = Log(time.time)
    loop = asyncio.get_running_loop()
    over, changed = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    loop.add_signal_handler(signal.SIGHUP, changed.set)
    async with House(fleet, folder, log, Clocks(time.time, time.monotonic)) as house:
        log.say(f"console: {house.url}")
        if until_eof:
            _call_at_eof(lambda: loop.call_soon_threadsafe(over.set))
        reloading = asyncio.create_task(_reload(changed, house.reload))
        await over.wait()
        reloading.cancel()


async def _reload(changed: asyncio.Event, take: Callable[[], Awaitable[bool]]) -> None:
    while True:
        await changed.wait()
        changed.clear()
        await take()


def _call_at_eof(ended: Callable[[], object]) -> None:
    # A thread, because an event loop cannot wait for a file, and standard input may be one.
    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        ended()

    threading.Thread(target=wait, daemon=True, name="stdin").start()
