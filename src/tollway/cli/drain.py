"""`tollway drain` and `tollway undrain`: a source out of use, and back.

Rules
1. A drain holds until it is ended: over reloads, restarts and the end of this command.
2. With `--wait` the command ends when the last request has left the source, and fails if one stays.
"""

import getpass
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from tollway.errors import Fault, FaultsFound
from tollway.fleet.quantities import MalformedError, duration
from tollway.gateway.admin_client import ask, order
from tollway.ledger.state import ADMIN_SOCKET, state_folder

_NO_FLAG = Parameter(negative="")
_LOOK_EVERY = 0.2
EXIT_STILL_BUSY = 1


def drain(
    source: str,
    /,
    *,
    why: str = "",
    all: Annotated[bool, _NO_FLAG] = False,  # noqa: A002 - the option's name
    wait: str | None = None,
    state: str | None = None,
    socket: Path | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Send no new requests to a source, until it is undrained; those in flight end there.

    Who waits for it is placed elsewhere. It stays drained over reloads and restarts.

    Parameters
    ----------
    source
        The source, as the fleet file names it.
    why
        The reason, for those who look.
    all
        Drain it even where a route is then left without any source.
    wait
        Wait so long (5m) until nothing is in flight there; exit 1 where something still is.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    socket
        The admin socket. Default: gateway.sock in the state folder.
    json
        Print one JSON object.
    """
    patience = None if wait is None else _seconds(wait)
    admin = socket or state_folder(state, os.environ) / ADMIN_SOCKET
    asked = {"source": source, "why": why, "by": name_of_user(), "all": all}
    answer = order(admin, "/drain", asked)
    left = _in_flight(admin, source)
    if patience is not None:
        left = _await_idle(admin, source, patience)
    if json:
        _print_json({"source": source, **answer, "in_flight": left})
    else:
        _say_drained(source, answer, left)
    return EXIT_STILL_BUSY if patience is not None and left else 0


def undrain(
    source: str,
    /,
    *,
    state: str | None = None,
    socket: Path | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Put a drained source back: requests go there again at once.

    Parameters
    ----------
    source
        The source, as the fleet file names it.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    socket
        The admin socket. Default: gateway.sock in the state folder.
    json
        Print one JSON object.
    """
    admin = socket or state_folder(state, os.environ) / ADMIN_SOCKET
    answer = order(admin, "/undrain", {"source": source, "by": name_of_user()})
    if json:
        _print_json({"source": source, **answer})
    elif answer["was"]:
        sys.stdout.write(f"{source} is back: requests go there from now on.\n")
    else:
        sys.stdout.write(f"{source} was not drained. Nothing has changed.\n")
    return 0


def _say_drained(source: str, answer: Mapping[str, Any], left: int) -> None:
    flying = "nothing is in flight there" if not left else f"{left} in flight there will end"
    sys.stdout.write(f"{source} takes no new requests; {flying}.\n")
    for route in answer["alone"]:
        sys.stderr.write(f"Route {route} has no source now: its requests are refused.\n")
    sys.stderr.write(f"`tollway undrain {source}` puts it back.\n")


def _await_idle(admin: Path, source: str, patience: float) -> int:
    """What is in flight there when nothing is any more, or when patience ends."""
    until = time.monotonic() + patience
    while (left := _in_flight(admin, source)) and time.monotonic() < until:
        time.sleep(_LOOK_EVERY)
    return left


def _in_flight(admin: Path, source: str) -> int:
    return int(ask(admin, "/live")["sources"][source]["outstanding"])


def _seconds(text: str) -> float:
    try:
        return duration(text)
    except MalformedError as fault:
        raise FaultsFound([Fault("--wait", fault.problem, fault.mend)]) from None


def name_of_user() -> str:
    """Who asks, for those who look later."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in many containers
        return f"user {os.getuid()}"


def _print_json(value: object) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
