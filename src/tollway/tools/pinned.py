"""Tools as their pinned descriptions are: what the lock holds of them."""

from hashlib import sha256
from pathlib import Path

from tollway.fleet.objects import Fleet
from tollway.guard.tools.arguments import canonical
from tollway.pins.component import PinnedTool
from tollway.tools.lock import read_lock


def pinned_tools(fleet: Fleet, path: Path) -> dict[str, tuple[PinnedTool, ...]]:
    """Tools by server; `path` is the fleet file's. Raises `FaultsFound` where the file of pinned
    descriptions cannot be read."""
    if fleet.tools is None:
        return {}
    file = path.absolute().parent / fleet.tools.lock
    if not file.exists():
        return {}
    return {
        server: tuple(
            PinnedTool(
                name=name,
                description=_digest(it.text),
                schema=_digest(canonical([it.input_schema, it.output_schema])),
            )
            for name, it in sorted(tools.items())
        )
        for server, tools in read_lock(file).items()
    }


def _digest(text: str) -> str:
    return f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
