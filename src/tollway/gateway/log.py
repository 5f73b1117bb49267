"""One line for each thing that an operator should know, on standard error.

Rules
1. Plain text with the UTC time; a line is one line, whatever is in it, and no line speaks to the
   terminal that shows it.
2. Never a prompt, a key or a credential.
3. A line that cannot be written (a full disk, a closed terminal) is lost, and stops nothing.
"""

import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO


class Log:
    """Writes lines to `stream`."""

    def __init__(self, utc: Callable[[], float], stream: TextIO | None = None) -> None:
        self._utc = utc
        self._stream = stream

    def say(self, words: str) -> None:
        """One line."""
        at = datetime.fromtimestamp(self._utc(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        stream = self._stream or sys.stderr
        line = " ".join(words.split())
        if not line.isprintable():
            line = "".join(letter if letter.isprintable() else "?" for letter in line)
        with suppress(OSError, ValueError):
            stream.write(f"{at} {line}\n")
            stream.flush()

    def fault(self, error: BaseException) -> None:
        """A fault of ours: where it happened and of what type. Its text is left out, because an
        exception may quote what it choked on (rule 2)."""
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
        self.say(f"fault in the gateway: {type(error).__name__} at {where or 'unknown'}")
