"""Runs the process that serves packages: signals, standard input, its end."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tollway.errors import TollwayError
from tollway.gateway.log import Log
from tollway.gateway.memory import keep_private
from tollway.ledger.state import make_state_folder, state_folder


def need_index() -> None:
    """Say what is missing where the libraries of the extra are not there.

    Raises:
        TollwayError: they are not.
    """
    try:
        import httpx2  # noqa: F401
        import packaging  # noqa: F401
        import starlette  # noqa: F401
    except ImportError:
        raise TollwayError(
            'The package index needs further libraries. Run: pip install "tollway[index]"'
        ) from None


def serve_index(fleet: Path, state: str | None, until_eof: bool) -> int:
    """Serve until a signal, or the end of standard input."""
    need_index()
    keep_private()
    folder = make_state_folder(state_folder(state, os.environ))
    asyncio.run(_serve(fleet, folder, until_eof))
    return 0


async def _serve(fleet: Path, folder: Path, until_eof: bool) -> None:
    from tollway.index.house import House

    log = Log(time.time)
    loop = asyncio.get_running_loop()
    over, changed = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    loop.add_signal_handler(signal.SIGHUP, changed.set)
    async with House(fleet, folder, log, time.time) as house:
        mode = house.stock.means.settings.mode
        log.say(f"index: mode {mode}: {house.url}/pypi/simple/ and {house.url}/npm/")
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
