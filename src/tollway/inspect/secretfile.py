"""Fetches a secret from where the fleet file says it is.

Rules
1. No error repeats any of the secret.
2. A secret file that anyone may write is refused: its key could be swapped for one that reports to
   somebody else. One that anyone may read is `tollway check`'s business to warn of: container
   platforms mount secrets that way.
"""

import os
import shlex
import stat
from pathlib import Path

from tollway.errors import Fault, FaultsFound
from tollway.fleet.credential import Credential

LARGEST_SECRET = 16 * 1024


def read_secret(credential: Credential) -> str:
    """The secret, without the white space around it.

    Raises:
        FaultsFound: it is not there, empty, or not something that a header can carry.
    """
    place = f"credential {credential.scheme}:{credential.name}"
    text = _variable(credential.name, place) if credential.scheme == "env" else None
    secret = (_file(Path(credential.name).expanduser(), place) if text is None else text).strip()
    if not secret:
        raise _fault(place, "is empty", "Put the key there.")
    if not (secret.isascii() and secret.isprintable()) or " " in secret:
        problem = "holds characters that no key has (not shown)"
        raise _fault(place, problem, "Put the key there and nothing else, on one line.")
    return secret


def is_readable_by_all(credential: Credential) -> bool:
    """Whether any user of this machine may read the secret's file."""
    if credential.scheme == "env":
        return False
    try:
        return bool(Path(credential.name).expanduser().stat().st_mode & stat.S_IROTH)
    except (OSError, RuntimeError):
        return False


def _fault(place: str, problem: str, mend: str) -> FaultsFound:
    return FaultsFound([Fault(place, problem, mend)])


def _variable(name: str, place: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise _fault(place, "is not set", f"Set it: export {name}=...")
    return value


def _file(path: Path, place: str) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _fault(place, "is not a regular file", "Name a file that holds the key.")
        if status.st_mode & stat.S_IWOTH:
            raise _fault(
                place, "may be written by anyone", f"Run: chmod 600 {shlex.quote(str(path))}"
            )
        with path.open("rb") as file:
            data = file.read(LARGEST_SECRET + 1)
    except OSError as error:
        reason = (error.strerror or "no reason given").lower()
        raise _fault(place, f"cannot be read: {reason}", "Write the key there, mode 600.") from None
    if len(data) > LARGEST_SECRET:
        raise _fault(place, "is larger than 16 KiB", "Put the key there and nothing else.")
    return data.decode("utf-8", "replace")
