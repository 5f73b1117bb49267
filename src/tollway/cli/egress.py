"""`tollway egress`: the proxy through which tasks reach everything that is no model."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def egress(
    *,
    fleet: Path,
    state: str | None = None,
    until_eof: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Serve the proxy through which tasks reach everything that is no model.

    `tollway serve` runs it where the fleet file has [egress].

    Parameters
    ----------
    fleet
        The fleet file.
    state
        The state folder, with tasks and secrets. Default: the fleet file's own folder.
    until_eof
        End when standard input does.
    """
    from tollway.egress.loading import from_environment
    from tollway.egress.process import serve

    path = fleet.absolute()
    return serve(path, from_environment(state, path), until_eof=until_eof)
