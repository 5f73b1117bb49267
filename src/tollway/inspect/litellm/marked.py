"""YAML as a tree of what was written, each part with its line: JSON is read likewise.

Rules
1. A scalar stays the text that was written, so that a price is exact and a name is never a number.
2. Nothing is constructed: a tag cannot make an object, and an anchor is the same part again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

import yaml

from tollway.errors import Fault, FaultsFound

MOST = 10**12
_DEEPEST = 40
_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_TRUE = ("true", "yes", "on")


@dataclass(frozen=True, slots=True)
class Marked:
    """A part of a document: a scalar with its `text`, a list of `items`, or a table of `entries`.
    `line` counts from 1. A table's keys have lines of their own in `lines`."""

    line: int
    text: str | None = None
    boolean: bool | None = None
    items: "tuple[Marked, ...] | None" = None
    entries: "Mapping[str, Marked]" = field(default_factory=lambda: MappingProxyType({}))
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def number(self) -> Decimal | None:
        """The exact number, of a number or of text that holds one."""
        try:
            found = Decimal((self.text or "").replace("_", ""))
        except InvalidOperation:
            return None
        return found if found.is_finite() else None

    @property
    def count(self) -> int | None:
        """The number where it is whole, more than zero, and not past what a fleet file holds."""
        found = self.number
        if found is None or not 0 < found <= MOST or found != int(found):
            return None
        return int(found)

    def get(self, key: str) -> "Marked | None":
        """The entry of a table; None where it has none, or holds nothing."""
        found = self.entries.get(key)
        return None if found is None or found.empty else found

    @property
    def empty(self) -> bool:
        """Whether nothing is written: null."""
        return self.text is None and self.items is None and not self.entries

    def each(self) -> Iterator["Marked"]:
        """The items of a list; none of anything else."""
        yield from self.items or ()


def read_marked(text: str, name: str) -> Marked:
    """The document; one that holds nothing is an empty table.

    Raises:
        FaultsFound: it is not YAML, or it nests without end.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        at = "" if error.problem_mark is None else f": line {error.problem_mark.line + 1}"
        problem = f"is not YAML: {error.problem or error.context or 'cannot be read'}"
        raise FaultsFound([Fault(f"{name}{at}", problem, "Mend it there.")]) from None
    except (yaml.YAMLError, RecursionError) as error:
        words = " ".join(str(error).split())[:200]
        raise FaultsFound([Fault(name, f"is not YAML: {words}", "Save it as UTF-8.")]) from None
    return Marked(1) if node is None else _Reader(name).read(node, 0)


class _Reader:
    """Reads nodes, each once, however many anchors lead to it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._read: dict[int, Marked] = {}

    def read(self, node: yaml.Node, depth: int) -> Marked:
        if id(node) not in self._read:
            if depth > _DEEPEST:
                place = f"{self._name}: line {node.start_mark.line + 1}"
                raise FaultsFound([Fault(place, "nests too deep, or in itself", "Nest less.")])
            self._read[id(node)] = self._anew(node, depth)
        return self._read[id(node)]

    def _anew(self, node: yaml.Node, depth: int) -> Marked:
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._table(node, line, depth)
        if isinstance(node, yaml.SequenceNode):
            return Marked(line, items=tuple(self.read(it, depth + 1) for it in node.value))
        if node.tag == _NULL:
            return Marked(line)
        truth = str(node.value).lower() in _TRUE if node.tag == _BOOL else None
        return Marked(line, text=str(node.value), boolean=truth)

    def _table(self, node: yaml.MappingNode, line: int, depth: int) -> Marked:
        entries: dict[str, Marked] = {}
        lines: dict[str, int] = {}
        merged: list[Marked] = []
        for key, value in node.value:
            inner = self.read(value, depth + 1)
            if key.tag == _MERGE:
                merged += inner.items or (inner,)
            elif isinstance(key, yaml.ScalarNode):
                entries[str(key.value)] = inner
                lines[str(key.value)] = key.start_mark.line + 1
        for table in merged:
            for name, inner in table.entries.items():
                entries.setdefault(name, inner)
                lines.setdefault(name, table.lines[name])
        return Marked(line, entries=MappingProxyType(entries), lines=MappingProxyType(lines))
