"""Reads what the guard needs from disk: the installation's salt, fingerprints of documents.

Rules
1. The salt is made once, in the state folder, for its owner alone. Fingerprints written with
   another salt find nothing, so an existing salt is never replaced.
2. What cannot be read is a fault: a guard that lacks a part of itself does not serve.
"""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.fleet.guarding import GuardSettings
from tollway.guard.fingerprint import Document, read
from tollway.guard.inspection import Guard
from tollway.guard.known import SHORTEST
from tollway.ledger.state import FILE_MODE, make_state_folder

SALT = "guard.salt"
_SALT_BYTES = 32


def salt_in(folder: Path) -> bytes:
    """The installation's salt; empty where there is none yet."""
    try:
        return (folder / SALT).read_bytes()
    except FileNotFoundError:
        return b""


def own_salt(folder: Path) -> bytes:
    """The installation's salt, made where there is none yet."""
    make_state_folder(folder)
    fresh = folder / f"{SALT}.{secrets.token_hex(4)}"
    found = salt_in(folder)
    if len(found) == _SALT_BYTES:
        return found
    try:
        if found:
            raise TollwayError(f"{folder / SALT}: is no salt. Restore it, or move it away.")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(secrets.token_bytes(_SALT_BYTES))
        with suppress(FileExistsError):  # another process was quicker
            os.link(fresh, folder / SALT)
        fresh.unlink()
    except OSError as error:
        raise TollwayError(f"{folder / SALT}: cannot be made: {error.strerror}.") from error
    return salt_in(folder)


def guard_of(
    settings: GuardSettings, path: Path, folder: Path, known: Mapping[str, str | bytes]
) -> Guard:
    """The guard of the fleet file at `path`, whose state folder is `folder`. `known` are secrets by
    name; those that are too short to be told from words are left out. Slow: it reads files and
    builds automata.

    Raises:
        FaultsFound: a file is missing or faulty, or google-re2 is not installed.
    """
    place = f"{path.name}: guard"
    try:
        documents = documents_in(settings, path)
        if documents and not salt_in(folder):
            mend = "Put guard.salt of the installation that registered them there."
            raise FaultsFound(
                [Fault(f"{place}.fingerprints", f"were written with a salt not in {folder}", mend)]
            )
        salt = own_salt(folder)
        values = {name: _bytes(value) for name, value in known.items()}
        long = {name: value for name, value in values.items() if len(value) >= SHORTEST}
        return Guard(settings, long, documents, salt)
    except FaultsFound:
        raise
    except TollwayError as error:
        raise FaultsFound([Fault(f"{place}:", str(error))]) from error


def documents_in(settings: GuardSettings, path: Path) -> tuple[Document, ...]:
    """The registered documents that a fleet file names.

    Raises:
        FaultsFound: they cannot be read.
    """
    if settings.fingerprints is None:
        return ()
    file = path.absolute().parent / settings.fingerprints
    place = f"{path.name}: guard.fingerprints"
    try:
        return read(file.read_bytes())
    except OSError as error:
        why = (error.strerror or "no reason given").lower()
        mend = "`tollway guard fingerprint FILE... --out` writes one."
        raise FaultsFound(
            [Fault(place, f'is "{settings.fingerprints}", which cannot be read: {why}', mend)]
        ) from None


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
