"""Digests of what was run: the program, and what was mounted."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tollway.sandbox.inside import PATH
from tollway.sandbox.order import Order

_MOST_FILES = 5_000
_MOST_BYTES = 256 << 20


def digests(order: Order, *, shown: bool) -> Mapping[str, str]:
    """SHA-256, hex, by path: of the program, where it is a file of the host that is `shown`, and of
    each read-only mount. A folder's is over its files' names and bytes; one of over 5,000 files or
    256 MiB has none. Slow: it reads all of it."""
    found: dict[str, str] = {}
    program = _program(order, shown=shown)
    if program is not None:
        found[order.argv[0]] = _of_file(program)
    for mount in order.mounts:
        if not mount.writable:
            digest = _of_tree(mount.source)
            if digest is not None:
                found[mount.target] = digest
    return found


def _program(order: Order, *, shown: bool) -> Path | None:
    name = order.argv[0]
    for mount in order.mounts:
        inside = Path(name)
        if inside.is_absolute() and inside.is_relative_to(mount.target):
            return _file(mount.source / inside.relative_to(mount.target))
    if not shown or (name.startswith("/") and not name.startswith(("/usr/", "/bin/", "/lib"))):
        return None
    found = shutil.which(name, path=PATH)
    return None if found is None else _file(Path(found))


def _file(path: Path) -> Path | None:
    return path if path.is_file() else None


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_tree(root: Path) -> str | None:
    if root.is_file():
        return _of_file(root)
    digest, size = hashlib.sha256(), 0
    for files, path in enumerate(_files(root)):
        size += path.stat().st_size
        if files >= _MOST_FILES or size > _MOST_BYTES:
            return None
        name = os.fsencode(path.relative_to(root))
        digest.update(b"%d:%b%b" % (len(name), name, bytes.fromhex(_of_file(path))))
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path
