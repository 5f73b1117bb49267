"""What a sandbox prints, led to the caller's own descriptors, counted and bounded.

Rules
1. The caller's descriptors stay as they are: they are shared with the caller's shell, so they are
   written to by a thread that may block, and never made non-blocking.
2. A reader that is gone ends the relay, so that the command meets it as it would outside: SIGPIPE.
3. Past `Limits.output` bytes of all streams together nothing more is written, and `full` is set.
"""

import asyncio
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress

from tollway.sandbox.defences import ALL, Defences
from tollway.sandbox.order import Limits

CHUNK = 1 << 16


class Printing:
    """The output of one sandbox. `printed` is bytes of all streams; `full` that the bound is met,
    for a loop to wait for. Made on the loop."""

    def __init__(self, limits: Limits, defences: Defences = ALL) -> None:
        self._most = int(limits.output) if defences.output else None
        self._counting = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self.printed = 0
        self.full = asyncio.Event()

    async def copy(self, source: int, to: int, sift: Callable[[bytes], bytes] = bytes) -> None:
        """Relay all that comes from the descriptor `source`, which is closed at the end; of each
        chunk what `sift` makes of it. Cancelled, it returns at once and leaves the thread to its
        end."""
        over = asyncio.Event()
        thread = threading.Thread(target=self._relay, args=(source, to, sift, over), daemon=True)
        thread.start()
        await over.wait()

    def write(self, to: int, data: bytes) -> bool:
        """Write to a descriptor; blocks. False: nothing more is to be written there, since the
        bound is met or the reader gone."""
        allowed = self._take(len(data))
        whole = allowed == len(data)
        if not whole:
            self._tell(self.full)
        return _written(to, memoryview(data)[:allowed]) and whole

    def _take(self, size: int) -> int:
        with self._counting:
            allowed = size if self._most is None else min(size, self._most - self.printed)
            self.printed += allowed
        return allowed

    def _relay(
        self, source: int, to: int, sift: Callable[[bytes], bytes], over: asyncio.Event
    ) -> None:
        try:
            # EIO is how a pty says that its last user is gone.
            with suppress(OSError):
                while (data := os.read(source, CHUNK)) and self.write(to, sift(data)):
                    pass
        finally:
            os.close(source)
            self._tell(over)

    def _tell(self, event: asyncio.Event) -> None:
        with suppress(RuntimeError):  # the loop is over, and so is whoever would wait
            self._loop.call_soon_threadsafe(event.set)


def _written(to: int, data: memoryview) -> bool:
    while data:
        try:
            data = data[os.write(to, data) :]
        except BlockingIOError:
            ready = select.poll()
            ready.register(to, select.POLLOUT)
            ready.poll()
        except OSError:
            return False
    return True
