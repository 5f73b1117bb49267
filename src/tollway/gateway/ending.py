"""How a process of the gateway comes to its end.

Rules
1. Asked once, it takes no new work and lets streams end within the drain time; what is left then
   ends with an error event.
2. Asked twice, it ends at once, and still says so to every client.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

from tollway.gateway.client import Front
from tollway.gateway.switchboard import Switchboard

LAST_BYTES = 2.0
"""Seconds that clients may take, at the end, to read what has been written for them."""
_POLL = 0.02


AT_ONCE = signal.SIGUSR1
"""What a supervisor sends its children for the second asking."""


class Ending:
    """How often the end was asked for. To be made within the running loop."""

    def __init__(self) -> None:
        self.asked = 0
        self._begun = asyncio.Event()
        self._at_once = asyncio.Event()

    def ask(self) -> None:
        """End; asked again, at once."""
        self.asked += 1
        self._begun.set()
        if self.asked > 1:
            self._at_once.set()

    def ask_at_once(self) -> None:
        """End at once, whatever was asked before."""
        self.asked = max(self.asked, 1)
        self.ask()

    async def begun(self) -> None:
        """Wait until the end is asked for."""
        await self._begun.wait()

    async def wait(self, what: Callable[[], bool], patience: float) -> None:
        """Wait for something, at most so many seconds, and no longer than a second asking."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not what() and not self._at_once.is_set():  # noqa: ASYNC110 - rare turns
                    await asyncio.sleep(_POLL)

    def last_wait(self) -> None:
        """What is waited for from now on, is so also after a second asking."""
        self._at_once.clear()


async def drain(
    front: Front, board: Switchboard, ending: Ending, patience: float, say: Callable[[str], None]
) -> None:
    """End all clients of this process, by the rules."""
    until = board.clock() + patience

    def over() -> bool:
        if board.live:
            return False
        # An answer that began before the end was asked for, has let its client keep the connection.
        front.drain()
        return not front.connections

    say(f"stopping: {len(board.live)} requests may end within {patience:g} s")
    front.drain()
    # An answer that is whole may still be on its way to a client that reads slowly.
    await ending.wait(over, patience)
    if board.live:
        say(f"stopping: {len(board.live)} requests are ended now")
        board.stop()
    front.drain()
    ending.last_wait()
    rest = max(LAST_BYTES, 0.0 if ending.asked > 1 else until - board.clock())
    await ending.wait(lambda: not front.connections, rest)
    for connection in list(front.connections):
        connection.abort()
