"""Registers documents: writes their fingerprints, keyed with the installation's salt.

Rules
1. The salt is made once, in the state folder, for its owner alone. Fingerprints written with
   another salt find nothing, so an existing salt is never replaced.
"""

import os
import secrets
import sys
from pathlib import Path

from tollway.errors import Fault, FaultsFound
from tollway.guard.fingerprint import Document, fingerprint, read, written
from tollway.ledger.state import FILE_MODE, make_state_folder, state_folder

SALT = "guard.salt"
_SALT_BYTES = 32


def salt_of(state: str | None) -> bytes:
    """The installation's salt; empty where there is none yet."""
    path = state_folder(state, os.environ) / SALT
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def write_fingerprints(files: tuple[Path, ...], out: Path, state: str | None) -> int:
    """Add documents to the fingerprints in `out`."""
    if not files:
        raise FaultsFound([Fault("FILE", "is missing", "Name the documents to register.")])
    salt = salt_of(state) or _new_salt(state)
    known = {one.name: one for one in (read(out.read_bytes()) if out.exists() else ())}
    for path in files:
        known[path.name] = _registered(path, salt)
        count = len(known[path.name].hashes)
        sys.stderr.write(f"{path.name}: {count:,} fingerprints\n")
    temporary = out.with_name(f"{out.name}.new")
    temporary.write_bytes(written(known.values()))
    temporary.replace(out)
    return 0


def _registered(path: Path, salt: bytes) -> Document:
    try:
        data = path.read_bytes()
    except OSError as error:
        why = (error.strerror or "no reason given").lower()
        fault = Fault(f"{path}", f"cannot be read: {why}", "Name a text that can be read.")
        raise FaultsFound([fault]) from None
    return fingerprint(path.name, data, salt)


def _new_salt(state: str | None) -> bytes:
    folder = make_state_folder(state_folder(state, os.environ))
    salt = secrets.token_bytes(_SALT_BYTES)
    descriptor = os.open(folder / SALT, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(salt)
    return salt
