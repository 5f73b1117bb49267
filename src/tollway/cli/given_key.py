"""A virtual key that a command is to present: never an argument, always the place of one."""

import os
from pathlib import Path

from tollway.errors import TollwayError
from tollway.fleet.quantities import MalformedError, credential
from tollway.ledger.state import DEMO_KEY

KEY_VARIABLE = "TOLLWAY_KEY"


def given_key(where: str | None, folder: Path) -> str:
    """The key at `where` (env:NAME or file:PATH); by default $TOLLWAY_KEY, else the demo's key in
    the state folder.

    Raises:
        TollwayError: there is none.
    """
    if where is None:
        kept = folder / DEMO_KEY
        found = os.environ.get(KEY_VARIABLE) or (kept.read_text() if kept.is_file() else "")
        if not found.strip():
            raise TollwayError(
                f"No key: ${KEY_VARIABLE} is not set and {kept} is not there. "
                "Say where one is with --key env:NAME or --key file:PATH."
            )
        return _clean(found, "The key")
    try:
        reference = credential(where)
    except MalformedError as error:
        raise TollwayError(f"--key {error}") from error
    if reference.scheme == "env":
        return _clean(os.environ.get(reference.name, ""), f"--key env:{reference.name}")
    try:
        return _clean(Path(reference.name).expanduser().read_text(), f"--key {where}")
    except (OSError, UnicodeDecodeError) as error:
        raise TollwayError(f"--key {where} cannot be read: {error}") from error


def _clean(text: str, place: str) -> str:
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise TollwayError(f"{place} does not hold a key. `tollway keys create` makes one.")
    return key
