"""Where Tollway keeps what it must remember between two starts: the state folder and its files.

Rules
1. The folder is what was asked for, else $TOLLWAY_STATE, else `.tollway` in the current directory
   where that exists, else `$XDG_STATE_HOME/tollway` (`~/.local/state/tollway`).
2. Only its owner may look into it: mode 0700, and files in it that hold money or a key 0600.
3. A folder of somebody else's, or one that all users share as they do /tmp, is not used: who could
   put files there could name the gateway that our commands talk to and the process they stop.
4. A database that is there is opened by SQLite alone. Closing any other descriptor of the file
   drops the locks that this process has on it; whoever closes the database next then takes away
   the log that others still write, and what they write is lost.
"""

import errno
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tollway.errors import TollwayError

LEDGER = "ledger.sqlite"
ADMIN_SOCKET = "gateway.sock"
LOG = "tollway.log"
PID = "tollway.pid"
DEMO_KEY = "demo.key"

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def state_folder(explicit: str | None, environ: Mapping[str, str]) -> Path:
    """The state folder by rule 1, absolute. It need not exist yet."""
    named = explicit or environ.get("TOLLWAY_STATE")
    if named:
        return Path(named).expanduser().absolute()
    here = Path(".tollway").absolute()
    if here.is_dir():
        return here
    base = environ.get("XDG_STATE_HOME", "")
    # The XDG base directory specification says to ignore a relative path here.
    home = Path(base) if Path(base).is_absolute() else Path("~/.local/state").expanduser()
    return home.absolute() / "tollway"


def make_database(path: Path) -> None:
    """Make a database's file, for its owner alone, where it is not there (rule 4).

    Raises:
        OSError: it cannot be made.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))


def make_state_folder(folder: Path) -> Path:
    """Create the folder for its owner alone, and return it; one that exists is left as it is.

    Raises:
        TollwayError: rule 3, or it cannot be created.
    """
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        why = (error.strerror or "no reason given").lower()
        mend = "Name another state folder (--state, or $TOLLWAY_STATE)."
        raise TollwayError(f"{folder}: cannot be created: {why}. {mend}") from None
    refuse_foreign(folder)
    return folder


def refuse_foreign(folder: Path) -> None:
    """Enforce rule 3 where the folder exists. Root may look after anyone's, but not after a shared
    one.

    Raises:
        TollwayError: others decide what is in the folder.
    """
    try:
        found = folder.stat()
    except OSError:
        return
    me = os.geteuid()
    if me and found.st_uid not in (me, 0):
        raise TollwayError(f"{folder}: belongs to user {found.st_uid}. Name another folder.")
    if found.st_mode & stat.S_ISVTX and found.st_mode & stat.S_IWOTH:
        raise TollwayError(f"{folder}: is shared by all users. Name a folder of your own in it.")


def ledger_path(ledger: str | None, state: str | None, environ: Mapping[str, str]) -> Path:
    """The ledger named outright, else the one in the state folder; absolute."""
    if ledger:
        return Path(ledger).expanduser().absolute()
    return state_folder(state, environ) / LEDGER
