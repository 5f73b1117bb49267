"""The members of a wheel, an sdist or an npm tarball, read without unpacking anything.

Rules
1. Nothing is written to disk, no link is followed, no member is believed about its size.
2. An archive with a member that leads out of it, a link out of it, a device, a name twice or an
   encrypted member is refused; so is one that grows beyond its bounds, or that reads in two ways.
"""

import gzip
import hashlib
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import IO

from tollway.inspect.packages.one_reading import check_one_reading

LARGEST_KEPT = 2 << 20
"""Bytes up to which a member's content is kept; of larger ones only the digest is."""

_MOST_MEMBERS = 200_000
_MOST_BYTES = 8 << 30
_GROWTH = 300  # deflate reaches 1,032; code packs about 3 to 10 times
_SMALL = 256 << 20
_LONGEST_HEADER = 16 << 20
_CHUNK = 1 << 20


class HostileArchive(Exception):  # noqa: N818 - it says what the archive is
    """The archive is refused; the text says why, as a clause."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive. `sha256` is hex; `data` is None where it is larger than 2 MiB."""

    path: str
    size: int
    sha256: str
    data: bytes | None


def members(path: Path) -> dict[str, Member]:
    """Every file of an archive, by its path in it.

    Raises:
        HostileArchive: it breaks rule 2, or is broken.
    """
    limit = max(_SMALL, min(_MOST_BYTES, path.stat().st_size * _GROWTH))
    try:
        found = _zipped(path, limit) if zipfile.is_zipfile(path) else _tarred(path, limit)
        kept: dict[str, Member] = {}
        for member in found:
            if member.path in kept:
                raise HostileArchive(f"it has {member.path!r} twice")
            kept[member.path] = member
            if len(kept) > _MOST_MEMBERS:
                raise HostileArchive(f"it has more than {_MOST_MEMBERS} files")
    except (
        zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error,
        NotImplementedError, ValueError, RuntimeError, UnicodeError,
    ) as error:  # fmt: skip
        raise HostileArchive(f"it cannot be read: {error}") from None
    return kept


def _zipped(path: Path, limit: int) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
        check_one_reading(archive, raw)
        left = limit
        for info in archive.infolist():
            name = _inner(info.filename)
            if info.flag_bits & 1:
                raise HostileArchive(f"{name!r} is encrypted")
            if info.is_dir():
                continue
            mode = info.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise HostileArchive(f"{name!r} is a link or a device")
            with archive.open(info) as file:
                member = _read(name, file, left)
            left -= member.size
            yield member


def _tarred(path: Path, limit: int) -> Iterator[Member]:
    with (
        path.open("rb") as raw,
        _Bounded(raw, limit) as plain,
        tarfile.open(fileobj=plain, mode="r:", errorlevel=0) as archive,
    ):
        for info in archive:
            if not info.isdir():
                yield _tar_member(archive, info, limit)


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, limit: int) -> Member:
    name = _inner(info.name)
    if info.issym() or info.islnk():
        inner = _inner(normpath(join(dirname(name) if info.issym() else "", info.linkname)))
        data = f"link to {inner}\n".encode("utf-8", "replace")
        return Member(name, 0, hashlib.sha256(data).hexdigest(), data)
    file = archive.extractfile(info) if info.isreg() else None
    if file is None:
        raise HostileArchive(f"{name!r} is a device")
    return _read(name, file, limit)


def _inner(name: str) -> str:
    """A member's path, which stays within the archive."""
    path = normpath(name)
    parts = path.split("/")
    outside = path.startswith("/") or ".." in parts or (len(path) > 1 and path[1] == ":")
    if outside or "\\" in name or "\0" in name or not name:
        raise HostileArchive(f"{name[:200]!r} leads out of it")
    return path


def _read(name: str, file: IO[bytes], limit: int) -> Member:
    digest = hashlib.sha256()
    size = 0
    kept: list[bytes] | None = []
    while chunk := file.read(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise HostileArchive(f"it grows beyond {limit} bytes at {name!r}")
        digest.update(chunk)
        if kept is not None and size <= LARGEST_KEPT:
            kept.append(chunk)
        else:
            kept = None
    data = None if kept is None else b"".join(kept)
    return Member(name, size, digest.hexdigest(), data)


class _Bounded(gzip.GzipFile):
    """A stream that ends with a refusal where it grows too long, or one header of it does."""

    def __init__(self, raw: IO[bytes], limit: int) -> None:
        super().__init__(fileobj=raw)
        self._limit = limit

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0 or size > _LONGEST_HEADER:
            raise HostileArchive("a header of it is larger than 16 MiB")
        self._within(self.tell() + size)
        return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._within(offset)
        return super().seek(offset, whence)

    def _within(self, offset: int) -> None:
        if offset > self._limit + _LONGEST_HEADER:
            raise HostileArchive(f"it grows beyond {self._limit} bytes")
