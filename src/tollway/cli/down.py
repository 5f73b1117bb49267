"""`tollway down`: stop the gateway that `tollway up` started, once its streams have ended."""

import os
import signal
import sys
import time

from tollway.cli.running import Running, forget_running, is_alive, read_running
from tollway.ledger.state import LOG, state_folder

_BEYOND_DRAIN = 10.0
"""Seconds beyond the fleet's `drain` for the ledger's last commit and the emulators' end."""

_POLL = 0.05
_REPORT_AFTER = 2.0


def down(*, state: str | None = None) -> int:
    """Stop the gateway once its streams have ended.

    Parameters
    ----------
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """
    folder = state_folder(state, os.environ)
    running = read_running(folder)
    if running is None:
        forget_running(folder)
        sys.stderr.write(f"Nothing runs in {folder}.\n")
        return 0
    os.kill(running.pid, signal.SIGTERM)
    if _wait_gone(running):
        forget_running(folder)
        sys.stderr.write("Tollway is down.\n")
        return 0
    os.kill(running.pid, signal.SIGKILL)
    forget_running(folder)
    sys.stderr.write(
        f"Process {running.pid} did not stop within {running.drain + _BEYOND_DRAIN:g} s and was "
        f"killed; the next start settles what it left open. {folder / LOG} has its last words.\n"
    )
    return 1


def _wait_gone(running: Running) -> bool:
    begun = time.monotonic()
    reported = begun
    while is_alive(running):
        now = time.monotonic()
        if now - begun > running.drain + _BEYOND_DRAIN:
            return False
        if now - reported > _REPORT_AFTER:
            reported = now
            sys.stderr.write(
                f"  streams in flight end first: {now - begun:.0f} s of {running.drain:g} s\n"
            )
        time.sleep(_POLL)
    return True
