"""What a first start needs and nobody has made yet: a fleet file, and a key to try it with.

Rules
1. A demo fleet that someone edited is never overwritten; one that nobody did is kept current.
2. The key's text is kept in the state folder, for its owner alone; the ledger has its digest. A key
   that the ledger doesn't know, or no longer, or whose tenant has left the fleet, is made anew.
"""

import os
import time
from hashlib import sha256
from pathlib import Path

from tollway.fleet.objects import Fleet, KeyTerms
from tollway.inspect.demo import demo_fleet_text
from tollway.ledger.keys import KeyRecord, key_digest, key_id, new_key
from tollway.ledger.ring import KeyRing
from tollway.ledger.sqlite import open_for_keys
from tollway.ledger.state import DEMO_KEY, FILE_MODE, make_state_folder

FLEET_FILE = "fleet.toml"
_WRITTEN = "fleet.written"
_KEY_NAME = "demo"
_PREFACE = """\
# Copied here by `tollway up`, because no fleet file was named. It is yours to edit: `tollway
# reload` puts a change into force while streams in flight finish on the old fleet. Once edited, it
# is never overwritten.
#
"""


def demo_fleet(folder: Path) -> Path:
    """The demo fleet of a state folder, written where it is missing (rule 1)."""
    target, record = folder / FLEET_FILE, folder / _WRITTEN
    shipped = (_PREFACE + demo_fleet_text()).encode()
    if target.exists():
        written = record.read_text().strip() if record.exists() else ""
        if sha256(target.read_bytes()).hexdigest() != written:
            return target
    make_state_folder(folder)
    target.write_bytes(shipped)
    record.write_text(sha256(shipped).hexdigest() + "\n")
    return target


def demo_key(folder: Path, ledger: Path, fleet: Fleet) -> str | None:
    """A key for the fleet's tenant `demo`, else its first one (rule 2); None without tenants."""
    if not fleet.tenants:
        return None
    tenant = "demo" if "demo" in fleet.tenants else next(iter(fleet.tenants))
    kept = folder / DEMO_KEY
    now = time.time()
    store = open_for_keys(ledger)
    try:
        if kept.exists():
            key = kept.read_text().strip()
            record = KeyRing(store).find(key.encode(), now)
            if record is not None and record.tenant in fleet.tenants:
                return key
        key = new_key()
        terms = KeyTerms(key=key_id(key), tenant=tenant)
        store.add_key(KeyRecord(terms, _KEY_NAME, key_digest(key.encode()), now))
    finally:
        store.close()
    _write_private(kept, f"{key}\n")
    return key


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
