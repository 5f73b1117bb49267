"""What is taken out of a sandbox: plain files and folders, within bounds, under safe names.

Rules
1. All or nothing: what is kept grows in a temporary folder beside the place it is for, and is
   renamed at the end. Whatever goes wrong, nothing is left there.
2. Only plain files and folders are kept. A link, device, pipe, socket or mount is left behind, and
   so is a name that a terminal, a shell or another system could misread; each with its reason.
3. Nothing that the sandbox says of a file is believed: modes are 0644 and 0755, and a size is what
   was read.
"""

import errno
import os
import stat
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Self

from tollway.errors import TollwayError
from tollway.sandbox.defences import ALL, Defences
from tollway.sandbox.order import WORK, Kept, Limits
from tollway.units import Bytes

Parts = tuple[bytes, ...]
"""The names from the kept path down to one thing in it, as the sandbox gave them; () is itself."""

CHUNK = 1 << 18
DEEPEST = 64
LONGEST = 3000
"""Bytes of a relative path, so that the whole one stays below Linux's PATH_MAX of 4096."""
REASONS = 1000
"""How many things left behind are named; a sandbox could leave 100,000."""

_ODD = {"Cc", "Cs", "Zl", "Zp"}
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Keeper:
    """Takes what is offered piece by piece and refuses what it must; `done` puts it in place."""

    def __init__(self, into: Path, limits: Limits, defences: Defences = ALL) -> None:
        """
        Raises:
            TollwayError: `into` is there already, or nothing can be written beside it.
        """
        if os.path.lexists(into):
            raise TollwayError(f"{into}: is there already. Name a path that is not there yet")
        self._into, self._limits, self._checks = into, limits, defences.outputs
        self._files: dict[str, tuple[Bytes, str]] = {}
        self._refused: dict[str, str] = {}
        self._unnamed = 0
        self._entries = 0
        self.room = int(limits.kept)
        """Bytes that may still be kept."""
        try:
            self._aside = Path(tempfile.mkdtemp(prefix=f".{into.name[:100]}.", dir=into.parent))
        except OSError as error:
            raise _unwritable(into, error) from error
        self._top = self._aside / "kept"

    def folder(self, parts: Parts) -> bool:
        """Keep a folder. False: refused, and nothing below it is to be offered."""
        if why := self._objection(parts):
            self.refused(parts, why)
            return False
        with _writing(self._into, self):
            self._at(parts).mkdir(mode=0o755)
        return True

    def file(self, parts: Parts, size: int, chunks: Iterable[bytes]) -> bool:
        """Keep a file of `size` bytes, as its owner says; what counts is what the chunks hold."""
        writing = self.begin(parts, size)
        if writing is None:
            return False
        try:
            return all(map(writing.write, chunks)) and writing.end()
        except BaseException:
            writing.drop("could not be read to its end")
            raise

    def begin(self, parts: Parts, size: int) -> "Writing | None":
        """Keep a file whose chunks come one after another; None: refused, and none need come."""
        if why := self._objection(parts) or self.too_large(size):
            self.refused(parts, why)
            return None
        with _writing(self._into, self):
            return Writing(self, parts, self._at(parts))

    def link(self, parts: Parts, target: bytes) -> None:
        """A symbolic link: refused."""
        if self._checks:
            self.refused(parts, "a symbolic link")
        else:
            self._at(parts).symlink_to(os.fsdecode(target))

    def refused(self, parts: Parts, why: str) -> None:
        """Note that something is left behind."""
        if len(self._refused) < REASONS:
            self._refused[shown(parts) or self._into.name] = why
        else:
            self._unnamed += 1

    def done(self) -> Kept:
        """Put it in place.

        Raises:
            TollwayError: `into` has come to be meanwhile, or there is nothing to keep.
        """
        if not self._top.exists():
            self.abandon()
            why = next(iter(self._refused.values()), "nothing was offered")
            raise TollwayError(f"{self._into}: nothing can be kept there: {why}")
        if os.path.lexists(self._into):
            self.abandon()
            raise TollwayError(f"{self._into}: came to be while the sandbox ran. Nothing was kept")
        with _writing(self._into, self):
            self._top.rename(self._into)
        self.abandon()
        more = {"...": f"and {self._unnamed} more"} if self._unnamed else {}
        return Kept(self._files, self._refused | more)

    def abandon(self) -> None:
        """Leave nothing of it. Idempotent; after `done` nothing more happens."""
        rmtree(self._aside, ignore_errors=True)

    def written(self, parts: Parts, size: int, digest: str) -> None:
        """A file is whole."""
        self._files[shown(parts) or self._into.name] = Bytes(size), digest

    def _at(self, parts: Parts) -> Path:
        return self._top.joinpath(*map(os.fsdecode, parts))

    def too_large(self, size: int) -> str:
        """Why so many bytes more are not kept; empty where they are."""
        if not self._checks or size <= self.room:
            return ""
        return f"{size} bytes, of the {self._limits.kept} that are kept {self.room} are left"

    def _objection(self, parts: Parts) -> str:
        if not self._checks:
            return ""
        if len(parts) > DEEPEST or sum(map(len, parts)) + len(parts) > LONGEST:
            return "too deep: its path is longer than is kept"
        if why := next(filter(None, map(odd_name, parts)), ""):
            return why
        if os.path.lexists(self._at(parts)):
            return "offered twice"
        if self._entries >= self._limits.kept_files:
            return f"more than the {self._limits.kept_files} files and folders that are kept"
        self._entries += 1
        return ""


class Writing:
    """One file that is being kept. After the first False, `end` or `drop`, it is over."""

    def __init__(self, keeper: Keeper, parts: Parts, path: Path) -> None:
        self._keeper, self._parts, self._path = keeper, parts, path
        self._size, self._digest = 0, sha256()
        self._file = path.open("xb", buffering=0)  # no buffer: closing it can not fail any more
        path.chmod(0o644)

    def write(self, chunk: bytes) -> bool:
        """Take one chunk. False: it went over a bound, and the file is left behind."""
        if why := self._keeper.too_large(len(chunk)):
            self.drop(why)
            return False
        with _writing(self._path, self._keeper):
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._file.write(rest) :]
        self._size += len(chunk)
        self._keeper.room -= len(chunk)
        self._digest.update(chunk)
        return True

    def end(self) -> bool:
        """The file is whole."""
        self._file.close()
        self._keeper.written(self._parts, self._size, self._digest.hexdigest())
        return True

    def drop(self, why: str) -> None:
        """Leave the file behind after all."""
        self._file.close()
        self._path.unlink(missing_ok=True)
        self._keeper.room += self._size
        self._keeper.refused(self._parts, why)


def keep_from(work: int, path: str, keeper: Keeper) -> None:
    """Offer `path` below the directory `work` (a descriptor) to a keeper, by descriptor, so that
    nothing that lies there can lead elsewhere.

    Raises:
        TollwayError: there is no such file or folder.
    """
    parts = inside(path)
    at = os.open(".", _DIRECTORY, dir_fd=work)
    try:
        for part in parts[:-1]:
            below = os.open(part, _DIRECTORY, dir_fd=at)
            os.close(at)
            at = below
        _offer(at, parts[-1] if parts else b".", (), keeper)
    except FileNotFoundError as error:
        raise TollwayError(f"{path}: no such file or folder in the sandbox's {WORK}") from error
    except (NotADirectoryError, OSError) as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        raise TollwayError(f"{path}: leads over a link or a file in the sandbox") from error
    finally:
        os.close(at)


def inside(path: str) -> Parts:
    """The names of a path below `WORK`, given as `out` or `/workspace/out`; `/workspace`
    itself is ().

    Raises:
        TollwayError: it is not below `WORK`.
    """
    whole = path if path.startswith("/") else f"{WORK}/{path}"
    parts = tuple(part for part in os.fsencode(whole).split(b"/") if part not in (b"", b"."))
    if b".." in parts or parts[:1] != (os.fsencode(WORK[1:]),):
        raise TollwayError(f"{path}: not below {WORK}. Only what is there can be kept")
    return parts[1:]


def odd_name(name: bytes) -> str:
    """Why a file's name is not taken over to the host; empty where it is."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return "its name is not UTF-8"
    if text in ("", ".", "..") or "/" in text:
        return "its name leads elsewhere"
    if len(name) > 255:
        return "its name is longer than 255 bytes"
    if any(unicodedata.category(letter) in _ODD for letter in text):
        return "its name has control characters"
    if any(unicodedata.bidirectional(letter) in _TURNING for letter in text):
        return "its name turns the direction of writing"
    return ""


def shown(parts: Parts) -> str:
    """A path as it is shown, on one line and with nothing that a terminal would obey."""
    text = b"/".join(parts).decode(errors="backslashreplace")
    if not any(map(odd_name, parts)):
        return text
    return text.encode("unicode_escape").decode()


def _offer(at: int, name: bytes, parts: Parts, keeper: Keeper) -> None:
    found = os.stat(name, dir_fd=at, follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode):
        with _Descriptor(name, at, _DIRECTORY) as below:
            if found.st_dev != os.fstat(at).st_dev:
                keeper.refused(parts, "a mount")
            elif keeper.folder(parts):
                for entry in sorted(map(os.fsencode, os.listdir(below))):  # noqa: PTH208  # a descriptor
                    _offer(below, entry, (*parts, entry), keeper)
    elif stat.S_ISREG(found.st_mode):
        with _Descriptor(name, at, _FILE) as file:
            keeper.file(parts, found.st_size, _chunks(file))
    elif stat.S_ISLNK(found.st_mode):
        keeper.link(parts, os.readlink(name, dir_fd=at))
    else:
        keeper.refused(parts, _KINDS.get(stat.S_IFMT(found.st_mode), "no plain file"))


_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _chunks(file: int) -> Iterator[bytes]:
    while chunk := os.read(file, CHUNK):
        yield chunk


class _Descriptor:
    """A descriptor for the length of a `with`."""

    def __init__(self, name: bytes, at: int, flags: int) -> None:
        self._fd = os.open(name, flags, dir_fd=at)

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


class _writing:  # noqa: N801  # reads as the verb it is
    """Turns a refused write into an error for the user, and leaves nothing behind."""

    def __init__(self, into: Path, keeper: Keeper) -> None:
        self._into, self._keeper = into, keeper

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, OSError):
            self._keeper.abandon()
            raise _unwritable(self._into, error) from error


def _unwritable(into: Path, error: OSError) -> TollwayError:
    mends = {
        errno.ENOSPC: "Free some space there or keep it elsewhere",
        errno.EDQUOT: "Free some of your quota there or keep it elsewhere",
        errno.ENOENT: f"Make {into.parent} first",
    }
    mend = mends.get(error.errno or 0, "Name a path that you may write to")
    return TollwayError(f"{into}: {error.strerror}; nothing was kept. {mend}")
