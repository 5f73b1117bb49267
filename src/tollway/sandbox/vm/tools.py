"""Programs of this machine that a build runs: to their end, with their words where they fail."""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tollway.errors import TollwayError

_LAST = 400
"""Characters of a failed program's own words that are repeated."""


def found(program: str) -> Path | None:
    """Where a program is, on PATH or where Debian keeps those of the system; None where not."""
    path = os.environ.get("PATH", "/usr/bin:/bin")
    where = shutil.which(program, path=f"{path}:/usr/local/sbin:/usr/sbin:/sbin")
    return Path(where) if where else None


def needed(program: str, package: str) -> Path:
    """The same.

    Raises:
        TollwayError: it is not there.
    """
    where = found(program)
    if where is None:
        raise TollwayError(
            f"sandbox: {program} is not installed. `apt-get install {package}` brings it."
        )
    return where


async def ran(
    argv: Sequence[str | Path],
    mend: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """What a program printed, once it has ended well.

    Raises:
        TollwayError: it did not; its last words and the mend.
    """
    quiet = {**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})}
    process = await asyncio.create_subprocess_exec(
        *map(str, argv),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=quiet,
        start_new_session=True,
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        words = " ".join(err.decode(errors="replace").split())[-_LAST:]
        name = Path(argv[0]).name
        raise TollwayError(f"sandbox build: {name} failed: {words or 'without a word'}. {mend}")
    return out.decode(errors="replace")
