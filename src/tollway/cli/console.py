"""`tollway console`: pages for people, and the key that lets them in."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

console = App(name="console", help="Serve pages for people, and make the key that lets them in.")


@console.command
def serve(
    *,
    fleet: Path = Path("fleet.toml"),
    state: str | None = None,
    until_eof: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Serve the console of a fleet file's gateway, in the foreground, until SIGTERM or Ctrl-C.
    `tollway serve` runs it where the fleet file has [console].

    Parameters
    ----------
    fleet
        The fleet file.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    until_eof
        End when standard input does.
    """
    from tollway.cli.console_serve import serve_console

    return serve_console(fleet, state, until_eof)


@console.command
def key(*, state: str | None = None) -> int:
    """Make the console's admin key and print it: once, it is kept nowhere. One that was made before
    ends, and who is signed in with it is signed out.

    Parameters
    ----------
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """
    import os
    import sys

    from tollway.console.adminkey import make_admin_key
    from tollway.ledger.state import make_state_folder, state_folder

    folder = make_state_folder(state_folder(state, os.environ))
    sys.stdout.write(make_admin_key(folder) + "\n")
    return 0
