"""The proxy as a process: it opens, serves, reloads, ends.

Rules
1. It refuses to start where anything is missing, and says what: nothing passes by default.
2. A reload (SIGHUP) takes all of the new fleet file or nothing of it, and says why.
3. SIGTERM, SIGINT, or with `until_eof` the end of standard input, ends it.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tollway.egress.admin import doors
from tollway.egress.loading import events_file, load
from tollway.egress.server import EgressProxy
from tollway.errors import TollwayError
from tollway.gateway.log import Log
from tollway.gateway.memory import keep_private
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Teller
from tollway.ledger.guarded.tasks import Tasks


def serve(path: Path, folder: Path, *, until_eof: bool) -> int:
    """Serve until told to end. `folder` is the state folder.

    Raises:
        TollwayError: it cannot start.
    """
    keep_private()
    log = Log(time.time)
    book = GuardBook(folder / GUARD_BOOK)
    teller = Teller(book, log.say, events_file(path, folder))
    try:
        asyncio.run(_Process(path, folder, book, teller, log).run(until_eof))
    finally:
        teller.close()
        book.close()
    return 0


class _Process:
    def __init__(self, path: Path, folder: Path, book: GuardBook, teller: Teller, log: Log) -> None:
        self._path = path
        self._folder = folder
        self._book = book
        self._teller = teller
        self._log = log
        self._reloading: asyncio.Task[None] | None = None

    async def run(self, until_eof: bool) -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        means = load(self._path, self._folder, self._book, self._teller.tell)
        proxy = EgressProxy(means, self._book, self._log)
        own = doors(proxy, Tasks(self._book), self._folder, self._log)
        try:
            await own.listen()
            settings = means.settings
            port = await proxy.listen(settings.host, settings.port)
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, over.set)
            loop.add_signal_handler(signal.SIGHUP, lambda: self._reload(proxy))
            if until_eof:
                _call_at_eof(lambda: loop.call_soon_threadsafe(over.set))
            rules = len(settings.rules)
            self._log.say(f"egress: tasks connect to {settings.host}:{port}; {rules} rules")
            await over.wait()
        finally:
            await own.close()
            await proxy.close()

    def _reload(self, proxy: EgressProxy) -> None:
        self._reloading = asyncio.get_running_loop().create_task(self._reloaded(proxy))

    async def _reloaded(self, proxy: EgressProxy) -> None:
        loop = asyncio.get_running_loop()
        tell = self._teller.tell
        try:
            means = await loop.run_in_executor(
                None, load, self._path, self._folder, self._book, tell
            )
            proxy.use(means)
        except (TollwayError, OSError) as error:
            self._log.say(f"egress: nothing is changed, since the new file is refused: {error}")
        else:
            self._log.say(f"egress: reloaded; {len(means.settings.rules)} rules")


def _call_at_eof(ended: Callable[[], object]) -> None:
    # A thread, because an event loop cannot wait for a file, and standard input may be one.
    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        ended()

    threading.Thread(target=wait, daemon=True, name="stdin").start()
