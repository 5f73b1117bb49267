"""Registers documents: writes their fingerprints, keyed with the installation's salt."""

import os
import sys
from pathlib import Path

from tollway.errors import Fault, FaultsFound
from tollway.guard.fingerprint import Document, fingerprint, read, written
from tollway.inspect.guardfiles import own_salt
from tollway.ledger.state import state_folder


def write_fingerprints(files: tuple[Path, ...], out: Path, state: str | None) -> int:
    """Add documents to the fingerprints in `out`."""
    if not files:
        raise FaultsFound([Fault("FILE", "is missing", "Name the documents to register.")])
    salt = own_salt(state_folder(state, os.environ))
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
