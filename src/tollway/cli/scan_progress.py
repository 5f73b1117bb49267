"""How much of the logs was read, on standard error; not before two seconds, nor off a terminal."""

import sys
import time
from types import TracebackType
from typing import Final, Self

QUIET: Final = 2.0
"""Seconds without a word."""
EVERY: Final = 0.2


class Progress:
    """Counts bytes as they are read."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._next = time.monotonic() + QUIET
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")

    def read(self, more: int) -> None:
        """So many more bytes."""
        self._done += more
        now = time.monotonic()
        if now < self._next or not sys.stderr.isatty():
            return
        share = min(1.0, self._done / max(1, self._total))
        total = self._total / 1e6
        sys.stderr.write(f"\r\x1b[K{share:4.0%} of {total:,.0f} MB read; Ctrl-C ends the reading")
        sys.stderr.flush()
        self._next, self._shown = now + EVERY, True
