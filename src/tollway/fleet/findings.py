"""Where a fault is: a path of keys in one document, its place in words, its rank in the file."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tollway.errors import Fault

Path = tuple[str | int, ...]
"""Keys and list indices from the top of a document."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_DEEPEST = 16
"""No key of the schema lies deeper; a hostile document may nest without end."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault, before it is put in file order."""

    document: str
    path: Path
    problem: str
    mend: str = ""

    def fault(self) -> Fault:
        """The fault with its place in words."""
        return Fault(place(self.document, self.path), self.problem, self.mend)


def place(document: str, path: Path) -> str:
    """`fleet.toml: sources.pool.serves."llama-3.3-70b".prices[1].since`."""
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part}]"
        else:
            words += ("." if words else "") + (part if _BARE.fullmatch(part) else json.dumps(part))
    return f"{document}: {words}" if words else document


def _positions(raw: Mapping[str, Any]) -> dict[Path, int]:
    """Path -> the order in which it appears."""
    found: dict[Path, int] = {}

    def visit(path: Path, value: object) -> None:
        found[path] = len(found)
        if len(path) >= _DEEPEST:
            return
        if isinstance(value, Mapping):
            for name, inner in cast("Mapping[str, object]", value).items():
                visit((*path, name), inner)
        elif isinstance(value, list):
            for index, inner in enumerate(cast("list[object]", value)):
                visit((*path, index), inner)

    visit((), raw)
    return found


def in_file_order(
    findings: Iterable[Finding], documents: Mapping[str, Mapping[str, Any]]
) -> Sequence[Finding]:
    """Findings by document, then by where the nearest written key above them appears."""
    positions = {name: _positions(raw) for name, raw in documents.items()}
    ranks = {name: rank for rank, name in enumerate(documents)}

    def rank(finding: Finding) -> tuple[int, int]:
        known, path = positions[finding.document], finding.path
        while path not in known:
            path = path[:-1]
        return ranks[finding.document], known[path]

    return sorted(findings, key=rank)
