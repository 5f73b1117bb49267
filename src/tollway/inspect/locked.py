"""The lock that a fleet would have now, from its files, and how one that is there compares."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet
from tollway.fleet.pinning import PinSettings
from tollway.pins.component import PinnedFile, PinnedTool, Weights
from tollway.pins.finding import Findings, Unaudited, together
from tollway.pins.lock import Lock
from tollway.pins.verifying import verified

Hashing = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Given how many bytes are to be hashed: what is told of each piece that is."""
Tools = Mapping[str, tuple[PinnedTool, ...]]
"""Server -> its tools, as pinned."""


def lock_path(fleet: Fleet, path: Path) -> Path:
    """Where the lock of a fleet file is."""
    return path.absolute().parent / (fleet.pins or PinSettings()).lock


@contextmanager
def extra() -> Iterator[None]:
    """Says in a line what is missing where the extra is not installed."""
    try:
        yield
    except ImportError as error:
        package = (error.name or "a package").partition(".")[0]
        raise TollwayError(
            f"Locks need {package}, which is not here. Run: pip install 'tollway[pins]'"
        ) from None


def write_signature(lock: Path, key: Path) -> Path:
    """Sign a lock with a private key; where the signature is."""
    with extra():
        from tollway.inspect.signing import sign
    return sign(lock, key)


def signature_fault(lock: Path, key: Path) -> str | None:
    """Why a lock is not signed by the holder of a public key; None where it is."""
    with extra():
        from tollway.inspect.signing import unsigned
    return unsigned(lock, key)


@contextmanager
def _unseen(_: int) -> Iterator[Callable[[int], None]]:
    """Hashing that nobody watches."""
    yield lambda _: None


def lock_now(
    fleet: Fleet, path: Path, old: Lock | None, tools: Tools, hashing: Hashing | None = _unseen
) -> tuple[Lock, tuple[Unaudited, ...]]:
    """The lock of a fleet file, and what could not be locked. Where `hashing` is None the digests
    of weights whose names and sizes are as locked are taken from `old`, and that is named.

    Raises:
        FaultsFound: a file cannot be read, or is not what it is declared to be.
        TollwayError: the extra is not installed.
    """
    with extra():
        import tollway.inspect.packages  # noqa: F401 - read_packages needs it
        from tollway.inspect.lockparts import (
            hash_files,
            read_baselines,
            read_packages,
            read_prompts,
            weight_files,
        )
        from tollway.pins.locking import Read, lock_of
    pins = fleet.pins or PinSettings()
    folder = path.absolute().parent
    prompts = read_prompts(folder, pins)
    packages, unaudited = read_packages(folder, pins)
    paths = weight_files(folder, pins)
    weights: dict[str, tuple[PinnedFile, ...]] = {}
    if hashing is None and old is not None:
        weights = _as_locked(folder, paths, old)
        why = "weights were not hashed, only their names and sizes compared"
        unaudited += tuple(Unaudited(f"weights:{it}", "files", why) for it in weights)
    rest = {name: files for name, files in paths.items() if name not in weights}
    total = sum((folder / it).stat().st_size for files in rest.values() for it in files)
    with (hashing or _unseen)(total) as hashed:
        weights |= hash_files(folder, rest, hashed)
    kept = read_baselines(path, fleet, old)
    read = Read(prompts, weights, packages, tools, kept)
    return lock_of(fleet, path.name, read, old), unaudited


def _as_locked(
    folder: Path, paths: Mapping[str, tuple[str, ...]], old: Lock
) -> dict[str, tuple[PinnedFile, ...]]:
    """Weights whose files have the names and sizes that are locked."""
    kept: dict[str, tuple[PinnedFile, ...]] = {}
    for it in old.component:
        if not isinstance(it, Weights) or it.name not in paths:
            continue
        sizes = {name: (folder / name).stat().st_size for name in paths[it.name]}
        if sizes == {file.path: file.size for file in it.files}:
            kept[it.name] = it.files
    return kept


def look(fleet: Fleet, path: Path, lock: Lock, tools: Tools, hashing: Hashing | None) -> Findings:
    """What differs between a lock and what is here, what could not be looked at, and whose
    signature of weights does not hold. Raises as `lock_now`."""
    now, unaudited = lock_now(fleet, path, lock, tools, hashing)
    looks = [verified(lock, now), Findings(unaudited=unaudited)]
    if fleet.pins is not None:
        from tollway.inspect.model_signature import signed_weights

        looks.append(signed_weights(path.absolute().parent, fleet.pins))
    return together(looks)
