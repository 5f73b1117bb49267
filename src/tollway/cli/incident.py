"""`tollway incident`: whether something bad was in use, since when, by whom, and what to do now.

Rules
1. Exit code 1: it is or was in the lock. 3: it was not found, and something could not be looked at.
   0: it was not there.
2. What to run is printed as lines that can be run.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tollway.errors import Fault, FaultsFound

if TYPE_CHECKING:
    from tollway.pins.advisories import Told
    from tollway.pins.finding import Unaudited
    from tollway.pins.incident import Held, Stay
    from tollway.pins.lock import Lock

_LARGEST = 64 << 20


def incident(
    what: str,
    /,
    *,
    fleet: Path = Path("fleet.toml"),
    lock: Path | None = None,
    history: Path | None = None,
    advisories: Path | None = None,
    state: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say whether something bad was in use, since when, by whom, and what to do now.

    Exit code 0: it is not in the lock, and was not. 1: it is, or was. 3: something could not be
    looked at.

    Parameters
    ----------
    what
        An advisory (GHSA-..., CVE-..., PYSEC-...), NAME or NAME@VERSION, a package URL, a digest
        (sha256:...), or kind:name as in the lock.
    fleet
        The fleet file.
    lock
        The lock. Default: the fleet's.
    history
        A folder of older locks (*.lock), by their file times. Default: the lock's commits in git.
    advisories
        OSV records: a JSON file, or a folder of them.
    state
        The state folder, whose ledger says who used it. Default: none is asked.
    json
        Print one JSON object.
    """
    from tollway.inspect.fleetfile import read_fleet
    from tollway.inspect.locked import extra, lock_path

    with extra():
        from tollway.cli.incident_text import Answer, as_json, as_text, unknown
        from tollway.pins.incident import reached, stays
        from tollway.pins.sought import sought

    declared = read_fleet(fleet)
    asked = sought(what, _records(advisories))
    if asked is None:
        (sys.stdout if json else sys.stderr).write(unknown(what, json_wanted=json))
        return 3
    path = lock or lock_path(declared, fleet)
    present, held, left = _history(path, history)
    found, unaudited = stays(asked, held)
    uses = reached(declared, present, found)
    use = None
    if found and state is None:
        left.append(_unasked())
    elif found and state is not None:
        from tollway.cli.incident_use import use_of

        use = use_of(uses, _since(found), state, _releases(found))
    answer = Answer(asked, found, uses, use, (*left, *unaudited))
    sys.stdout.write(as_json(answer) if json else as_text(answer))
    if found:
        return 1
    return 3 if answer.unaudited else 0


def _releases(found: "tuple[Stay, ...]") -> frozenset[str]:
    """Packages among what was found, as the package index tells of them."""
    from tollway.pins.component import NpmPackage, PypiPackage, released

    packages = (it.component for it in found)
    return frozenset(
        f"{it.kind}:{released(it)}@{it.version}"
        for it in packages
        if isinstance(it, PypiPackage | NpmPackage)
    )


def _since(found: "tuple[Stay, ...]") -> float | None:
    """UTC seconds from which on it may have been used; None where nobody knows."""
    begun = [it.since.timestamp() for it in found if it.since is not None]
    return min(begun) if len(begun) == len(found) else None


def _unasked() -> "Unaudited":
    from tollway.pins.finding import Unaudited

    return Unaudited("ledger", "who used it", "no ledger was asked; name --state FOLDER")


def _history(path: Path, folder: Path | None) -> "tuple[Lock | None, list[Held], list[Unaudited]]":
    """The lock now, the versions of it in the order of time, and what could not be looked at."""
    from tollway.errors import TollwayError
    from tollway.inspect.history import held_in, held_in_git
    from tollway.inspect.lockfile import read_lock_file
    from tollway.pins.finding import Unaudited
    from tollway.pins.incident import Held

    present = read_lock_file(path)
    left: list[Unaudited] = []
    held: tuple[Held, ...] = ()
    if folder is not None:
        if not folder.is_dir():
            raise FaultsFound([Fault(f"--history {folder}", "is no folder", "Name a folder.")])
        held = held_in(folder)
    else:
        try:
            held = held_in_git(path)
        except TollwayError as error:
            left.append(Unaudited("ai.lock", "its history", str(error)))
    if not held and not left:
        why = "there are no older locks: whether it was there before is not known"
        left.append(Unaudited("ai.lock", "its history", why))
    return present, [*held, Held(None, path.name, present)], left


def _records(path: Path | None) -> "tuple[Told, ...]":
    """OSV records of a file or of a folder's files; a file may hold one or a list.

    Raises:
        FaultsFound: one is none, or cannot be read.
    """
    from tollway.pins.advisories import told

    if path is None:
        return ()
    records: list[Told] = []
    for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
        try:
            if file.stat().st_size > _LARGEST:
                raise ValueError(f"is larger than {_LARGEST >> 20} MiB")
            records += told(file.read_bytes())
        except (OSError, ValueError) as error:
            mend = "Name OSV records, in JSON."
            raise FaultsFound([Fault(f"--advisories {file}", str(error), mend)]) from None
    return tuple(records)
