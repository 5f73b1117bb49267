"""How keys are made and recognised."""

import re

import pytest
from ledger_records import NOON

from tollway.fleet.objects import KeyTerms
from tollway.ledger.keys import KeyRecord, key_digest, key_id, new_key
from tollway.ledger.ring import KeyRing


class Shelf:
    def __init__(self, *records: KeyRecord) -> None:
        self.records = records
        self.version = 0

    def keys(self) -> tuple[KeyRecord, ...]:
        return self.records

    def keys_version(self) -> int:
        return self.version


def kept(key: str, **changes: float) -> KeyRecord:
    terms = KeyTerms(key_id(key), "demo")
    return KeyRecord(terms, "x", key_digest(key.encode()), NOON, **changes)


def test_a_key_has_the_declared_form_and_is_never_the_same():
    keys = {new_key() for _ in range(200)}
    assert len(keys) == 200
    assert all(re.fullmatch(r"tw_[0-9A-Za-z]{8}_[0-9A-Za-z]{32}", key) for key in keys)
    assert all(key.startswith(f"tw_{key_id(key)}_") for key in keys)


def test_a_key_is_found_by_itself_alone():
    key, other = new_key(), new_key()
    ring = KeyRing(Shelf(kept(key), kept(other)))
    found = ring.find(key.encode(), NOON)
    assert found is not None
    assert found.id == key_id(key)
    stranger = new_key()
    wrong_secret = key[:12] + stranger[12:]
    for presented in (
        stranger, wrong_secret, key[:-1], key + "x", key + " ", key.lower(), "", "tw_",
        key_id(key), "x" * 10_000, key.replace("tw_", "TW_"),
    ):  # fmt: skip
        assert presented == key or ring.find(presented.encode(), NOON) is None
    assert ring.find(b"\xff\x00" * 22, NOON) is None


def test_an_expired_key_is_no_key():
    key = new_key()
    ring = KeyRing(Shelf(kept(key, expires=NOON)))
    assert ring.find(key.encode(), NOON - 0.001) is not None
    assert ring.find(key.encode(), NOON) is None


def test_a_revoked_key_is_no_key_once_the_change_is_seen():
    key = new_key()
    shelf = Shelf(kept(key))
    ring = KeyRing(shelf)
    assert not ring.changed()
    shelf.records, shelf.version = (kept(key, revoked=NOON),), 1
    assert ring.find(key.encode(), NOON) is not None
    assert ring.changed()
    assert ring.find(key.encode(), NOON) is None
    assert (ring.terms(), ring.changed()) == ((), False)


@pytest.mark.parametrize("words", [repr, str])
def test_a_record_in_words_holds_no_digest(words: type):
    record = kept(new_key())
    assert record.digest.hex() not in words(record)
    assert repr(record.digest) not in words(record)
