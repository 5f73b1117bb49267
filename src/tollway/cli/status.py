"""`tollway status`: what runs in a state folder, and whether it is ready."""

import os
import sys
from pathlib import Path

import msgspec

from tollway.cli.invocation import this_command
from tollway.cli.running import read_running
from tollway.cli.table import printable
from tollway.errors import TollwayError
from tollway.gateway.admin_client import ask, ask_status
from tollway.ledger.state import LOG, state_folder


class Status(msgspec.Struct, frozen=True):
    """`fleet`, `pid` and `url` are None where nothing runs; `why` is why it isn't ready; `live` is
    the number of requests in flight, `drained` sources out of use with the reasons given."""

    running: bool
    ready: bool
    state: str
    log: str
    why: str | None = None
    fleet: str | None = None
    pid: int | None = None
    url: str | None = None
    live: int = 0
    drained: dict[str, str] = {}


def status(*, state: str | None = None, json: bool = False) -> int:
    """Say what runs and whether it is ready; exit 1 where it is not.

    Parameters
    ----------
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object.
    """
    folder = state_folder(state, os.environ)
    running = read_running(folder)
    log = str(folder / LOG)
    if running is None:
        found = Status(running=False, ready=False, state=str(folder), log=log)
    else:
        said = ask_status(Path(running.admin))
        found = Status(
            running=True,
            ready=said is not None and said.ready,
            why="its admin socket does not answer" if said is None else said.why,
            state=str(folder),
            log=log,
            fleet=running.fleet,
            pid=running.pid,
            url=running.url,
            live=0 if said is None else said.live,
            drained={} if said is None else _drained(Path(running.admin)),
        )
    _print(found, json=json)
    return 0 if found.ready else 1


def _print(found: Status, *, json: bool) -> None:
    if json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    elif not found.running:
        start = this_command("up", Path(found.state))
        sys.stdout.write(f"Nothing runs in {found.state}.\n")
        sys.stderr.write(f"`{start}` starts a gateway.\n")
    else:
        words = "ready" if found.ready else f"not ready: {found.why}"
        sys.stdout.write(
            f"Tollway is up and {words}.\n\n"
            f"  URL        {found.url}\n"
            f"  fleet      {found.fleet}\n"
            f"  log        {found.log}\n"
            f"  process    {found.pid}\n"
            f"  in flight  {found.live}\n"
        )
        for name, why in found.drained.items():
            words = printable(f"{name} ({why})" if why else name)
            sys.stdout.write(f"  drained    {words}; `tollway undrain {name}` puts it back\n")


def _drained(admin: Path) -> dict[str, str]:
    """The sources that are out of use, and why."""
    try:
        sources = ask(admin, "/live")["sources"]
    except TollwayError:  # it went away since it said that it was there
        return {}
    return {name: one["drained"]["why"] for name, one in sources.items() if one["drained"]}
