"""Virtual keys: how one is made, what is kept of it, and how a presented one is recognised.

Rules
1. A key is shown once, when it is made. The ledger keeps its sha256: 190 bits from the system's
   random source cannot be guessed, so a slow password hash would only slow every request down.
2. Recognising takes the same work whether the id is known or not, and compares in constant time.
3. A revoked or expired key is no key.
"""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from tollway.fleet.objects import KeyTerms

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH = 8
SECRET_LENGTH = 32
KEY_LENGTH = len("tw_") + ID_LENGTH + len("_") + SECRET_LENGTH
_ID = slice(len("tw_"), len("tw_") + ID_LENGTH)
_NO_DIGEST = bytes(32)

Claim = tuple[bytes, bytes]
"""What a presented key says of itself: the id in it, and the sha256 of all of it."""


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
    return f"tw_{_draw(ID_LENGTH)}_{_draw(SECRET_LENGTH)}"


def key_id(key: str) -> str:
    """The id within a key that `new_key` made."""
    return key[_ID]


def key_digest(key: bytes) -> bytes:
    """What the ledger keeps of a key."""
    return sha256(key).digest()


def claim_of(presented: bytes) -> Claim:
    """The claim in what a client presents, of any content and length.

    Who presents the same bytes again makes the same claim: it may be kept, the record may not.
    """
    # What has another length is cut, so that nobody has us hash a megabyte, and claims nothing.
    digest = sha256(presented[:KEY_LENGTH]).digest()
    return presented[_ID], digest if len(presented) == KEY_LENGTH else _NO_DIGEST


class KeyShelf(Protocol):
    """Where keys are kept; every ledger is one."""

    def keys(self) -> tuple[KeyRecord, ...]: ...

    def keys_version(self) -> int: ...


class KeyRing:
    """The keys that may be used, in memory, as of the last `changed`."""

    def __init__(self, shelf: KeyShelf) -> None:
        self._shelf = shelf
        self._by_id: dict[bytes, KeyRecord] = {}
        self._version: int | None = None
        self.changed()

    def changed(self) -> bool:
        """Whether keys were created or revoked since the last call; if so, they now hold.

        One read of one row, meant for polling. Other commits (the gateway's own, of which there
        are hundreds a second) do not count.
        """
        version = self._shelf.keys_version()
        if version == self._version:
            return False
        # The version was read before the keys: a change in between is seen by the next call.
        records = self._shelf.keys()
        self._by_id = {record.id.encode(): record for record in records if record.revoked is None}
        self._version = version
        return True

    def find(self, presented: bytes, utc: float) -> KeyRecord | None:
        """The record of the key that `presented` is at `utc`, or None.

        `presented` is what a client sent, of any content and length.
        """
        return self.recognise(claim_of(presented), utc)

    def recognise(self, claim: Claim, utc: float) -> KeyRecord | None:
        """The record of the key that this claim is made of at `utc`, or None."""
        record = self._by_id.get(claim[0])
        known = _NO_DIGEST if record is None else record.digest
        matches = hmac.compare_digest(claim[1], known)
        if record is None or not matches:
            return None
        if record.expires is not None and utc >= record.expires:
            return None
        return record

    def records(self) -> tuple[KeyRecord, ...]:
        """Every key in the ring."""
        return tuple(self._by_id.values())

    def terms(self) -> tuple[KeyTerms, ...]:
        """The terms of every key in the ring, for dispatch."""
        return tuple(record.terms for record in self._by_id.values())


def _draw(length: int) -> str:
    return "".join([secrets.choice(ALPHABET) for _ in range(length)])
