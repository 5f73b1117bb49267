"""The console's admin key: its digest in the state folder, never the key.

Rules
1. A new key takes the place of the old one, and ends what was signed in with it.
2. Of several who make the first key at once one does, and is the only one to be given a key.
"""

import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from tollway.ledger.state import FILE_MODE

ADMIN_KEY = "console.key"
"""The file in the state folder that holds the digest."""

_PREFIX = "tc_"


def make_admin_key(folder: Path) -> str:
    """Draw a key of 256 bits, keep its digest, and give the key: it is not to be had again."""
    key = _PREFIX + secrets.token_urlsafe(32)
    with _written(key, folder) as new:
        new.replace(folder / ADMIN_KEY)
    return key


def make_first_admin_key(folder: Path) -> str | None:
    """The same where there is no key yet, else None (rule 2)."""
    if kept_digest(folder) is not None:
        return None
    key = _PREFIX + secrets.token_urlsafe(32)
    with _written(key, folder) as new:
        try:
            os.link(new, folder / ADMIN_KEY)
        except FileExistsError:
            return None
    return key


@contextmanager
def _written(key: str, folder: Path) -> Iterator[Path]:
    """A file of its own with a key's digest, which is gone afterwards."""
    new = folder / f"{ADMIN_KEY}.{secrets.token_hex(8)}"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(_digest(key) + "\n")
        yield new
    finally:
        new.unlink(missing_ok=True)


def kept_digest(folder: Path) -> str | None:
    """The digest of the key that holds; None where none was made."""
    try:
        return (folder / ADMIN_KEY).read_text().strip() or None
    except OSError:
        return None


def is_admin_key(key: str, folder: Path) -> bool:
    """Whether this is the key, in a time that does not tell how nearly."""
    return digest_of_admin_key(key, folder) is not None


def digest_of_admin_key(key: str, folder: Path) -> str | None:
    """The digest that the key was held against, where this is the key: what vouches for who brings
    it, and for nobody once another key was made."""
    kept = kept_digest(folder)
    said = _digest(key)
    return kept if kept is not None and hmac.compare_digest(kept, said) else None


def _digest(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
