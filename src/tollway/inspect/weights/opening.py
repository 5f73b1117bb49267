"""Opens files by pieces, and walks a folder without following a link."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tollway.pins.weights.look import Piece
from tollway.pins.weights.reader import Reader, Unreadable

MOST_FILES = 100_000
MOST_READ = 1 << 30  # bytes of one read: a count in a file cannot take more memory than that
# What git keeps beside a model: its hooks are scripts, and no loader reads there.
IGNORED = frozenset({".git"})


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A regular file. Each read opens nothing anew: the descriptor is held."""

    descriptor: int
    size: int

    def read(self, offset: int, count: int) -> bytes:
        wanted = min(max(0, count), max(0, self.size - offset))
        if wanted > MOST_READ:
            raise Unreadable(f"a part of it is {wanted:,} bytes long")
        held = os.pread(self.descriptor, wanted, offset)
        parts = [held]
        while held and sum(map(len, parts)) < wanted:
            held = os.pread(self.descriptor, wanted - sum(map(len, parts)), offset + len(held))
            parts.append(held)
        return b"".join(parts) if len(parts) > 1 else held

    def __del__(self) -> None:
        os.close(self.descriptor)


def open_file(path: Path) -> Reader:
    """A regular file, never a link; Unreadable says why not."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(
            f"it cannot be opened: {(error.strerror or 'no reason').lower()}"
        ) from None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise Unreadable("it is no regular file")
    return OpenFile(descriptor, facts.st_size)


@dataclass(frozen=True, slots=True)
class Found:
    """What a walk came to: a piece to look at, or what cannot be looked at and why."""

    piece: Piece
    link: str = ""
    why: str = ""


def walk(path: Path) -> Iterator[Found]:
    """The files of a model, by their places within it. A file is its own one."""
    if not path.is_dir():
        # What the user names may be a link: a download cache is made of them.
        target = path.resolve()
        yield Found(Piece(path.name, lambda: open_file(target)))
        return
    root = path.resolve()
    count = 0
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders[:] = sorted(it for it in folders if it not in IGNORED)
        for name in sorted(names) + [it for it in folders if (Path(folder) / it).is_symlink()]:
            file = Path(folder) / name
            place = file.relative_to(root).as_posix()
            count += 1
            if count > MOST_FILES:
                piece = Piece(place, lambda file=file: open_file(file))
                yield Found(piece, why=f"there are more than {MOST_FILES:,} files")
                return
            yield _found(file, place, root)


def _found(file: Path, place: str, root: Path) -> Found:
    """A link within the model's own download (its `blobs` beside its `snapshots`) is followed."""
    if not file.is_symlink():
        return Found(Piece(place, lambda: open_file(file)))
    target = file.resolve()
    blobs = root.parent.parent / "blobs"
    if target.parent == blobs or (target.is_file() and target.is_relative_to(root)):
        return Found(Piece(place, lambda: open_file(target)))
    return Found(Piece(place, lambda: open_file(file)), link=str(target))


def _raise(error: OSError) -> None:
    raise error
