"""`tollway serve`: the gateway of a fleet file, in the foreground."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.ledger.state import make_state_folder, state_folder


def serve(
    fleet: Path,
    /,
    *,
    state: str | None = None,
    open_metrics: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Serve a fleet file in the foreground, until SIGTERM or Ctrl-C.

    Parameters
    ----------
    fleet
        The fleet file.
    state
        The state folder, for ledger and admin socket. Default: the fleet file's own folder.
    open_metrics
        Answer /metrics to any host. It names sources, so by default only this machine is answered.
    """
    from tollway.gateway.serve import serve as run

    path = fleet.absolute()
    folder = path.parent if state is None else make_state_folder(state_folder(state, os.environ))
    return run(path, folder, open_metrics=open_metrics)
