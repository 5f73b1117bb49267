"""A long run at a terminal: how far it is, and an end that keeps what is done.

Rules
1. The first Ctrl-C or SIGTERM lets the run end politely; a second one does not wait.
2. Nothing is said in the first two seconds, where no terminal looks, or twice in half a second.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

QUIET = 2.0
"""Seconds without a word."""

EVERY = 0.5


class Stoppable:
    """Whether to go on, and a line that says how far it is."""

    def __init__(self) -> None:
        self.stopped = False
        self._next = time.monotonic() + QUIET
        self._shown = False

    def say(self, words: Callable[[], str]) -> None:
        """Show how far it is, now and then (rule 2); `words` are made only then."""
        now = time.monotonic()
        if now >= self._next and sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{words()}")
            sys.stderr.flush()
            self._next, self._shown = now + EVERY, True

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Rule 1."""
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")


Run = TypeVar("Run", bound=Stoppable)


@contextmanager
def stopping(run: Run) -> Iterator[Run]:
    """Within this context a signal stops the run politely."""
    before = {number: signal.signal(number, run.stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield run
    finally:
        run.end()
        for number, handler in before.items():
            signal.signal(number, handler)
