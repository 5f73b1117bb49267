"""Virtual keys: how one is made, and what is kept of it.

A key is shown once, when it is made. The ledger keeps its sha256: 190 bits from the system's
random source cannot be guessed, so a slow password hash would only slow every request down.
"""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tollway.fleet.objects import KeyTerms

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH: Final = 8
SECRET_LENGTH: Final = 32
KEY_LENGTH: Final = 3 + ID_LENGTH + 1 + SECRET_LENGTH
ID_AT: Final = 3  # behind "tw_"
ID_END: Final = ID_AT + ID_LENGTH


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A virtual key as the ledger keeps it. Times are UTC seconds; `digest` is sha256 of the whole
    key; `terms.key` is the id, which is no secret."""

    terms: KeyTerms
    name: str
    digest: bytes
    created: float
    expires: float | None = None
    revoked: float | None = None

    @property
    def id(self) -> str:
        return self.terms.key

    @property
    def tenant(self) -> str:
        return self.terms.tenant

    def __repr__(self) -> str:
        return f"KeyRecord(id={self.id!r}, tenant={self.tenant!r}, name={self.name!r})"


def new_key() -> str:
    """A fresh key: `tw_<8 characters of id>_<32 characters of secret>`, base62."""
    return f"tw_{draw(ID_LENGTH)}_{draw(SECRET_LENGTH)}"


def key_id(key: str) -> str:
    """The id within a key that `new_key` made."""
    return key[ID_AT:ID_END]


def key_digest(key: bytes) -> bytes:
    """What the ledger keeps of a key."""
    return sha256(key).digest()


def draw(length: int) -> str:
    """So many characters of base62 from the system's random source."""
    return "".join([secrets.choice(ALPHABET) for _ in range(length)])
