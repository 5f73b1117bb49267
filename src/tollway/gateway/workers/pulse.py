"""A child's sign of life, and how it notices that its supervisor is gone.

Rules
1. The sign comes from the event loop, so a loop that is blocked gives none.
2. A child whose supervisor is gone drains and ends, so that nothing is left running.
"""

import asyncio
import ctypes
import os
import signal
from contextlib import suppress

from tollway.errors import TollwayError
from tollway.gateway.ending import Ending

BEAT = b"."
FAULT = b"!"
_PR_SET_PDEATHSIG = 1


class Pulse:
    """The child's end of a pipe to its supervisor."""

    def __init__(self, descriptor: int, parent: int, every: float) -> None:
        self.parent = parent
        self._descriptor = descriptor
        self._every = every
        self._unheard = 0

    def orphaned(self) -> bool:
        """Whether the supervisor is gone."""
        return os.getppid() != self.parent

    def tie(self) -> None:
        """Be told by the kernel, with SIGTERM, when the supervisor dies; elsewhere than on Linux
        the broken pipe tells it, a beat later."""
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if self.orphaned():
            raise TollwayError("The supervisor is gone.")

    def begin(self, ending: Ending) -> None:
        """Beat, from now on, in the running loop."""
        self._beat(asyncio.get_running_loop(), ending)

    def _beat(self, loop: asyncio.AbstractEventLoop, ending: Ending) -> None:
        loop.call_later(self._every, self._beat, loop, ending)
        try:
            os.write(self._descriptor, BEAT)
        except BlockingIOError:
            return  # the supervisor is stopped, or slow: it has signs enough to read
        except OSError:
            # The kernel's signal comes first; asked twice, everything would end at once.
            self._unheard += 1
            if self._unheard == 2 and not ending.asked:
                ending.ask()

    def fault(self, words: str) -> None:
        """Say why this process cannot start."""
        with suppress(OSError):
            os.write(self._descriptor, FAULT + words.encode()[:4000])
