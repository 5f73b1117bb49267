"""Writes lines to standard output or to a file, beside the road.

Rules
1. Lines are written by a thread of their own, about once a second; what a slow disk or reader does
   not take is lost after `MOST_WAITING`, and counted.
2. A file that was moved away is begun anew, so that it can be rotated by its name.
3. Nothing is read back, and a file is made private: it says who asked for what, and when.
"""

import os
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Final

from tollway.errors import TollwayError
from tollway.gateway.log import Log

MOST_WAITING: Final = 16 * 1024 * 1024
"""Bytes of lines that may wait to be written."""
LAST_WORDS: Final = 2.0
"""Seconds that the last lines may take to be written."""
STDOUT: Final = "stdout"
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_PRIVATE: Final = 0o600


class LineWriter:
    """Lines for `path`; None is standard output.

    Raises:
        TollwayError: the file cannot be written.
    """

    def __init__(self, path: Path | None, log: Log) -> None:
        self._unfit = self._unwritten = 0
        self._path = path
        self._log = log
        self._lines: list[bytes] = []
        self._size = 0
        self._given = self._written = 0
        self._mute = False
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        try:
            self._descriptor = 1 if path is None else os.open(path, _FLAGS, _PRIVATE)
        except OSError as error:
            raise TollwayError(
                f"{path}: the request log cannot be written: {error.strerror}. Name another file "
                "in telemetry.request_log, or leave it out."
            ) from error
        # Not of the loop's own pool: a reader that has stopped must not keep us from ending.
        self._thread = Thread(target=self._run, name="request-log", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Lines that were not written."""
        return self._unfit + self._unwritten

    def add(self, line: bytes) -> None:
        """One line, without its end."""
        if self._size + self._given - self._written > MOST_WAITING:
            self._unfit += 1
            return
        self._lines.append(line)
        self._size += len(line) + 1

    def flush(self) -> None:
        """Hand over to the thread what waits."""
        if self._lines:
            lines, self._lines = self._lines, []
            lines.append(b"")
            self._given += self._size
            self._size = 0
            self._queue.put(b"\n".join(lines))

    def close(self) -> None:
        """Write what is left, within `LAST_WORDS`."""
        self.flush()
        self._queue.put(None)
        self._thread.join(LAST_WORDS)
        if self._thread.is_alive():
            self._log.say("the request log lacks its end: what reads it takes nothing")
        elif self._path is not None:
            os.close(self._descriptor)

    # --- in the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        while (data := self._queue.get()) is not None:
            try:
                self._reopen()
                view = memoryview(data)
                while view:
                    view = view[os.write(self._descriptor, view) :]
                self._mute = False
            except OSError as error:
                self._unwritten += data.count(b"\n")
                if not self._mute:
                    self._mute = True
                    self._log.say(f"the request log cannot be written: {error.strerror}")
            self._written += len(data)

    def _reopen(self) -> None:
        """Rule 2."""
        if self._path is None:
            return
        with suppress(FileNotFoundError):
            here, there = os.fstat(self._descriptor), self._path.stat()
            if (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev):
                return
        fresh = os.open(self._path, _FLAGS, _PRIVATE)
        os.close(self._descriptor)
        self._descriptor = fresh
