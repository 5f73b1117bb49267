"""What stands on the stack of an interpreted pickle.

Rules
1. None, numbers, texts, bytes and tuples stand for themselves. The rest is one of these.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Name:
    """A global: what `module.name` is when it is imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Items:
    """A list, dict, set or frozenset. Of a dict, `held` are keys and values in turn."""

    kind: str
    held: list[object] = field(default_factory=list[object])

    def get(self, key: str) -> object:
        """A dict's value, as the last of equal keys says; None where it is not there."""
        value: object = None
        for index in range(0, len(self.held) - 1, 2):
            if self.held[index] == key:
                value = self.held[index + 1]
        return value


@dataclass(slots=True, eq=False)
class Made:
    """What calling a global gave: the global, its arguments, and the state it was given since."""

    maker: Name
    args: tuple[object, ...]
    state: object = None


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes (or a text) too long to hold: where they lie in the file."""

    start: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Persistent:
    """What a loader gives for an id of its own: torch's storages."""

    id: object


@dataclass(frozen=True, slots=True)
class Mark:
    """The MARK of opcodes that gather."""
