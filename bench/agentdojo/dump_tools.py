"""Writes tools.json: what the suites' tools say of themselves, and nothing of tasks or attacks.

Run it where agentdojo is installed: `python -m bench.agentdojo.dump_tools > tools.json`.
"""

import json
import sys
from typing import Any

from agentdojo.task_suite.load_suites import get_suites
from pydantic import TypeAdapter

VERSION = "v1.2.2"


def described(tool: Any) -> dict[str, Any]:
    """A tool as an MCP server would list it."""
    returned = None
    if tool.return_type not in (None, type(None)):
        returned = TypeAdapter(tool.return_type).json_schema()
    return {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.parameters.model_json_schema(),
        "returns": returned,
    }


def main() -> None:
    suites = get_suites(VERSION)
    listed = {name: [described(it) for it in suite.tools] for name, suite in suites.items()}
    json.dump({"version": VERSION, "suites": listed}, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
