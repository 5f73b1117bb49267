"""Holds an installed Python environment against the lock.

Rules
1. What is installed is locked, at its version, and its files are those that its RECORD lists.
2. A file that every start of the interpreter runs (`.pth`, sitecustomize, usercustomize) belongs to
   a package, and the lock knows it.
3. What is only locked and not installed is no finding: an environment need not hold everything.
"""

import base64
import csv
import re
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import Distribution, distributions
from pathlib import Path

from tollway.errors import Fault, FaultsFound
from tollway.pins.component import PypiPackage, released
from tollway.pins.finding import Finding, Findings, Unaudited
from tollway.pins.lock import Lock

_CUSTOM = ("sitecustomize.py", "usercustomize.py")
_MEND = "Make the environment anew from the lock: pip install --require-hashes"


def installed(environment: Path, lock: Lock) -> Findings:
    """What of a virtual environment is not as locked.

    Raises:
        FaultsFound: the folder holds no site-packages.
    """
    folders = sorted(environment.glob("lib/python*/site-packages"))
    if not folders:
        mend = "Name a virtual environment's folder."
        raise FaultsFound([Fault(f"{environment}:", "holds no site-packages", mend)])
    found: list[Finding] = []
    unaudited: list[Unaudited] = []
    locked = {(released(it), it.version): it for it in lock.component
              if isinstance(it, PypiPackage)}  # fmt: skip
    names = {name for name, _ in locked}
    looked = 0
    startup: set[Path] = set()
    for folder in folders:
        for one in distributions(path=[str(folder)]):
            looked += 1
            name = _normal(one.name or "")
            package = locked.get((name, one.version))
            found += _release(name, one, package, name in names)
            records = _records(one)
            if records is None:
                why = "it was installed without a list of its files (RECORD)"
                unaudited.append(Unaudited(f"pypi:{name}", "installed files", why))
            else:
                found += _files(name, folder, records)
                own = {folder / it for it in records if _starts(it)}
                found += _unknown_startup(name, own, package)
                startup |= own
        found += _orphans(folder, startup)
    return Findings(tuple(found), tuple(unaudited), looked)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _release(
    name: str, one: Distribution, package: PypiPackage | None, known: bool
) -> Iterator[Finding]:
    if package is not None:
        return
    problem = f"{one.version} is installed, and "
    problem += "another version is locked" if known else "it is not locked"
    yield Finding(f"pypi:{name}", "verify.installed", problem, _MEND)


def _records(one: Distribution) -> dict[str, str] | None:
    """Path -> `sha256=...` of what RECORD lists; None where there is none."""
    text = one.read_text("RECORD")
    if not text:
        return None
    return {row[0]: row[1] for row in csv.reader(text.splitlines()) if len(row) == 3}


def _files(name: str, folder: Path, records: dict[str, str]) -> Iterator[Finding]:
    for path, told in records.items():
        kind, _, digest = told.partition("=")
        if kind != "sha256":  # RECORD itself, and what was compiled here
            continue
        try:
            data = (folder / path).read_bytes()
        except OSError:
            yield Finding(f"pypi:{name}", "verify.file", "is not there", _MEND, path)
            continue
        if base64.urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode() != digest:
            problem = "is not what was installed"
            yield Finding(f"pypi:{name}", "verify.file", problem, _MEND, path)


def _starts(path: str) -> bool:
    return "/" not in path and (path.endswith(".pth") or path in _CUSTOM)


def _unknown_startup(name: str, own: set[Path], package: PypiPackage | None) -> Iterator[Finding]:
    known = () if package is None else (package.startup or ())
    for path in sorted(own):
        if path.name not in known:
            problem = "runs at every start of the interpreter, and the lock does not know it"
            mend = "Read it; then run: tollway lock"
            yield Finding(f"pypi:{name}", "verify.startup", problem, mend, path.name)


def _orphans(folder: Path, owned: set[Path]) -> Iterator[Finding]:
    for path in sorted(it for it in folder.iterdir() if _starts(it.name)):
        if path not in owned:
            problem = "runs at every start of the interpreter, and is no package's"
            mend = "Read it, and take it away."
            yield Finding("pypi:", "verify.startup", problem, mend, path.name)
