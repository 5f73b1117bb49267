"""`tollway events`: what the guard decided, by whom, about what."""

import os
import sys
import time
from contextlib import closing
from typing import Annotated, Any

from cyclopts import Parameter

_NO_FLAG = Parameter(negative="")
_PAUSE = 0.5


def events(
    *,
    task: str | None = None,
    last: int = 50,
    follow: Annotated[bool, _NO_FLAG] = False,
    ocsf: Annotated[bool, _NO_FLAG] = False,
    state: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Show security events: what was found, asked, changed and denied.

    Parameters
    ----------
    task
        Only those of this task, by its id.
    last
        So many of the latest.
    follow
        Go on showing new ones, until Ctrl-C.
    ocsf
        Print each as a line of OCSF, the Open Cybersecurity Schema Framework.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print each as a line of JSON.
    """
    from tollway.errors import Fault, FaultsFound
    from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
    from tollway.ledger.guarded.events import Events
    from tollway.ledger.state import state_folder

    if last < 0:
        raise FaultsFound([Fault("--last", f"is {last}", "Name zero or more.")])
    shown = 0
    with closing(GuardBook(state_folder(state, os.environ) / GUARD_BOOK)) as book:
        kept = Events(book)
        seen = 0
        for number, event in kept.last(max(last, 1), task):
            seen = number
            if last:
                shown += 1
                _print(event, ocsf=ocsf, json=json)
        if not shown and not follow:
            sys.stderr.write("No security events.\n")
        try:
            while follow:
                for number, event in kept.read(task, seen):
                    seen = number
                    _print(event, ocsf=ocsf, json=json)
                sys.stdout.flush()
                time.sleep(_PAUSE)
        except KeyboardInterrupt:
            return 130
    return 0


def _print(event: Any, *, ocsf: bool, json: bool) -> None:
    if ocsf:
        from tollway.guard.ocsf import ocsf_line

        sys.stdout.write(ocsf_line(event).decode())
    elif json:
        import msgspec

        sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
    else:
        from tollway.cli.table import printable
        from tollway.ledger.moments import stamp

        whose = " ".join(it for it in (event.tenant, event.task and f"task {event.task}") if it)
        place = f" {event.place}" if event.place else ""
        line = f"{stamp(event.at)} {event.concern} {event.outcome}{place}"
        line += f" ({whose})" if whose else ""
        sys.stdout.write(printable(f"{line}: {' '.join(event.words.split())}") + "\n")
