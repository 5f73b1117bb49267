"""Reads what a lock is made of: prompts, weights and packages beside a fleet file.

Rules
1. No link is followed: a file is what lies at its path, within the fleet file's folder.
2. Weights are hashed by several threads, since hashing leaves the interpreter free.
3. A file that changes while it is hashed is a fault.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path, PurePosixPath

from tollway.errors import Fault, FaultsFound
from tollway.fleet.objects import Fleet
from tollway.fleet.pinning import PinSettings
from tollway.inspect.baselines import usual_path
from tollway.pins.component import ModelApi, Package, PinnedFile
from tollway.pins.finding import Unaudited
from tollway.pins.lock import Lock

_CHUNK = 1 << 20
MOST_FILES = 100_000

Hashed = Callable[[int], None]
"""Told of bytes that have been hashed."""


def read_prompts(folder: Path, pins: PinSettings) -> tuple[PinnedFile, ...]:
    """The prompt files of a fleet file in `folder`, by their paths.

    Raises:
        FaultsFound: a pattern matches nothing, or a file cannot be read.
    """
    paths: dict[str, Path] = {}
    for index, pattern in enumerate(pins.prompts):
        place = f"pins.prompts[{index}]"
        wild = any(letter in pattern for letter in "*?[")
        found = sorted(folder.glob(pattern)) if wild else [folder / pattern]
        found = [it for it in found if not (wild and it.is_dir())]
        if not found:
            fault = Fault(place, f'is "{pattern}", which matches no file', "Write its path.")
            raise FaultsFound([fault])
        paths |= {_name(folder, it): it for it in found}
    return tuple(hashed_file(it, name) for name, it in sorted(paths.items()))


def weight_files(folder: Path, pins: PinSettings) -> Mapping[str, tuple[str, ...]]:
    """The files of each model's weights, by the names of the fleet file: paths within `folder`.

    Raises:
        FaultsFound: a path is not there, leads over a link, or holds no file.
    """
    return {
        name: tuple(sorted(_name(folder, it) for it in _files(folder / one.path, name)))
        for name, one in pins.weights.items()
    }


def _files(path: Path, name: str) -> Iterator[Path]:
    place = f"pins.weights.{name}.path"
    if path.is_symlink() or not path.exists():
        problem = "is a link" if path.is_symlink() else "is not there"
        raise FaultsFound([Fault(place, f'"{path.name}" {problem}', "Write where the files are.")])
    found = [path] if path.is_file() else list(_below(path))
    if not found:
        raise FaultsFound([Fault(place, f'"{path.name}" holds no file', "Write their folder.")])
    if len(found) > MOST_FILES:
        raise FaultsFound([Fault(place, f"holds over {MOST_FILES} files", "Name a folder below.")])
    for it in found:
        if it.is_symlink() or not it.is_file():
            problem = f'holds "{it.name}", which is a link or no regular file'
            raise FaultsFound([Fault(place, problem, "Put the file itself there.")])
    yield from found


def _below(path: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(path):
        for it in folders:
            if (Path(folder) / it).is_symlink():
                yield Path(folder) / it
        folders.sort()
        for it in sorted(files):
            yield Path(folder) / it


def hash_files(
    folder: Path, paths: Mapping[str, tuple[str, ...]], hashed: Hashed = lambda _: None
) -> Mapping[str, tuple[PinnedFile, ...]]:
    """Files by name of their group, with digests (rule 2).

    Raises:
        FaultsFound: one cannot be read, or changes meanwhile.
    """
    every = sorted({it for group in paths.values() for it in group})
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        files = dict(
            zip(
                every, pool.map(lambda it: hashed_file(folder / it, it, hashed), every), strict=True
            )
        )
    return {name: tuple(files[it] for it in group) for name, group in paths.items()}


def hashed_file(path: Path, name: str, hashed: Hashed = lambda _: None) -> PinnedFile:
    """A file with its digest.

    Raises:
        FaultsFound: it cannot be read, is a link or no file, or changes meanwhile (rules 1, 3).
    """
    digest = sha256()
    size = 0
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise FaultsFound([Fault(f"{name}:", "is not a regular file", "Name a file.")])
            buffer = memoryview(bytearray(_CHUNK))
            while count := file.readinto(buffer):
                digest.update(buffer[:count])
                size += count
                hashed(count)
            after = os.fstat(descriptor)
    except OSError as error:
        raise FaultsFound([Fault(f"{name}:", f"cannot be read: {error.strerror}")]) from None
    if size != after.st_size or before.st_mtime_ns != after.st_mtime_ns:
        raise FaultsFound([Fault(f"{name}:", "changed while it was read", "Run it again.")])
    return PinnedFile(path=name, digest=f"sha256:{digest.hexdigest()}", size=size)


def read_baselines(path: Path, fleet: Fleet, old: Lock | None) -> Mapping[str, PinnedFile]:
    """The drift baselines of the fleet file at `path`, by `source/model`: where the lock that was
    has them, else where `tollway drift baseline` writes them.

    Raises:
        FaultsFound: one cannot be read.
    """
    folder = path.absolute().parent
    models = [f"{source.name}/{it}" for source in fleet.sources.values() for it in source.serves]
    found: dict[str, PinnedFile] = {}
    for name in models:
        locked = None if old is None else old.find(f"model-api:{name}")
        pinned = locked.baseline if isinstance(locked, ModelApi) else None
        file = usual_path(path, name) if pinned is None else folder / pinned.path
        if file.is_file():
            found[name] = hashed_file(file, _name(folder, file))
    return found


def read_packages(
    folder: Path, pins: PinSettings
) -> tuple[tuple[Package, ...], tuple[Unaudited, ...]]:
    """The packages of the fleet file's requirement files, and what in them is not locked.

    Raises:
        FaultsFound: with the faults of every file.
    """
    from tollway.inspect.packages import read_requirements

    packages: list[Package] = []
    unaudited: list[Unaudited] = []
    faults: list[Fault] = []
    for name in pins.requirements:
        try:
            found, left = read_requirements(folder / name)
        except FaultsFound as error:
            faults += error.faults
            continue
        packages += found
        unaudited += left
    if faults:
        raise FaultsFound(faults)
    return tuple(packages), tuple(unaudited)


def _name(folder: Path, path: Path) -> str:
    return PurePosixPath(path.relative_to(folder)).as_posix()
