"""What is not in the database yet, where a process that dies leaves it.

Rules
1. What `append` took outlives this process, however it ends: it is in the kernel's own memory
   of the file. Power loss may take it, as it may take the last moments of the database.
2. The file has its full size from the start. So a full disk shows when it is opened, and never
   while a record is being written.
3. Two halves take turns: one is written while the records of the other are being booked.
4. A record counts where its sum is right for its place and its turn. What a kill cut in two does
   not, and nothing behind it does.
"""

import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from struct import Struct, error
from typing import Final
from zlib import crc32

from tollway.errors import TollwayError
from tollway.ledger.state import FILE_MODE

HALF: Final = 2 * 1024 * 1024
"""Bytes of a half: some 4,000 requests; the database takes them many times a second."""

_RECORD: Final = Struct(">BIBI")  # length and sum, each behind MessagePack's mark of 32 bits
_MARK: Final = 0xCE
_HALF: Final = Struct("<Q")  # the turn that it was begun in; 0: nothing is in it
_BEGIN: Final = _HALF.size
_HEAD: Final = _RECORD.size


@dataclass(frozen=True)
class Span:
    """Records behind each other, each behind its length and its sum: from which byte of the file to
    which, and how many."""

    start: int
    end: int
    records: int


class JournalFullError(TollwayError):
    """Both halves are full: records come faster than the database takes them."""


class Journal:
    """The journal at `path`, made if need be. For the holder of the ledger's lock.

    Raises:
        OSError: it cannot be made or read.
    """

    __slots__ = ("_active", "_at", "_count", "_descriptor", "_half", "_map", "_salt", "_turn")

    def __init__(self, path: Path, half: int = HALF) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, FILE_MODE)
        try:
            os.posix_fallocate(self._descriptor, 0, 2 * half)
            self._map = mmap.mmap(self._descriptor, 2 * half)
        except BaseException:
            os.close(self._descriptor)
            raise
        self._half = half
        self._turn = max(self._turn_of(0), self._turn_of(1))
        self._salt = 0  # what sums begin with, so that they are right for one turn only
        self._active = 0
        self._at = _BEGIN
        self._count = 0

    @property
    def descriptor(self) -> int:
        """Of the file; who inherits it may read what `turn` says."""
        return self._descriptor

    @property
    def crowded(self) -> bool:
        """Whether the half that is being written is more than half full."""
        return self._at * 2 > self._half

    def append(self, record: bytes) -> None:
        """Keep a record.

        Raises:
            JournalFullError: there is no room; nothing was written.
        """
        size = len(record)
        at = self._at
        end = at + _HEAD + size
        if end > self._half:
            raise JournalFullError(
                "The ledger's disk does not keep up with the requests; try again in a moment."
            )
        if at == _BEGIN:
            self._begin()
        start = self._active * self._half
        self._map[start + at + _HEAD : start + end] = record
        _RECORD.pack_into(self._map, start + at, _MARK, size, _MARK, crc32(record, self._salt))
        self._at = end
        self._count += 1

    def turn(self) -> Span:
        """Write into the other half from now on, which has been cleared. Returns where the records
        of this one are, until `clear_other`."""
        start = self._active * self._half
        held = Span(start + _BEGIN, start + self._at, self._count)
        self._active = 1 - self._active
        self._at = _BEGIN
        self._count = 0
        return held

    def read(self, span: Span) -> bytes:
        """The records of a half that has not been cleared."""
        return self._map[span.start : span.end]

    def clear_other(self) -> None:
        """The records of the half that is not being written are booked."""
        _HALF.pack_into(self._map, (1 - self._active) * self._half, 0)

    def clear(self) -> None:
        """All records are booked."""
        for half in (0, 1):
            _HALF.pack_into(self._map, half * self._half, 0)
        self._at = _BEGIN
        self._count = 0

    def records(self) -> list[bytes]:
        """What is in it, in the order of appending."""
        found: list[bytes] = []
        for half in sorted((0, 1), key=self._turn_of):
            if self._turn_of(half):
                found += self._records_of(half)
        return found

    def close(self) -> None:
        """Let the file go."""
        self._map.close()
        os.close(self._descriptor)

    def _begin(self) -> None:
        self._turn += 1
        self._salt = self._turn & 0xFFFFFFFF
        _HALF.pack_into(self._map, self._active * self._half, self._turn)

    def _turn_of(self, half: int) -> int:
        turn: int = _HALF.unpack_from(self._map, half * self._half)[0]
        return turn

    def _records_of(self, half: int) -> list[bytes]:
        found: list[bytes] = []
        start, at = half * self._half, _BEGIN
        turn = self._turn_of(half) & 0xFFFFFFFF
        while at + _HEAD <= self._half:
            _, size, _, total = _RECORD.unpack_from(self._map, start + at)
            record = self._map[start + at + _HEAD : start + at + _HEAD + size]
            if size == 0 or at + _HEAD + size > self._half or crc32(record, turn) != total:
                break
            found.append(record)
            at += _HEAD + size
        return found


def turns_of(path: Path) -> tuple[int, int]:
    """The turn that each half of the journal at `path` is in; 0 where nothing is in it, and where
    there is no journal. What a half held is booked when its turn is another."""
    try:
        with path.open("rb") as file:
            first = file.read(_BEGIN)
            file.seek(file.seek(0, os.SEEK_END) // 2)
            return _HALF.unpack(first)[0], _HALF.unpack(file.read(_BEGIN))[0]
    except (OSError, error):
        return 0, 0
