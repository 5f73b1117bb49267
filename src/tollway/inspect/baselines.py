"""Finds the baselines of a fleet's models on disk: those of the lock first.

Rules
1. A baseline that the lock names has the locked bytes, or it is none.
2. What cannot be used is named with the reason: nothing is watched by silence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Final

from tollway.errors import FaultsFound
from tollway.fleet.objects import Fleet
from tollway.fleet.pinning import PinSettings
from tollway.pins.component import ModelApi, PinnedFile
from tollway.pins.drift.baseline import Baseline, read_baseline
from tollway.pins.lock import Lock, read_lock

FOLDER: Final = "drift"
LARGEST: Final = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is of one model. `baseline` is None where it cannot be watched, for the reason
    `why`; `component` is the lock's entry, None where it has none."""

    name: str
    baseline: Baseline | None
    why: str = ""
    component: ModelApi | None = None


def usual_path(fleet: Path, name: str) -> Path:
    """Where the baseline of `SOURCE/MODEL` is kept where nothing else is said."""
    return fleet.absolute().parent / FOLDER / f"{name.replace('/', '--')}.json"


def baselines_of(fleet: Path, declared: Fleet, names: Iterable[str]) -> tuple[Kept, ...]:
    """What there is of each `SOURCE/MODEL` of the fleet `declared` by the file at `fleet`."""
    name_of_lock = (declared.pins or PinSettings()).lock
    path = fleet.absolute().parent / name_of_lock
    lock: Lock | None = None
    fault = ""
    if path.is_file():
        try:
            lock = read_lock(path.read_text(encoding="utf-8"), name_of_lock)
        except FaultsFound as found:
            fault = f"the lock cannot be read: {found.faults[0]}"
        except (OSError, UnicodeDecodeError) as error:
            fault = f"the lock cannot be read: {error}"
    return tuple(
        Kept(name, None, fault) if fault else _kept(fleet, lock, name) for name in sorted(names)
    )


def _kept(fleet: Path, lock: Lock | None, name: str) -> Kept:
    found = None if lock is None else lock.find(f"model-api:{name}")
    component = found if isinstance(found, ModelApi) else None
    pinned = None if component is None else component.baseline
    if pinned is None:
        path = usual_path(fleet, name)
        if not path.is_file():
            return Kept(name, None, "it has no baseline", component)
    else:
        path = fleet.absolute().parent / pinned.path
        why = _not_as_locked(path, pinned)
        if why:
            return Kept(name, None, why, component)
    try:
        if path.stat().st_size > LARGEST:
            return Kept(name, None, f"{path.name} is larger than 32 MiB", component)
        baseline = read_baseline(path.read_bytes(), path.name)
    except FaultsFound as fault:
        return Kept(name, None, str(fault.faults[0]), component)
    except OSError as error:
        return Kept(name, None, f"{path.name} cannot be read: {error.strerror}", component)
    if baseline.name != name:
        return Kept(name, None, f"{path.name} is the baseline of {baseline.name}", component)
    return Kept(name, baseline, "", component)


def _not_as_locked(path: Path, pinned: PinnedFile) -> str:
    method, _, digest = pinned.digest.partition(":")
    try:
        with path.open("rb") as file:
            same = file_digest(file, method).hexdigest() == digest
    except OSError as error:
        return f"its baseline {pinned.path} cannot be read: {error.strerror}"
    return "" if same else f"its baseline {pinned.path} is not the one that is locked"
