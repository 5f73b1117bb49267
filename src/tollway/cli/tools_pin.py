"""Pins what servers say of their tools, after showing what is new in it.

Rules
1. A tool that the fleet file does not declare is neither pinned nor offered; it is named.
2. What is hidden from a reader is said before it is pinned. Nothing hidden reaches the terminal.
"""

import asyncio
import difflib
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tollway.cli.table import printable
from tollway.errors import FaultsFound, unknown
from tollway.fleet.tooling import ToolSettings
from tollway.gateway.log import Log
from tollway.guard.tools.description import Description, oddities
from tollway.inspect.fleetfile import read_fleet
from tollway.tools.house import lock_of, settings_of
from tollway.tools.lock import Pins, read_lock, write_lock
from tollway.tools.verified import Servers


def pin_tools(fleet: Path, servers: tuple[str, ...], *, check: bool) -> int:
    """Ask the servers, show what differs, and write it unless it is only checked."""
    settings = settings_of(read_fleet(fleet), fleet)
    wanted = wanted_servers(settings, servers)
    path = lock_of(settings, fleet)
    old = _pinned(path, anew=not servers)
    offered = asyncio.run(asked(settings, wanted))
    new: dict[str, Mapping[str, Description]] = {
        name: old[name] for name in settings.servers if name in old and name not in wanted
    }
    differs = False
    for server in wanted:
        declared = settings.servers[server].tools
        new[server] = {name: it for name, it in offered[server].items() if name in declared}
        lines = list(_changes(server, old.get(server, {}), new[server]))
        differs = differs or bool(lines)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        _remarks(server, offered[server], declared)
    if check:
        return 1 if differs else 0
    write_lock(path, new)
    count = sum(map(len, new.values()))
    changed = "with changes" if differs else "as before"
    sys.stderr.write(f"{path}: {count} tools are pinned, {changed}.\n")
    return 0


def _pinned(path: Path, *, anew: bool) -> Pins:
    """What is pinned already; `anew` says that all of it is asked for, so a broken file will do."""
    if not path.exists():
        return {}
    try:
        return read_lock(path)
    except FaultsFound as found:
        if not anew:
            raise
        sys.stderr.write(f"{found.faults[0].place} {found.faults[0].problem}; all is shown.\n")
        return {}


def wanted_servers(settings: ToolSettings, servers: tuple[str, ...]) -> tuple[str, ...]:
    """The servers that were named, or all."""
    for name in servers:
        if name not in settings.servers:
            raise FaultsFound([unknown(name, settings.servers, "--server")])
    return servers or tuple(settings.servers)


async def asked(
    settings: ToolSettings, wanted: tuple[str, ...]
) -> Mapping[str, Mapping[str, Description]]:
    """What each server offers now."""
    servers = Servers(settings, Log(time.time).say, time.monotonic)
    try:
        return {name: await servers.listed(name) for name in wanted}
    finally:
        await servers.stop()


def _changes(
    server: str, old: Mapping[str, Description], new: Mapping[str, Description]
) -> Iterator[str]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before is not None and after is not None and before.digest == after.digest:
            continue
        place = printable(f"{server}/{name}")
        yield f"{place}: " + ("new" if before is None else "gone" if after is None else "changed")
        lines = difflib.unified_diff(_lines(before), _lines(after), lineterm="", n=2)
        for line in list(lines)[2:]:
            yield f"  {printable(line)}"


def _lines(description: Description | None) -> list[str]:
    if description is None:
        return []
    schemas = [description.input_schema, description.output_schema]
    told = [json.dumps(it, indent=1, sort_keys=True) for it in schemas if it is not None]
    return [*description.text.splitlines(), *(line for text in told for line in text.splitlines())]


def _remarks(
    server: str, offered: Mapping[str, Description], declared: Mapping[str, object]
) -> None:
    for name, description in offered.items():
        place = printable(f"{server}/{name}")
        if name not in declared:
            sys.stderr.write(f"{place}: is offered and not declared, so it stays refused.\n")
        for words in oddities(description):
            sys.stderr.write(f"{place}: holds {words}. Do not declare it before you know why.\n")
    for name in declared:
        if name not in offered:
            place = printable(f"{server}/{name}")
            sys.stderr.write(f"{place}: is declared and not offered, so it is refused.\n")
