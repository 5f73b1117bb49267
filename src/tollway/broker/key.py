"""The key that secrets are encrypted with: where it is, and how it is made.

Rules
1. It is never an argument of a command: others see those. It is in the keyring of the operating
   system, in a file for its owner alone, or in an environment variable.
2. A place may hold several keys, a line each, while they are being changed: a store says by a check
   value which one is its own.
"""

import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from secrets import token_bytes
from typing import Any, Protocol

from tollway.errors import TollwayError
from tollway.ledger.state import FILE_MODE

VARIABLE = "TOLLWAY_SECRETS_KEY"
KEY_BYTES = 32
_SERVICE = "tollway"
_LARGEST = 4096


class KeyPlace(Protocol):
    """Somewhere a key is kept. `name` is how a store refers to it."""

    name: str

    def read(self) -> list[bytes]:
        """The keys, none where there is none yet.

        Raises:
            TollwayError: they are there and cannot be used.
        """
        ...

    def write(self, keys: list[bytes]) -> None:
        """Replace them, durably.

        Raises:
            TollwayError: they cannot be kept there.
        """
        ...


def new_key() -> bytes:
    """A fresh key."""
    return token_bytes(KEY_BYTES)


def place_of(name: str, folder: Path, environ: Mapping[str, str]) -> KeyPlace:
    """The place that a store, or a person, names: `env`, `keyring`, `file` (in the store's folder)
    or `file:PATH`.

    Raises:
        TollwayError: there is no such kind of place, or its package is missing.
    """
    if name == "env":
        return Variable(environ)
    if name == "keyring":
        return Keyring(str(folder.absolute()))
    if name == "file" or name.startswith("file:"):
        path = Path(name[5:]).expanduser() if name[5:] else Path("secrets.key")
        return KeyFile(name, folder / path)
    raise TollwayError(
        f'secrets: the key\'s place is "{name[:40]}". Write env, keyring, file or file:PATH.'
    )


class Variable:
    """`TOLLWAY_SECRETS_KEY`, which we can read and not change."""

    name = "env"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def read(self) -> list[bytes]:
        text = self._environ.get(VARIABLE)
        return [] if text is None else parsed(text, f"${VARIABLE}")

    def write(self, keys: list[bytes]) -> None:
        raise TollwayError(
            f"secrets: the key is in ${VARIABLE}, where it cannot be written. Set the variable to "
            "a key, or to a new one and the old one with a blank between them, and run this again."
        )


class KeyFile:
    """A file of mode 0600."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path

    def read(self) -> list[bytes]:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return []
        except OSError as error:
            why = (error.strerror or "no reason given").lower()
            raise TollwayError(f"{self._path}: the secrets' key cannot be read: {why}.") from None
        with os.fdopen(descriptor, "rb") as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise TollwayError(f"{self._path}: is no regular file. Name the key's file.")
            if status.st_mode & 0o077 or status.st_uid not in (os.geteuid(), 0):
                raise TollwayError(
                    f"{self._path}: others may read or write the secrets' key. Run: chmod 600 "
                    f"{self._path}, and change the key: tollway secrets rotate-key."
                )
            text = opened.read(_LARGEST).decode("ascii", "replace")
        return parsed(text, str(self._path))

    def write(self, keys: list[bytes]) -> None:
        temporary = self._path.with_name(f"{self._path.name}.new")
        try:
            write_durably(temporary, "".join(f"{b64encode(key).decode()}\n" for key in keys))
            temporary.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            why = (error.strerror or "no reason given").lower()
            raise TollwayError(
                f"{self._path}: the secrets' key cannot be written: {why}. Name another place "
                "with --key."
            ) from None


class Keyring:
    """The operating system's keyring, by the package `keyring`."""

    name = "keyring"

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._keyring = _keyring()

    def read(self) -> list[bytes]:
        try:
            text = self._keyring.get_password(_SERVICE, self._folder)
        except Exception as error:  # noqa: BLE001 - backends raise what they like
            raise _unusable(error) from None
        return [] if text is None else parsed(str(text), "the keyring")

    def write(self, keys: list[bytes]) -> None:
        text = "\n".join(b64encode(key).decode() for key in keys)
        try:
            self._keyring.set_password(_SERVICE, self._folder, text)
        except Exception as error:  # noqa: BLE001 - backends raise what they like
            raise _unusable(error) from None


def has_keyring() -> bool:
    """Whether this machine has a keyring that can be used without asking anyone."""
    try:
        return float(_keyring().get_keyring().priority) >= 1
    except (TollwayError, AttributeError, TypeError, ValueError, RuntimeError):
        return False


def _keyring() -> Any:
    try:
        import keyring  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise TollwayError(
            "The keyring needs the package keyring, which is not installed. Run `pip install "
            "keyring`, or name another place with --key."
        ) from None
    return keyring


def _unusable(error: Exception) -> TollwayError:
    return TollwayError(
        f"secrets: the keyring cannot be used ({type(error).__name__}). Unlock it, or name another "
        "place with --key."
    )


def parsed(text: str, place: str) -> list[bytes]:
    """Keys of their text, a line of base64 each.

    Raises:
        TollwayError: one is no key. It is not repeated.
    """
    keys: list[bytes] = []
    for line in text.split():
        try:
            key = b64decode(line, validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise TollwayError(
                f"{place}: holds no key of the secrets (not shown). A key is {KEY_BYTES} bytes in "
                "base64: head -c 32 /dev/urandom | base64"
            )
        keys.append(key)
    return keys


def write_durably(path: Path, text: str) -> None:
    """Write a file of mode 0600 to the disk."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, FILE_MODE), "w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())


def sync_folder(folder: Path) -> None:
    """Have a renaming in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
