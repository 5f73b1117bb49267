"""A terminal that is taken over for a while, and given back on every way out.

Rules
1. The other screen is used, and the cursor hidden; what was there before comes back, also after
   Ctrl-C, SIGTERM, SIGHUP, an error, and while the job is stopped by Ctrl-Z.
2. Signals only leave a note: what they mean is decided between two frames.
3. A frame writes the rows that have changed, in one write.
"""

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Self

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"
_LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l"
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NOTED = (*_ENDING, signal.SIGWINCH, signal.SIGTSTP)

KEYS = {
    "\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left",
    "\x1bOA": "up", "\x1bOB": "down", "\x1bOC": "right", "\x1bOD": "left",
}  # fmt: skip


def is_interactive() -> bool:
    """Whether somebody looks and may press keys."""
    return sys.stdin.isatty() and sys.stdout.isatty()


class Terminal:
    """Keys, size and rows of the terminal at standard input and output. `ended` is the signal that
    asked to end."""

    def __init__(self) -> None:
        self._in, self._out = sys.stdin.fileno(), sys.stdout.fileno()
        self._before = termios.tcgetattr(self._in)
        self._wake_read, self._wake_write = os.pipe()
        self._handlers: dict[int, object] = {}
        self._rows: list[str] = []
        self._stop = False
        self.ended: int | None = None
        self.resized = True

    def __enter__(self) -> Self:
        for end in (self._wake_read, self._wake_write):
            os.set_blocking(end, False)
        self._old_wake = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in _NOTED:
            self._handlers[number] = signal.signal(number, self._note)
        self._take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._give_back()
        signal.set_wakeup_fd(self._old_wake)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # pyright: ignore[reportArgumentType]
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Rule 2."""
        if number == signal.SIGWINCH:
            self.resized = True
        elif number == signal.SIGTSTP:
            self._stop = True
        else:
            self.ended = number

    def _take(self) -> None:
        tty.setcbreak(self._in, termios.TCSADRAIN)
        self._write(_ENTER)
        self.resized = True

    def _give_back(self) -> None:
        try:
            self._write(_LEAVE)
        except OSError:  # the terminal is gone: there is nothing to give back
            return
        termios.tcsetattr(self._in, termios.TCSADRAIN, self._before)

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        while data:
            data = data[os.write(self._out, data) :]

    def size(self) -> tuple[int, int]:
        """Columns and rows, at least one of each. After a change of size everything is drawn
        anew: a terminal may have wrapped what stood there."""
        if self.resized:
            self._rows, self.resized = [], False
        width, height = os.get_terminal_size(self._out)
        return max(1, width), max(1, height)

    def draw(self, rows: Sequence[str]) -> None:
        """Show these rows, from the top (rule 3)."""
        if len(rows) != len(self._rows):
            self._write("\x1b[2J")
            self._rows = ["\0"] * len(rows)
        changed = [
            f"\x1b[{at + 1};1H{row}\x1b[0m\x1b[K"
            for at, (row, old) in enumerate(zip(rows, self._rows, strict=True))
            if row != old
        ]
        if changed:
            self._write("".join(changed))
            self._rows = list(rows)

    def keys(self, timeout: float) -> list[str]:
        """What was pressed within so many seconds, by name or as a character; a signal ends the
        wait."""
        ready, _, _ = select.select([self._in, self._wake_read], [], [], max(0.0, timeout))
        if self._wake_read in ready:
            os.read(self._wake_read, 512)
        if self._stop:
            self._pause()
        if self._in not in ready:
            return []
        data = os.read(self._in, 512).decode("utf-8", "replace")
        if not data:  # nobody is there any more
            self.ended = signal.SIGHUP
        return _named(data)

    def _pause(self) -> None:
        """Ctrl-Z: give the terminal back, stop, and take it again once the job goes on."""
        self._stop = False
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._note)
        self._take()


def _named(data: str) -> list[str]:
    found: list[str] = []
    while data:
        name = KEYS.get(data[:3])
        found.append(name or data[0])
        data = data[3 if name else 1 :]
    return found
