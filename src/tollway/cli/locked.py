"""The lock that a fleet would have now, from its files."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet
from tollway.fleet.pinning import PinSettings
from tollway.guard.tools.arguments import canonical
from tollway.pins.component import PinnedFile, PinnedTool, Weights
from tollway.pins.finding import Unaudited
from tollway.pins.lock import Lock

_SLOW = 2.0
"""Seconds after which progress is shown."""


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


def lock_now(
    fleet: Fleet, path: Path, old: Lock | None, *, hash_weights: bool = True
) -> tuple[Lock, tuple[Unaudited, ...]]:
    """The lock of a fleet file, and what could not be locked. Without `hash_weights` the digests of
    weights whose names and sizes are as locked are taken from `old`, and that is named.

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
    if not hash_weights and old is not None:
        weights = _as_locked(folder, paths, old)
        why = "weights were not hashed, only their names and sizes compared"
        unaudited += tuple(Unaudited(f"weights:{it}", "files", why) for it in weights)
    rest = {name: files for name, files in paths.items() if name not in weights}
    total = sum((folder / it).stat().st_size for files in rest.values() for it in files)
    with _progress(total) as hashed:
        weights |= hash_files(folder, rest, hashed)
    kept = read_baselines(path, fleet, old)
    read = Read(prompts, weights, packages, _tools(fleet, path), kept)
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


def _tools(fleet: Fleet, path: Path) -> dict[str, tuple[PinnedTool, ...]]:
    """Tools by server, as their pinned descriptions are."""
    if fleet.tools is None:
        return {}
    from tollway.tools.lock import read_lock

    file = path.absolute().parent / fleet.tools.lock
    if not file.exists():
        return {}
    return {
        server: tuple(
            PinnedTool(
                name=name,
                description=_digest(it.text),
                schema=_digest(canonical([it.input_schema, it.output_schema])),
            )
            for name, it in sorted(tools.items())
        )
        for server, tools in read_lock(file).items()
    }


def _digest(text: str) -> str:
    return f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Shows how much is hashed, on a terminal, once that takes longer than a moment."""
    if not sys.stderr.isatty() or not total:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = ("Hashing", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=total)
    begun = time.monotonic()
    shown = False

    def hashed(count: int) -> None:
        nonlocal shown
        bar.advance(task, count)
        if not shown and time.monotonic() - begun > _SLOW:
            shown = True
            bar.start()

    try:
        yield hashed
    finally:
        if shown:
            bar.stop()
