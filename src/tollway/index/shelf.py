"""Files that were fetched and proved, on the disk, by their digests.

Rules
1. A file is put on the shelf only with the digest that its index told, and read from it only after
   its bytes were hashed again.
2. The shelf is bounded: what was not asked for the longest goes first.
3. Everything here blocks: not for the event loop.
"""

import hashlib
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO

_CHUNK = 1 << 20
_PART = ".part"
_TOUCHED = 60.0
"""Seconds for which a file that was asked for need not be marked again."""


@dataclass(frozen=True, slots=True)
class Proved:
    """A file whose bytes were proved."""

    path: Path
    size: int


class Shelf:
    """The files of one folder, of at most `most` bytes together."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._lock = Lock()
        self._known: dict[tuple[Path, tuple[str, ...]], tuple[int, ...]] = {}
        """What a file was, when it was hashed last for these digests."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob(f"*{_PART}"):
            left.unlink(missing_ok=True)

    def fresh(self) -> IO[bytes]:
        """A file to write into; `put` it, or close it and it is gone."""
        return tempfile.NamedTemporaryFile(dir=self._folder, prefix="new-", suffix=_PART)

    def find(self, digests: tuple[str, ...]) -> Proved | None:
        """The file of all these digests, hashed again (rule 1)."""
        for digest in digests:
            path = self._path(digest)
            try:
                status = path.stat()
            except OSError:
                continue
            if self._known.get((path, digests)) != _state(status):
                if not _proves(path, (digest,)):
                    path.unlink(missing_ok=True)
                    continue
                if not _proves(path, digests):
                    continue  # one that somebody told another digest of
                self._known[path, digests] = _state(status)
            if status.st_mtime < time.time() - _TOUCHED:
                with suppress(OSError):
                    os.utime(path)  # it was asked for: rule 2
                    self._known[path, digests] = _state(path.stat())
            return Proved(path, status.st_size)
        return None

    def put(self, fetched: IO[bytes], digests: tuple[str, ...]) -> Proved:
        """Keep a file whose bytes were just proved to be of these digests."""
        fetched.flush()
        path = self._path(digests[0])
        os.fsync(fetched.fileno())
        with self._lock:
            spare = Path(f"{fetched.name}.kept{_PART}")
            spare.hardlink_to(fetched.name)
            spare.replace(path)
            status = path.stat()
            self._known[path, digests] = _state(status)
            self._make_room(path)
        return Proved(path, status.st_size)

    def _path(self, digest: str) -> Path:
        return self._folder / digest.replace(":", "-")

    def _make_room(self, keep: Path) -> None:
        held: list[tuple[float, int, Path]] = []
        for path in self._folder.iterdir():
            if not path.name.endswith(_PART):
                status = path.stat()
                held.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in held)
        for _, size, path in sorted(held):
            if total <= self._most:
                return
            if path != keep:
                path.unlink(missing_ok=True)
                total -= size


def digest_of(file: IO[bytes], kind: str) -> str:
    """The digest of a file from where it stands, as `kind:hex`."""
    running = hashlib.new(kind)
    while chunk := file.read(_CHUNK):
        running.update(chunk)
    return f"{kind}:{running.hexdigest()}"


def _proves(path: Path, digests: tuple[str, ...]) -> bool:
    for digest in digests:
        with path.open("rb") as file:
            if digest_of(file, digest.partition(":")[0]) != digest:
                return False
    return True


def _state(status: os.stat_result) -> tuple[int, ...]:
    """Another one where anybody has written the file."""
    return status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns
