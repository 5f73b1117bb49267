"""Prints drafts of what tools do, as TOML, from what their servers say of them."""

import asyncio
import json
import sys
from pathlib import Path

from tollway.cli.table import printable
from tollway.cli.tools_pin import asked, wanted_servers
from tollway.fleet.tooling import Tool
from tollway.guard.tools.description import oddities
from tollway.guard.tools.draft import draft
from tollway.inspect.fleetfile import read_fleet
from tollway.tools.house import settings_of


def print_annotations(fleet: Path, servers: tuple[str, ...]) -> int:
    """Print a table for each tool that is offered and not declared yet."""
    settings = settings_of(read_fleet(fleet), fleet)
    wanted = wanted_servers(settings, servers)
    offered = asyncio.run(asked(settings, wanted))
    count = 0
    for server in wanted:
        for name, description in offered[server].items():
            if name in settings.servers[server].tools:
                continue
            if oddities(description):
                sys.stderr.write(f"{printable(name)}: left out; its description hides something.\n")
                continue
            count += 1
            first = printable(description.text.strip().partition("\n")[0])[:90]
            sys.stdout.write(f"{toml_of(server, draft(description), first)}\n")
    sys.stderr.write(
        f"{count} drafts, from words alone. Read each line; a wrong `effect` opens a door.\n"
    )
    return 0


def toml_of(server: str, tool: Tool, remark: str) -> str:
    """One tool's table."""
    lines = [
        f"[tools.servers.{server}.tools.{json.dumps(tool.name)}]  # draft: {remark}",
        f'reads = "{tool.reads}"',
        f"sensitive = {str(tool.sensitive).lower()}",
        f'effect = "{tool.effect}"',
    ]
    if tool.effect != "none":
        lines += [f"content = {json.dumps(tool.content)}", f"asked = {json.dumps(tool.asked)}"]
    return "\n".join(lines) + "\n"
