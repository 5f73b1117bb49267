"""The watch as a process beside the gateway: looks at models in turn, and tells how they stand.

Rules
1. One question at a time, as a batch request of the watch's own key: users' requests go first.
2. Nothing is told that is not written down before: a restart knows what was withdrawn.
3. What was withdrawn is not asked until a person clears it.
"""

import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tollway.errors import Fault, FaultsFound
from tollway.gateway.log import Log
from tollway.gateway.memory import keep_private
from tollway.gateway.watching.key import own_key
from tollway.gateway.watching.turns import Watch
from tollway.inspect.fleetfile import read_fleet

_NOTICED: Final = 2.0
"""Seconds until a running gateway surely knows a new key."""

_POLL: Final = 2.0
"""Seconds after which what an operator has cleared is noticed."""


def serve(path: Path, folder: Path, *, until_eof: bool) -> int:
    """Watch until told to end. `folder` is the gateway's state folder.

    Raises:
        TollwayError: it cannot start.
    """
    keep_private()
    fleet = read_fleet(path)
    if fleet.drift is None:
        mend = "Write [drift], with the tenant who pays."
        raise FaultsFound([Fault(f"{path.name}:", "declares no [drift]", mend)])
    log = Log(time.time)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    if until_eof:
        threading.Thread(target=_at_eof, args=(over,), daemon=True).start()
    key, new = own_key(folder, folder / fleet.gateway.ledger, fleet.drift, time.time())
    if new:
        over.wait(_NOTICED)
    watch = Watch(path, fleet, folder, key, log.say)
    log.say(f"drift: {watch.plan()}")
    while not over.is_set():
        utc = time.time()
        wait = watch.turn(utc, datetime.fromtimestamp(utc, UTC).date(), over.is_set)
        over.wait(min(max(wait, 0.0), _POLL))
    return 0


def _at_eof(over: threading.Event) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    over.set()
