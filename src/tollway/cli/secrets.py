"""Keep secrets that tasks use without ever seeing them.

Rules
1. A value comes from standard input or a prompt without echo, never from the command line.
2. No command shows a value again.
"""

import os
import re
import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tollway.errors import TollwayError
from tollway.ledger.state import state_folder

secrets = App(name="secrets", help="Keep secrets, encrypted, that tasks use without seeing them.")

_NO_FLAG = Parameter(negative="")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@secrets.command(name="set")
def set_secret(name: str, /, *, key: str | None = None, state: str | None = None) -> int:
    """Set a secret to what standard input holds, or to what is typed.

    Parameters
    ----------
    name
        The secret's name, as in [secrets.NAME] of the fleet file.
    key
        Where the key of a new store goes: env ($TOLLWAY_SECRETS_KEY), keyring, file (secrets.key
        in the state folder) or file:PATH. Default: env where it is set, else keyring where there
        is one, else file.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """
    if _NAME.fullmatch(name) is None:
        raise TollwayError(
            "secrets: the name is no name (not shown, in case it is the secret). Use letters, "
            "digits, dots, dashes and underscores; the value goes to standard input."
        )
    from tollway.broker.vault import Vault

    folder = _folder(state)
    vault = Vault(folder, os.environ)
    fresh = vault.key_place() is None
    place = key or (_default_place() if fresh else None)
    version = vault.set(name, _value(name), time.time(), place)
    sys.stderr.write(f"{name}: set, version {version}\n")
    if fresh:
        sys.stderr.write(f"The key is in {_said(vault.key_place() or '', folder)}. Keep a copy.\n")
    return 0


@secrets.command(name="list")
def list_secrets(*, state: str | None = None, json: Annotated[bool, _NO_FLAG] = False) -> int:
    """List secrets by name, never by value.

    Parameters
    ----------
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object.
    """
    from tollway.broker.vault import Vault
    from tollway.cli.table import Column, print_table
    from tollway.ledger.moments import stamp

    vault = Vault(_folder(state), os.environ)
    kept = vault.list()
    if json:
        import msgspec

        rows = [{"name": n, "version": v, "set": at} for n, (v, at) in sorted(kept.items())]
        facts = {"key": vault.key_place(), "secrets": rows}
        sys.stdout.write(msgspec.json.encode(facts).decode() + "\n")
        return 0
    if not kept:
        sys.stderr.write("There are no secrets. Set one: tollway secrets set NAME\n")
        return 0
    columns = (Column("name"), Column("version", number=True), Column("set"))
    rows = [(n, str(v), stamp(at)) for n, (v, at) in sorted(kept.items())]
    print_table(columns, rows)
    return 0


@secrets.command
def remove(name: str, /, *, state: str | None = None) -> int:
    """Forget a secret.

    Parameters
    ----------
    name
        The secret's name.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """
    from tollway.broker.vault import Vault

    Vault(_folder(state), os.environ).remove(name)
    sys.stderr.write(f"{name}: removed\n")
    return 0


@secrets.command(name="rotate-key")
def rotate_key(*, key: str | None = None, state: str | None = None) -> int:
    """Encrypt every secret with a new key.

    Parameters
    ----------
    key
        Where the new key goes: env, keyring, file or file:PATH. Default: where the old one is.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """
    from tollway.broker.vault import Vault

    folder = _folder(state)
    vault = Vault(folder, os.environ)
    count = vault.rotate(time.time(), key)
    where = _said(vault.key_place() or "", folder)
    sys.stderr.write(f"{count} secrets are encrypted with a new key, in {where}.\n")
    return 0


def _folder(state: str | None) -> Path:
    return state_folder(state, os.environ)


def _default_place() -> str:
    from tollway.broker.key import VARIABLE, has_keyring

    if VARIABLE in os.environ:
        return "env"
    return "keyring" if has_keyring() else "file"


def _said(place: str, folder: Path) -> str:
    words = {"env": "$TOLLWAY_SECRETS_KEY", "keyring": "the keyring"}
    return words.get(place) or str(folder / (place[5:] or "secrets.key"))


def _value(name: str) -> bytes:
    """What was typed or piped, without the line's end."""
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass(f"{name}: ").encode()
    value = sys.stdin.buffer.read(1 << 20)
    return value.removesuffix(b"\n").removesuffix(b"\r")
