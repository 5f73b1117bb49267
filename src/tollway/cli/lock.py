"""`tollway lock`: writes the lock of a fleet's AI components, and says what is new in it."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.errors import FaultsFound

_NO_FLAG = Parameter(negative="")


def lock(
    fleet: Path = Path("fleet.toml"),
    /,
    *,
    check: Annotated[bool, _NO_FLAG] = False,
    sign: Path | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Write the lock of a fleet's AI components: models, weights, packages, prompts, tools.

    Exit code 0: written, or nothing to write. 1: with --check, the lock would change. 3: something
    could not be locked; each such thing is named.

    Parameters
    ----------
    fleet
        The fleet file; its table [pins] says what is locked besides sources and tools.
    check
        Write nothing; exit 1 where the lock would change.
    sign
        A private key (Ed25519, PEM): its signature is written beside the lock.
    json
        Print one JSON object with what changes and what could not be locked.
    """
    from tollway.cli.findings import print_json, print_unaudited
    from tollway.cli.locked import progress
    from tollway.inspect.fleetfile import read_fleet
    from tollway.inspect.locked import lock_now, lock_path, write_signature
    from tollway.inspect.lockfile import read_lock_file, write_lock_file
    from tollway.pins.lock import Lock, lock_text
    from tollway.pins.verifying import verified
    from tollway.tools.pinned import pinned_tools

    declared = read_fleet(fleet)
    path = lock_path(declared, fleet)
    try:
        old = read_lock_file(path) if path.exists() else None
    except FaultsFound as found:
        if check:
            raise
        sys.stderr.write(f"{found.faults[0].place} {found.faults[0].problem}; it is made anew.\n")
        old = None
    now, unaudited = lock_now(declared, fleet, old, pinned_tools(declared, fleet), progress)
    changes = verified(old or Lock(), now).found
    changed = old is None or lock_text(old) != lock_text(now)
    if not check:
        if changed:
            write_lock_file(path, now)
        if sign is not None:
            write_signature(path, sign)
    if json:
        print_json(changes, unaudited, {"changed": changed, "components": len(now.component)})
    else:
        for it in changes if old is not None else ():
            place = f" {it.place}" if it.place else ""
            sys.stdout.write(f"{it.component}{place} {_now(it.problem)}\n")
        print_unaudited(unaudited)
        written = "as before" if not changed else "would change" if check else "written"
        sys.stderr.write(f"{path}: {len(now.component)} components, {written}.\n")
    if check and changed:
        return 1
    return 3 if unaudited else 0


def _now(problem: str) -> str:
    """What `verified` calls a difference, said of a lock that is about to hold it."""
    return {
        "is here, and not locked": "is new",
        "is locked, and not here any more": "is gone",
    }.get(problem, problem.replace("is locked", "was locked"))
