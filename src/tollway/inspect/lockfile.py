"""Reads and writes the lock beside a fleet file, and what of it the gateway goes by.

Rules
1. A gateway takes the lock's models when it takes the fleet file, as one of its documents: what
   changes on the disk changes nothing before a reload, and all workers go by the same.
2. A lock is written whole or not at all.
"""

from pathlib import Path

from tollway.errors import Fault, FaultsFound
from tollway.fleet.objects import Fleet
from tollway.fleet.pinning import LOCK
from tollway.inspect.fleetfile import fleet_of
from tollway.pins.component import ModelApi
from tollway.pins.lock import Lock, lock_text, read_lock
from tollway.pins.serving import unlocked

LARGEST = 64 << 20
_MEND = "Run: tollway lock"


def read_lock_file(path: Path) -> Lock:
    """The lock in a file.

    Raises:
        FaultsFound: it is missing, cannot be read, or is none.
    """
    try:
        if not path.is_file():
            problem = "is not a regular file" if path.exists() else "is not there"
            raise FaultsFound([Fault(f"{path}:", problem, _MEND)])
        if path.stat().st_size > LARGEST:
            raise FaultsFound([Fault(f"{path}:", f"is larger than {LARGEST >> 20} MiB", _MEND)])
        return read_lock(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise FaultsFound([Fault(f"{path}:", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise FaultsFound([Fault(f"{path}:", "is not UTF-8", _MEND)]) from None


def write_lock_file(path: Path, lock: Lock) -> None:
    """Rule 2."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(lock_text(lock), "utf-8")
    new.replace(path)


def goes_by_lock(fleet: Fleet) -> bool:
    """Whether any route does."""
    return any(route.pins != "off" for route in fleet.routes.values())


def with_lock(documents: dict[str, str], path: Path) -> dict[str, str]:
    """The documents of a fleet file, and the models of its lock where a route goes by it (rule 1).

    Raises:
        FaultsFound: with every fault of the documents, or of the lock.
    """
    if not any("pins" in text for text in documents.values()):
        return documents
    fleet = fleet_of(documents, path)
    if fleet.pins is None or not goes_by_lock(fleet):
        return documents
    lock = read_lock_file(path.absolute().parent / fleet.pins.lock)
    models = tuple(it for it in lock.component if isinstance(it, ModelApi))
    return {**documents, fleet.pins.lock: lock_text(Lock(fleet=lock.fleet, component=models))}


def loose(fleet: Fleet, path: Path) -> list[Fault]:
    """What routes that only flag may ask for and the lock does not hold; `path` is the fleet
    file's.

    Raises:
        FaultsFound: there is no lock, or a route that enforces it may ask for what it lacks.
    """
    if fleet.pins is None or not goes_by_lock(fleet):
        return []
    lock = read_lock_file(path.absolute().parent / fleet.pins.lock)
    return _sorted_out(fleet, lock, path.name)


def locked(fleet: Fleet, documents: dict[str, str], name: str) -> Lock:
    """The models that the documents of a fleet have locked; `name` is the fleet file's.

    Raises:
        FaultsFound: a route that enforces its pins may ask for what is not locked.
    """
    text = next((it for key, it in documents.items() if key.endswith(LOCK)), None)
    lock = Lock() if text is None else read_lock(text, "the lock")
    _sorted_out(fleet, lock, name)
    return lock


def _sorted_out(fleet: Fleet, lock: Lock, name: str) -> list[Fault]:
    found = [
        (Fault(f"{name}: {fault.place}", fault.problem, fault.mend), enforced)
        for fault, enforced in unlocked(fleet, lock)
    ]
    faults = [fault for fault, enforced in found if enforced]
    if faults:
        raise FaultsFound(faults)
    return [fault for fault, _ in found]
