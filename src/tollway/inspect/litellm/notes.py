"""What could not be carried over, line by line, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tollway.inspect.litellm.marked import Marked


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One thing that the fleet file says otherwise, or not at all. `key` is its place in the
    configuration; no value is ever in it, because values hide secrets."""

    file: str
    line: int
    key: str
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.why}"


@dataclass(frozen=True, slots=True)
class Notes:
    """The notes on one file, in the order in which they were made."""

    file: str
    made: list[Note] = field(default_factory=list[Note])

    def add(self, line: int, key: str, why: str) -> None:
        """Note why `key`, at `line`, is not carried as it stands."""
        note = Note(self.file, line, key, why)
        if note not in self.made:
            self.made.append(note)

    def unread(self, table: Marked, key: str, path: str) -> None:
        """Note a key whose value is there and is not of the kind that could be carried."""
        why = "holds no number that can be carried (value not shown), and is left out"
        self.add(table.lines.get(key, table.line), f"{path}.{key}", why)

    def rest(
        self, table: Marked, path: str, carried: Iterable[str], why: Mapping[str, str]
    ) -> None:
        """Note each key of a table that is not `carried`, with its reason; an empty one is none."""
        for key in table.entries:
            reason = why.get(key, "is not known to this importer, and is left out")
            if key not in carried and reason and not table.entries[key].empty:
                self.add(table.lines[key], f"{path}.{key}" if path else key, reason)
