"""`tollway drill`: fallback, tried on live traffic while somebody watches.

Rules
1. The gateway ends the drill by itself, also where this command dies.
2. Ctrl-C ends the drill early, and what was felt until then is reported.
"""

import os
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tollway.cli.drill_report import Drilled, as_json, print_report
from tollway.errors import Fault, FaultsFound
from tollway.fleet.quantities import MalformedError, duration
from tollway.gateway.admin_client import order
from tollway.ledger.drills import Period, felt
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ADMIN_SOCKET, ledger_path, state_folder

drill = App(
    name="drill",
    help="Take a source away from a share of live traffic, and report what users felt.",
)

_NO_FLAG = Parameter(negative="")
_LAST_ANSWERS = 60.0
"""Seconds that requests of the period may take, after it, to end."""


@drill.command
def lose(
    source: str,
    /,
    *,
    share: str = "1%",
    length: Annotated[str, Parameter(name="--for")] = "60s",
    yes_all: Annotated[bool, _NO_FLAG] = False,
    ledger: str | None = None,
    state: str | None = None,
    socket: Path | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Lose a source, for a share of the requests of its routes; exit 1 where users felt failures.

    To a drilled request the source is not there from its arrival on; everybody else goes on as
    before. The report compares the two groups. Ctrl-C ends the drill early and still reports.

    Parameters
    ----------
    source
        The source to lose, as the fleet file names it.
    share
        Of how many requests: 1%, 0.5%, or 0.01.
    length
        How long, an hour at most.
    yes_all
        Allow a share of 100%: an outage for everybody, if a fallback fails.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    socket
        The admin socket. Default: gateway.sock in the state folder.
    json
        Print one JSON object.
    """
    part, seconds = _share(share, yes_all), _seconds(length)
    admin = socket or state_folder(state, os.environ) / ADMIN_SOCKET
    path = ledger_path(ledger, state, os.environ)
    open_reader(path).close()  # where there is none, nothing is drilled
    asked = {"source": source, "share": part, "seconds": seconds, "all": yes_all}
    answer = order(admin, "/drill", asked)
    began, routes = float(answer["began"]), tuple(answer["routes"])
    _announce(source, part, seconds, routes, tuple(answer["alone"]))
    early = _wait(admin, seconds)
    until = min(began + seconds, time.time())
    period = Period(began, until, routes)
    left = _await_settled(path, period)
    with closing(open_reader(path)) as store:
        rows = store.settled(period)
    result = Drilled(
        source,
        part,
        period,
        early,
        felt(row for row in rows if row.drilled == source),
        felt(row for row in rows if row.drilled is None),
        left,
    )
    if json:
        sys.stdout.write(as_json(result))
    else:
        print_report(result)
    return 0 if result.held else 1


def _share(text: str, yes_all: bool) -> float:
    mend = 'Write a share such as "1%" or "0.01".'
    try:
        share = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        raise FaultsFound([Fault("--share", f'is "{text}", not a share', mend)]) from None
    if not 0.0 < share <= 1.0:
        raise FaultsFound([Fault("--share", f'is "{text}": above 0% and 100% at most', mend)])
    if share >= 1.0 and not yes_all:
        mend = "Take a smaller share, or say --yes-all."
        raise FaultsFound([Fault("--share", "is everybody: a fallback that fails is felt", mend)])
    return share


def _seconds(text: str) -> float:
    try:
        return duration(text)
    except MalformedError as fault:
        raise FaultsFound([Fault("--for", fault.problem, fault.mend)]) from None


def _announce(
    source: str, share: float, seconds: float, routes: tuple[str, ...], alone: tuple[str, ...]
) -> None:
    sys.stderr.write(
        f"{source} is taken from {share * 100:g}% of the requests of {', '.join(routes)} for "
        f"{seconds:g} s. Ctrl-C ends it.\n"
    )
    for route in alone:
        sys.stderr.write(f"Route {route} has no other source: its drilled users will fail.\n")


def _wait(admin: Path, seconds: float) -> bool:
    """Let the drill run; whether it was ended early. Says what is left on a terminal."""
    end = time.monotonic() + seconds
    shown = sys.stderr.isatty()
    try:
        while (left := end - time.monotonic()) > 0.0:
            if shown:
                sys.stderr.write(f"\r  {left:4.0f} s left ")
                sys.stderr.flush()
            time.sleep(min(left, 1.0))
    except KeyboardInterrupt:
        order(admin, "/drill/end", {})
        sys.stderr.write("\nThe drill has been ended early.\n")
        return True
    if shown:
        sys.stderr.write("\r" + " " * 20 + "\r")
    return False


def _await_settled(path: Path, period: Period) -> int:
    """Wait until what arrived in the period has ended; gives how many have not."""
    until = time.monotonic() + _LAST_ANSWERS
    with suppress(KeyboardInterrupt):
        while _unsettled(path, period) and time.monotonic() < until:
            time.sleep(0.1)
    return _unsettled(path, period)


def _unsettled(path: Path, period: Period) -> int:
    # Opened anew each time: a reader knows what was safe when it was opened.
    with closing(open_reader(path)) as store:
        return store.unsettled(period)
