"""Older versions of a lock: out of git, or out of a folder of files.

Rules
1. Git is asked for reading only, with bounds on commits, time and bytes; hooks, pagers and
   configuration of the repository's own are kept out of it where they could run something.
2. What is there and cannot be read is kept as unreadable, never left out.
"""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from tollway.errors import FaultsFound, TollwayError
from tollway.pins.incident import Held
from tollway.pins.lock import read_lock

MOST = 500
_PATIENCE = 20.0
_LARGEST = 64 << 20


def held_in_git(lock: Path) -> tuple[Held, ...]:
    """The committed versions of a lock, the oldest first; none where it is in no repository.

    Raises:
        TollwayError: git does not answer.
    """
    folder = lock.absolute().parent
    if not any((it / ".git").exists() for it in (folder, *folder.parents)):
        return ()
    told = _git(folder, "log", f"--max-count={MOST + 1}", "--format=%H %ct", "--", lock.name)
    rows = [line.split() for line in told.decode("ascii", "replace").splitlines()]
    found = [_version(folder, lock.name, commit, int(when)) for commit, when in rows[:MOST]]
    if len(rows) > MOST:
        why = f"only the latest {MOST} commits were read"
        found.append(Held(None, "older commits", None, why))
    return tuple(reversed(found))


def _version(folder: Path, name: str, commit: str, when: int) -> Held:
    at = datetime.fromtimestamp(when, UTC)
    origin = f"commit {commit[:12]}"
    try:
        data = _git(folder, "cat-file", "blob", f"{commit}:./{name}")
    except TollwayError:
        # The commit that took it away has no file of it: from then on nothing was locked.
        return Held(at, origin, read_lock("version = 1\n", origin))
    return _held(at, origin, data)


def held_in(folder: Path) -> tuple[Held, ...]:
    """Locks kept as files `*.lock` of a folder, by the time of their last change, oldest first."""
    files = sorted(folder.glob("*.lock"), key=lambda it: (it.stat().st_mtime, it.name))
    return tuple(
        _held(datetime.fromtimestamp(it.stat().st_mtime, UTC), it.name, it.read_bytes())
        for it in files
    )


def _held(at: datetime, origin: str, data: bytes) -> Held:
    if len(data) > _LARGEST:
        return Held(at, origin, None, f"is larger than {_LARGEST >> 20} MiB")
    try:
        return Held(at, origin, read_lock(data.decode("utf-8"), origin))
    except (UnicodeDecodeError, FaultsFound) as error:
        why = str(error).splitlines()[0] if isinstance(error, FaultsFound) else "is not UTF-8"
        return Held(at, origin, None, why)


def _git(folder: Path, *words: str) -> bytes:
    safe = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat")
    environ = {
        key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG")
    } | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - git, by its name, with words of ours
            ["git", *safe, "--no-pager", *words],  # noqa: S607
            cwd=folder, env=environ, capture_output=True, timeout=_PATIENCE, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TollwayError(f"git does not answer: {error}. Name --history FOLDER.") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
        raise TollwayError(f"git {words[0]}: {said[0] if said else done.returncode}")
    return done.stdout
