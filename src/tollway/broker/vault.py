"""Secrets on the disk: AES-256-GCM, each bound to its name and version.

Rules
1. Whoever changes the file is serialised by a lock; the file is replaced whole, never edited.
2. A secret that was encrypted as another, or as another version of itself, does not decrypt.
3. Without its key the store is refused, with the reason; nothing of a secret is in any error.
"""

import fcntl
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes
from typing import Any

import msgspec

from tollway.broker.key import KeyPlace, new_key, place_of, sync_folder, write_durably
from tollway.errors import TollwayError, did_you_mean
from tollway.guard.reflection import SHORTEST
from tollway.ledger.state import FILE_MODE, make_state_folder

VAULT = "secrets.json"
"""The store's name in the state folder."""
_LOCK = "secrets.lock"
_FORMAT = 1
_NONCE = 12
LARGEST = 16 * 1024
"""Bytes of a secret, at most."""


class Sealed(msgspec.Struct, frozen=True):
    """One encrypted secret. `nonce` and `text` are base64; `set` is UTC seconds."""

    version: int
    nonce: str
    text: str
    set: float


class _File(msgspec.Struct, frozen=True):
    format: int
    key: str
    check: Sealed
    secrets: dict[str, Sealed] = {}


class VaultError(TollwayError):
    """The secrets cannot be used."""


class Vault:
    """The secrets of one state folder."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.path = folder / VAULT
        self._folder = folder
        self._environ = environ

    def list(self) -> Mapping[str, tuple[int, float]]:
        """Name -> version, and when it was set (UTC seconds). Needs no key."""
        kept = self._read()
        return {} if kept is None else {n: (it.version, it.set) for n, it in kept.secrets.items()}

    def key_place(self) -> str | None:
        """Where the key is; None where there is no store yet."""
        kept = self._read()
        return None if kept is None else kept.key

    def open(self) -> dict[str, bytes]:
        """Every secret, by name.

        Raises:
            VaultError: there is no store, its key is missing or another one, or it was tampered
                with.
        """
        kept = self._read()
        if kept is None:
            raise VaultError(
                f"{self.path}: holds no secrets yet. Set one: tollway secrets set NAME"
            )
        key = _own_key(kept, self._place(kept.key), self.path)
        return {name: self._opened(key, name, it) for name, it in kept.secrets.items()}

    def set(self, name: str, value: bytes, utc: float, place: str | None = None) -> int:
        """Keep a secret, and return its version. `place` is where the key of a new store goes.

        Raises:
            TollwayError: the value is too short or too long, or the key cannot be used.
        """
        if not SHORTEST <= len(value) <= LARGEST:
            raise TollwayError(
                f"secrets: {name} has {len(value)} bytes. A secret has {SHORTEST} to {LARGEST}: a "
                "shorter one could not be told from other text in an answer."
            )
        with self._changing():
            kept = self._read() or self._new(place or "file")
            if place is not None and kept.key != place:
                raise TollwayError(
                    f'secrets: the key is in "{kept.key}" already. Change it with '
                    f"`tollway secrets rotate-key --key {place}`."
                )
            key = _own_key(kept, self._place(kept.key), self.path)
            before = kept.secrets.get(name)
            version = 1 if before is None else before.version + 1
            sealed = _sealed(key, name, version, value, utc)
            self._write(msgspec.structs.replace(kept, secrets={**kept.secrets, name: sealed}))
        return version

    def remove(self, name: str) -> None:
        """Forget a secret. Needs no key.

        Raises:
            TollwayError: there is none of this name.
        """
        with self._changing():
            kept = self._read()
            if kept is None or name not in kept.secrets:
                known = () if kept is None else kept.secrets
                hint = did_you_mean(name, known) or "`tollway secrets list` shows those there are."
                raise TollwayError(f'secrets: "{name[:64]}" is not the name of one. {hint}')
            left = {word: it for word, it in kept.secrets.items() if word != name}
            self._write(msgspec.structs.replace(kept, secrets=left))

    def rotate(self, utc: float, place: str | None = None) -> int:
        """Encrypt everything with a new key, kept at `place`, or where the old one is; returns how
        many secrets there are. Whenever it is cut off, one of the two keys opens what is there.

        Raises:
            VaultError: as `open`.
            TollwayError: the new key cannot be kept.
        """
        with self._changing():
            kept = self._read()
            if kept is None:
                raise VaultError(f"{self.path}: holds no secrets yet, so there is no key.")
            values = self.open()
            old_place, new_place = self._place(kept.key), self._place(place or kept.key)
            old = _own_key(kept, old_place, self.path)
            new = _next_key(new_place, old)
            versions = {name: it.version for name, it in kept.secrets.items()}
            secrets = {
                name: _sealed(new, name, versions[name], value, kept.secrets[name].set)
                for name, value in values.items()
            }
            self._write(_File(_FORMAT, new_place.name, _check(new, utc), secrets))
            if old_place.name == new_place.name != "env":
                new_place.write([new])
        return len(secrets)

    def _new(self, place: str) -> _File:
        where = self._place(place)
        keys = where.read()
        if not keys:
            keys = [new_key()]
            where.write(keys)
        return _File(_FORMAT, place, _check(keys[0], 0.0))

    def _place(self, name: str) -> KeyPlace:
        return place_of(name, self._folder, self._environ)

    def _read(self) -> _File | None:
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            why = (error.strerror or "no reason given").lower()
            raise VaultError(f"{self.path}: the secrets cannot be read: {why}.") from None
        try:
            kept = msgspec.json.decode(text, type=_File)
        except msgspec.DecodeError:
            raise VaultError(
                f"{self.path}: is no store of secrets, or a damaged one. Put a copy of it back, "
                "or remove it and set the secrets again."
            ) from None
        if kept.format != _FORMAT:
            raise VaultError(f"{self.path}: has format {kept.format}. Upgrade Tollway.")
        return kept

    def _opened(self, key: bytes, name: str, sealed: Sealed) -> bytes:
        value = _unsealed(key, name, sealed)
        if value is None:
            raise VaultError(
                f"{self.path}: {name} does not decrypt: the file was changed by something else. "
                f"Set it again: tollway secrets set {name}"
            )
        return value

    def _write(self, kept: _File) -> None:
        temporary = self.path.with_name(f"{VAULT}.new")
        try:
            text = msgspec.json.format(msgspec.json.encode(kept), indent=1).decode()
            write_durably(temporary, text + "\n")
            temporary.replace(self.path)
            sync_folder(self._folder)
        except OSError as error:
            why = (error.strerror or "no reason given").lower()
            raise VaultError(f"{self.path}: the secrets cannot be written: {why}.") from None

    @contextmanager
    def _changing(self) -> Iterator[None]:
        make_state_folder(self._folder)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._folder / _LOCK, flags, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _next_key(place: KeyPlace, old: bytes) -> bytes:
    """The key to change to, which its place holds from now on: one that stands there already, as
    other stores may use it, else a fresh one beside the old one."""
    there = place.read()
    others = [key for key in there if key != old]
    if others:
        return others[0]
    fresh = new_key()
    place.write([fresh, *there])
    return fresh


def _own_key(kept: _File, place: KeyPlace, path: Path) -> bytes:
    keys = place.read()
    if not keys:
        raise VaultError(
            f"{path}: the secrets' key is missing; it was in {_where(place.name)}. Put it back "
            "there."
        )
    for key in keys:
        if _unsealed(key, "", kept.check) is not None:
            return key
    raise VaultError(
        f"{path}: the key in {_where(place.name)} is not the one that the secrets were encrypted "
        "with. Put that one back."
    )


def _where(place: str) -> str:
    words = {"env": "$TOLLWAY_SECRETS_KEY", "keyring": "the keyring", "file": "secrets.key"}
    return words.get(place, place.removeprefix("file:"))


def _check(key: bytes, utc: float) -> Sealed:
    """What only this key opens."""
    return _sealed(key, "", 0, b"", utc)


def _sealed(key: bytes, name: str, version: int, value: bytes, utc: float) -> Sealed:
    nonce = token_bytes(_NONCE)
    text: bytes = _cipher(key).encrypt(nonce, value, _bound(name, version))
    return Sealed(version, b64encode(nonce).decode(), b64encode(text).decode(), utc)


def _unsealed(key: bytes, name: str, sealed: Sealed) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    try:
        nonce, text = b64decode(sealed.nonce), b64decode(sealed.text)
        return _cipher(key).decrypt(nonce, text, _bound(name, sealed.version))
    except (InvalidTag, ValueError):
        return None


def _bound(name: str, version: int) -> bytes:
    """What a secret is bound to (rule 2)."""
    return msgspec.json.encode(["tollway secret", _FORMAT, name, version])


def _cipher(key: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise VaultError(
            'Secrets need cryptography, which is not installed. Run `pip install "tollway[guard]"`.'
        ) from None
    return AESGCM(key)
