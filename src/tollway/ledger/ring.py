"""The keys that may be used, and how a presented one is recognised.

Rules
1. Recognising takes the same work whether the id is known or not, and compares in constant time.
2. A revoked or expired key is no key.
"""

import hmac
from hashlib import sha256
from typing import Final, Protocol

from tollway.fleet.objects import KeyTerms
from tollway.ledger.keys import ID_AT, ID_END, KEY_LENGTH, KeyRecord

_NO_DIGEST: Final = bytes(32)

Claim = tuple[bytes, bytes]
"""What a presented key says of itself: the id in it, and the sha256 of all of it."""


def claim_of(presented: bytes) -> Claim:
    """The claim in what a client presents, of any content and length.

    Who presents the same bytes again makes the same claim: it may be kept, the record may not.
    """
    # What has another length is cut, so that nobody has us hash a megabyte, and claims nothing.
    digest = sha256(presented[:KEY_LENGTH]).digest()
    return presented[ID_AT:ID_END], digest if len(presented) == KEY_LENGTH else _NO_DIGEST


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

    def named(self, key: str, utc: float) -> KeyRecord | None:
        """The record of the key with this id at `utc`, or None."""
        record = self._by_id.get(key.encode())
        return None if record is None else self.recognise((key.encode(), record.digest), utc)

    def tenant_of(self, key: str) -> str | None:
        """Whose the key with this id is; None where the ring has none."""
        record = self._by_id.get(key.encode())
        return None if record is None else record.tenant

    def records(self) -> tuple[KeyRecord, ...]:
        """Every key in the ring."""
        return tuple(self._by_id.values())

    def terms(self) -> tuple[KeyTerms, ...]:
        """The terms of every key in the ring, for dispatch."""
        return tuple(record.terms for record in self._by_id.values())
