"""The virtual key that the watch pays with: its own, of the tenant that [drift] names.

Rules
1. Its budget is that of [drift]: the ledger bounds what the watch spends, also over a restart.
2. It is made once, and anew only where tenant or budget are other ones.
"""

import os
from contextlib import closing
from pathlib import Path
from typing import Final

from tollway.fleet.drifting import DriftSettings
from tollway.fleet.objects import Budget, KeyTerms, Limits
from tollway.ledger.keys import KeyRecord, key_digest, key_id, new_key
from tollway.ledger.sqlite import open_for_keys
from tollway.ledger.state import FILE_MODE

FILE: Final = "drift.key"


def own_key(folder: Path, ledger: Path, drift: DriftSettings, utc: float) -> tuple[str, bool]:
    """The key of the watch in a state folder, and whether it is new: a running gateway looks for
    new keys twice a second.

    Raises:
        TollwayError: the ledger cannot be written.
        OSError: the folder cannot be.
    """
    path = folder / FILE
    old = path.read_text().strip() if path.is_file() else ""
    terms = (drift.tenant, Limits(concurrency=1), Budget(day=drift.budget))
    with closing(open_for_keys(ledger)) as store:
        records = store.keys()
        for record in records:
            if record.digest != key_digest(old.encode()) or record.revoked is not None:
                continue
            if (record.tenant, record.terms.limits, record.terms.budget) == terms:
                return old, False
            store.revoke_key(record.id, utc)
        key = new_key()
        own = KeyTerms(key_id(key), *terms, request_class="batch")
        store.add_key(KeyRecord(own, "drift", key_digest(key.encode()), utc))
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
    return key, True
