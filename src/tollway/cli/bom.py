"""`tollway bom`: a lock as a CycloneDX 1.7 bill of materials.

Rules
1. The same lock gives the same bytes: the serial number follows from the lock's own, and the moment
   from --time, from $SOURCE_DATE_EPOCH, or is that of the beginning of the epoch.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from tollway.errors import Fault, FaultsFound


def bom(
    lock: Path = Path("ai.lock"),
    /,
    *,
    out: Path | None = None,
    time: str | None = None,
) -> int:
    """Write a lock as a CycloneDX 1.7 bill of materials (JSON).

    Parameters
    ----------
    lock
        The lock.
    out
        The file to write. Default: standard output.
    time
        The moment that it bears, as 2026-11-23T12:00:00Z. Default: $SOURCE_DATE_EPOCH, else 1970.
    """
    from tollway import __version__
    from tollway.inspect.lockfile import read_lock_file
    from tollway.pins.bom import bom_text
    from tollway.pins.lock import lock_text

    read = read_lock_file(lock)
    text = bom_text(read, serial=_serial(lock_text(read)), made=_moment(time), version=__version__)
    if out is None:
        sys.stdout.write(text)
        return 0
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        why = (error.strerror or "cannot be written").lower()
        raise FaultsFound([Fault(f"--out {out}", why, "Name another file.")]) from None
    sys.stderr.write(f"{out}: {len(read.component)} components.\n")
    return 0


def _serial(text: str) -> str:
    """A UUID of version 5, made from the lock's digest."""
    from hashlib import sha256
    from uuid import NAMESPACE_URL, uuid5

    return str(uuid5(NAMESPACE_URL, f"ai.lock sha256:{sha256(text.encode()).hexdigest()}"))


def _moment(said: str | None) -> datetime:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "0")
    try:
        if said is None:
            return datetime.fromtimestamp(int(epoch), UTC)
        moment = datetime.fromisoformat(said)
    except (ValueError, OverflowError, OSError):
        place, value = ("SOURCE_DATE_EPOCH", epoch) if said is None else ("--time", said)
        fault = Fault(place, f"is {value!r}, not a moment", "Write 2026-11-23T12:00:00Z.")
        raise FaultsFound([fault]) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
