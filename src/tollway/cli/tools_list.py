"""Prints the declared tools: what each does, whether it is pinned, which rules are about it."""

import json as json_text
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tollway.cli.table import Column, print_table
from tollway.errors import FaultsFound, unknown
from tollway.fleet.tooling import Tool, ToolServer, ToolSettings
from tollway.guard.tools.judge import is_denied_whatever
from tollway.guard.tools.rules import ReadyRule, ready
from tollway.inspect.fleetfile import read_fleet
from tollway.tools.house import lock_of, settings_of
from tollway.tools.lock import Pins, read_lock

_COLUMNS = tuple(
    map(Column, ("tool", "reads", "sensitive", "effect", "content", "pinned", "rules"))
)


def print_tools(path: Path, tenant: str | None, *, json: bool) -> int:
    """Print every declared tool, or those that a tenant is offered."""
    fleet = read_fleet(path)
    settings = settings_of(fleet, path)
    if tenant is not None and tenant not in fleet.tenants:
        raise FaultsFound([unknown(tenant, fleet.tenants, "--tenant")])
    lock = lock_of(settings, path)
    pins: Pins = read_lock(lock) if lock.exists() else {}
    rules = ready(settings.rules)
    rows = [
        _row(server, tool, rules, pins)
        for server in settings.servers.values()
        for tool in server.tools.values()
        if tenant is None or _is_offered(settings, rules, (server, tool), tenant)
    ]
    if json:
        sys.stdout.write(json_text.dumps({"tools": rows}, indent=2) + "\n")
    else:
        cells = [[_cell(row[column.heading]) for column in _COLUMNS] for row in rows]
        print_table(_COLUMNS, cells)
    if not lock.exists():
        sys.stderr.write(f"{lock}: is missing, so nothing is served. Run: tollway tools pin\n")
    return 0


def _is_offered(
    settings: ToolSettings,
    rules: tuple[ReadyRule, ...],
    one: tuple[ToolServer, Tool],
    tenant: str,
) -> bool:
    server, tool = one
    return not is_denied_whatever(settings, rules, server.name, tool.name, tenant)


def _row(
    server: ToolServer, tool: Tool, rules: tuple[ReadyRule, ...], pins: Pins
) -> dict[str, Any]:
    place = f"{server.name}/{tool.name}"
    about = [it.rule.name for it in rules if any(glob.match(place) for glob in it.tools)]
    pinned = tool.name in pins.get(server.name, {})
    return {**asdict(tool), "tool": place, "pinned": pinned, "rules": about}


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
