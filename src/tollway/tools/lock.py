"""The file of pinned descriptions, beside the fleet file.

Rules
1. It is text that a review can read: each tool with its description, schemas and digest.
2. A digest that is not that of what stands beside it is a fault: nobody edits half of it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tollway.errors import Fault, FaultsFound
from tollway.guard.tools.description import Description

VERSION = 1
_LARGEST = 16 << 20
_MEND = "Run: tollway tools pin"

Pins = Mapping[str, Mapping[str, Description]]
"""Server -> tool -> what was pinned."""


def read_lock(path: Path) -> Pins:
    """What was pinned.

    Raises:
        FaultsFound: the file is missing, or is none of ours.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise _fault(path, "is larger than 16 MiB")
        read = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise _fault(path, "is missing: no tool's description is pinned") from None
    except OSError as error:
        raise _fault(path, f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise _fault(path, "is not JSON") from None
    try:
        if read["version"] != VERSION:
            raise _fault(path, f"has version {read['version']!r}; known: {VERSION}")
        return {
            server: {name: _description(path, server, name, it) for name, it in tools.items()}
            for server, tools in read["servers"].items()
        }
    except (AttributeError, KeyError, TypeError):
        raise _fault(path, "is not a file of pinned descriptions") from None


def _description(path: Path, server: str, name: str, told: Mapping[str, Any]) -> Description:
    found = Description(name, told["description"], told["inputSchema"], told.get("outputSchema"))
    if found.digest != told["sha256"]:
        raise _fault(path, f"{server}.{name}: was edited by hand; its digest is another")
    return found


def lock_text(pins: Pins) -> str:
    """The file's text: the same for the same pins."""
    servers = {
        server: {name: _told(it) for name, it in sorted(tools.items())}
        for server, tools in sorted(pins.items())
    }
    whole = {"version": VERSION, "servers": servers}
    return json.dumps(whole, indent=2, ensure_ascii=True) + "\n"


def _told(description: Description) -> dict[str, Any]:
    told: dict[str, Any] = {
        "sha256": description.digest,
        "description": description.text,
        "inputSchema": description.input_schema,
    }
    if description.output_schema is not None:
        told["outputSchema"] = description.output_schema
    return told


def write_lock(path: Path, pins: Pins) -> None:
    """Write the file, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(lock_text(pins), "utf-8")
    new.replace(path)


def _fault(path: Path, problem: str) -> FaultsFound:
    return FaultsFound([Fault(f"{path}:", problem, _MEND)])
