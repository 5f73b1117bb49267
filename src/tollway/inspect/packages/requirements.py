"""Reads the files that lock packages: requirements.txt, pylock.toml, uv.lock, package-lock.json.

Rules
1. A file is recognised by its name, else by what is in it.
2. What names no exact version, or no sha256 or sha512 digest, cannot be locked: it is `Unaudited`.
3. The project whose file it is, is no entry of it.
"""

import json
import tomllib
from pathlib import Path
from typing import Any, cast

from tollway.errors import Fault, FaultsFound
from tollway.inspect.packages.npm_lock import read_npm
from tollway.inspect.packages.pip_file import read_pip
from tollway.inspect.packages.pylock import read_pylock
from tollway.inspect.packages.uv_lock import read_uv
from tollway.pins.component import Package
from tollway.pins.finding import Unaudited

LARGEST = 64 << 20
_FORMS = "requirements.txt with hashes, pylock.toml, uv.lock or package-lock.json"

Read = tuple[tuple[Package, ...], tuple[Unaudited, ...]]


def read_requirements(path: Path) -> Read:
    """The packages that a file locks, and its entries that it does not lock (rule 2).

    Raises:
        FaultsFound: it cannot be read, or is none of the four forms.
    """
    text = read_text(path, path.name)
    form = _form(path.name, text)
    if form == "pip":
        return read_pip(path.name, text, lambda name: _included(path, name))
    told = _table(path.name, text, json_form=form == "npm")
    if form == "pylock" or (form == "toml" and "lock-version" in told):
        return read_pylock(path.name, told)
    if form == "uv" or (form == "toml" and isinstance(told.get("package"), list)):
        return read_uv(path.name, told)
    if form == "npm":
        return read_npm(path.name, told)
    raise FaultsFound([Fault(f"{path.name}:", "locks no packages", f"Name a {_FORMS}.")])


def _form(name: str, text: str) -> str:
    if name in ("package-lock.json", "npm-shrinkwrap.json") or text.lstrip()[:1] == "{":
        return "npm"
    if name == "uv.lock":
        return "uv"
    if name == "pylock.toml" or (name.startswith("pylock.") and name.endswith(".toml")):
        return "pylock"
    if name.endswith((".txt", ".in")):
        return "pip"
    return "toml" if name.endswith(".toml") or _is_toml(text) else "pip"


def _is_toml(text: str) -> bool:
    try:
        return bool(tomllib.loads(text))
    except (ValueError, RecursionError):
        return False


def _included(main: Path, name: str) -> str:
    return read_text(main.parent / name, name)


def read_text(path: Path, place: str) -> str:
    """The text of a regular file of UTF-8, at most 64 MiB."""
    mend = f"Name a {_FORMS}."
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
            raise FaultsFound([Fault(f"{place}:", "is not a regular file", mend)])
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FaultsFound([Fault(f"{place}:", f"cannot be read: {reason}", mend)]) from None
    if len(data) > LARGEST:
        raise FaultsFound([Fault(f"{place}:", "is larger than 64 MiB", mend)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fault = Fault(f"{place}:", f"is not UTF-8 at line {line}", "Save the file as UTF-8.")
        raise FaultsFound([fault]) from None


def _table(place: str, text: str, *, json_form: bool) -> dict[str, Any]:
    word = "JSON" if json_form else "TOML"
    try:
        told = json.loads(text) if json_form else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        mend = "Have its tool write it anew."
        raise FaultsFound([Fault(f"{place}:", f"is not {word}: {error}", mend)]) from None
    if not isinstance(told, dict):
        raise FaultsFound([Fault(f"{place}:", "holds no object", f"Name a {_FORMS}.")])
    return cast("dict[str, Any]", told)
