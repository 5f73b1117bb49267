"""What a fleet file declares of tools, where its pins are, and how agents name a tool."""

from pathlib import Path

from tollway.errors import Fault, FaultsFound
from tollway.fleet.objects import Fleet
from tollway.fleet.tooling import ToolSettings

SEPARATOR = "__"
"""Between a server's name and its tool's, in what agents call it."""


def settings_of(fleet: Fleet, path: Path) -> ToolSettings:
    """What a fleet declares of tools.

    Raises:
        FaultsFound: nothing.
    """
    if fleet.tools is None:
        raise FaultsFound([Fault(f"{path}", "declares no tools", "Write [tools] and its servers.")])
    return fleet.tools


def lock_of(settings: ToolSettings, path: Path) -> Path:
    """Where a fleet file's pins are."""
    return path.absolute().parent / settings.lock
