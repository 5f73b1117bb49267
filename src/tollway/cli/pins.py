"""`tollway pins`: what differs between two locks, and between the code that they lock."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

pins = App(
    name="pins", help="Say what differs between two locks, and between the code of their artifacts."
)

_NO_FLAG = Parameter(negative="")


@pins.command
def diff(
    old: Path,
    new: Path,
    /,
    *,
    artifacts: Path | None = None,
    old_tools: Path | None = None,
    new_tools: Path | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Say what differs from one lock to another; exit 1 for differences, 3 where not comparable.

    Parameters
    ----------
    old
        The lock as it was.
    new
        The lock as it would be.
    artifacts
        A folder with the artifacts of both; the code of releases that changed is compared.
    old_tools
        The file of pinned descriptions (tools.lock) as it was, to show what a tool's text was.
    new_tools
        The file of pinned descriptions as it would be.
    json
        Print one JSON object.
    """
    from tollway.cli.pins_diff import show_difference

    return show_difference(old, new, artifacts, (old_tools, new_tools), json=json)
