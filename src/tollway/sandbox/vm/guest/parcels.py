"""Files and folders as one stream of bytes: a line of JSON each, then as many bytes as it says.

Rules
1. A line is `{"path": [..], "kind": "file" | "folder" | "link" | "other", "size": N, "mode": N}`,
   at most `LINE` bytes; names that are no UTF-8 have their odd bytes as lone surrogates.
2. An empty line is the end.
"""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LINE = 16 << 10
CHUNK = 32 << 10


class Unreadable(Exception):  # noqa: N818  # what is the case
    """What came is no parcel."""


class Unpacking:
    """Takes a stream as it comes and gives what it holds, piece by piece."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0
        self.over = False

    def feed(self, data: bytes) -> "Iterator[dict[str, Any] | bytes]":
        """Heads and, after those of files, pieces of their bytes; an empty piece ends each file.

        Raises:
            Unreadable: it is no parcel, or goes on after its end.
        """
        self._buffer += data
        while self._buffer:
            if self.over:
                raise Unreadable("more after the end")
            if self._left:
                piece = bytes(self._buffer[: self._left])
                del self._buffer[: len(piece)]
                self._left -= len(piece)
                yield piece
                if not self._left:
                    yield b""
                continue
            cut = self._buffer.find(b"\n")
            if cut < 0:
                if len(self._buffer) > LINE:
                    raise Unreadable("a line without end")
                return
            line = bytes(self._buffer[:cut])
            del self._buffer[: cut + 1]
            if not line:
                self.over = True
                continue
            yield from self._head(line)

    def _head(self, line: bytes) -> "Iterator[dict[str, Any] | bytes]":
        head = read_head(line)
        yield head
        if head["kind"] == "file":
            self._left = head["size"]
            if not self._left:
                yield b""


def read_head(line: bytes) -> "dict[str, Any]":
    """A line's head, every field of the right type.

    Raises:
        Unreadable: it is none.
    """
    if len(line) > LINE:
        raise Unreadable("a line that is too long")
    try:
        head = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Unreadable("a line that is no JSON") from error
    if not isinstance(head, dict):
        raise Unreadable("a line that is no object")
    path, size = head.get("path"), head.get("size", 0)
    if not isinstance(path, list) or not all(isinstance(it, str) for it in path):
        raise Unreadable("a path that is none")
    if type(size) is not int or not 0 <= size < 1 << 53:
        raise Unreadable("a size that is none")
    if head.get("kind") not in ("file", "folder", "link", "other"):
        raise Unreadable("a kind that is none")
    mode = head.get("mode", 0)
    return {
        "path": path,
        "kind": head["kind"],
        "size": size,
        "mode": mode if type(mode) is int else 0,
        "target": str(head.get("target", "")),
    }


def head_line(
    path: "list[str]", kind: str, size: int = 0, mode: int = 0, target: str = ""
) -> bytes:
    """One line."""
    head = {"path": path, "kind": kind, "size": size, "mode": mode}
    if target:
        head["target"] = target
    return json.dumps(head).encode() + b"\n"


END = b"\n"


def packed(top: Path, names: "list[str]") -> Iterator[bytes]:
    """A file or folder and all below it, as pieces of a stream, its path beginning with `names`.

    Raises:
        OSError: something cannot be read, or changes while it is.
    """
    found = top.lstat()
    if stat.S_ISREG(found.st_mode):
        yield from _file(top, names, found)
    elif stat.S_ISDIR(found.st_mode):
        yield head_line(names, "folder", 0, stat.S_IMODE(found.st_mode))
        for entry in sorted(os.listdir(top)):  # noqa: PTH208  # names alone
            yield from packed(top / entry, [*names, entry])
    elif stat.S_ISLNK(found.st_mode):
        yield head_line(names, "link", target=os.readlink(top))  # noqa: PTH115  # as it stands
    else:
        yield head_line(names, "other")


def _file(top: Path, names: "list[str]", found: os.stat_result) -> Iterator[bytes]:
    with os.fdopen(os.open(top, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        left = found.st_size
        yield head_line(names, "file", left, stat.S_IMODE(found.st_mode))
        while left:
            piece = file.read(min(left, CHUNK))
            if not piece:
                raise OSError(f"{top}: grew shorter while it was read")
            left -= len(piece)
            yield piece
