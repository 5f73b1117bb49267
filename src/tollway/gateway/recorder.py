"""Writes what dispatch was told and what it decided to a file, beside the road.

Rules
1. Encoding happens at once, writing in a thread and in order, about once a second.
2. A recording that cannot be written ends, with a line in the log; the gateway goes on.
3. Nothing but a recording is appended to: a file of another kind is somebody's.
4. A last line that a crash tore is cut off at the next start: nothing can be appended to it.
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from tollway.dispatch.messages import Action, Event
from tollway.dispatch.opening import Opening
from tollway.dispatch.recording import encode_adopted, encode_header, encode_step
from tollway.errors import TollwayError
from tollway.gateway.log import Log

_PRIVATE = 0o600
_BLOCK = 1 << 16
_LARGEST = 1024 * 1024 * 1024
"""Bytes of a recording, so that a forgotten one does not fill the disk of a ledger."""
_MOST_WAITING = 64 * 1024 * 1024
"""Bytes that may wait for a slow disk."""


class Recorder:
    """A recording in `path`, appended to."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path = path
        self._log = log
        self._waiting = bytearray()
        self._size = 0
        self._writing: asyncio.Future[None] | None = None
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._descriptor: int | None = os.open(path, flags, _PRIVATE)
            if os.pread(self._descriptor, 1, 0) not in (b"", b"{"):
                os.close(self._descriptor)
                raise TollwayError(f"{path}: is not a recording. Name another file.")
            _cut_torn_line(self._descriptor)
            self._size = os.fstat(self._descriptor).st_size
        except OSError as error:
            raise TollwayError(
                f"{path}: the recording cannot be written: {error.strerror}. Name another file in "
                "gateway.recording, or leave it out."
            ) from error

    def begin(self, documents: Mapping[str, str], main: str, opening: Opening, now: float) -> None:
        """The first line of a run, written before anything is served: without it, what follows
        could not be replayed."""
        self._add(encode_header(documents, main, opening, now))
        if self._descriptor is not None:
            data, self._waiting = self._waiting, bytearray()
            try:
                _write_all(self._descriptor, data)
            except OSError as error:
                self._end(type(error).__name__)

    def step(self, now: float, event: Event, actions: list[Action]) -> None:
        """One event and what dispatch answered with."""
        self._add(encode_step(now, event, actions))

    def adopted(
        self, now: float, documents: Mapping[str, str], main: str, actions: list[Action]
    ) -> None:
        """A reload."""
        self._add(encode_adopted(now, documents, main, actions))

    def _add(self, line: bytes) -> None:
        if self._descriptor is None:
            return
        self._waiting += line
        self._size += len(line)
        if self._size > _LARGEST:
            self._end("it has reached 1 GiB; move it away and start again for more")
        elif len(self._waiting) > _MOST_WAITING:
            self._end("the disk is too slow")

    def flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write what waits, in a thread."""
        if self._descriptor is None or not self._waiting or self._writing is not None:
            return
        data, self._waiting = self._waiting, bytearray()
        self._writing = loop.run_in_executor(None, _write_all, self._descriptor, data)
        self._writing.add_done_callback(self._written)

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._writing = None
        if not writing.cancelled() and writing.exception() is not None:
            self._end(type(writing.exception()).__name__)

    async def close(self) -> None:
        """Write what is left."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            _write_all(descriptor, self._waiting)
        except OSError as error:
            self._log.say(f"{self._path}: the recording lacks its end: {error.strerror}")
        os.close(descriptor)

    def _end(self, why: str) -> None:
        descriptor, self._descriptor = self._descriptor, None
        self._waiting.clear()
        if descriptor is not None:
            self._log.say(f"{self._path}: the recording ends here: {why}")
            if self._writing is None:
                os.close(descriptor)


def _cut_torn_line(descriptor: int) -> None:
    end = os.fstat(descriptor).st_size
    at = end
    while at > 0:
        start = max(0, at - _BLOCK)
        found = os.pread(descriptor, at - start, start).rfind(b"\n")
        at = start + found + 1 if found >= 0 else start
        if found >= 0:
            break
    if at < end:
        os.ftruncate(descriptor, at)


def _write_all(descriptor: int, data: bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
