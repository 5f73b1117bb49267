"""What one look at weights may do, has found, and has still to look at.

Rules
1. Every limit that is reached is said: what lies beyond it is `Unaudited`.
2. What is found inside something is looked at later, from a list: nothing here recurses.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tollway.pins.finding import Finding, Findings, Unaudited
from tollway.pins.weights.reader import Held, Reader, Unreadable, Window

# What a loader may read unless more is allowed: none of these can name code to run.
DEFAULT_FORMATS = ("data", "gguf", "npy", "safetensors")
FORMATS = (
    *DEFAULT_FORMATS,
    "coreml",
    "keras",
    "nemo",
    "onnx",
    "openvino",
    "pickle",
    "savedmodel",
    "skops",
    "tflite",
    "torchscript",
)
# Words that people use for them.
ALIASES = {
    "h5": "keras",
    "hdf5": "keras",
    "joblib": "pickle",
    "jinja": "data",
    "json": "data",
    "mlmodel": "coreml",
    "numpy": "pickle",
    "npz": "pickle",
    "pandas": "pickle",
    "pb": "savedmodel",
    "pkl": "pickle",
    "pt": "pickle",
    "pytorch": "pickle",
    "saved_model": "savedmodel",
    "sklearn": "pickle",
    "tensorflow": "savedmodel",
    "text": "data",
    "torch": "pickle",
    "yaml": "data",
}
DEEPEST = 8  # archives within archives
MOST_PIECES = 100_000
MOST_UNPACKED = 1 << 30  # bytes unpacked in one look
MOST_OPCODES = 20_000_000  # of all pickles of one look
MOST_SAID = 50  # findings of one place


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be loaded: formats of `FORMATS`, and globals beyond the built-in allowlist."""

    formats: frozenset[str] = frozenset(DEFAULT_FORMATS)
    globals: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to look at: its place, how to open it, and how deep in archives it lies."""

    place: str
    open: Callable[[], Reader]
    depth: int = 0

    @property
    def name(self) -> str:
        """The last part of its place."""
        return self.place.replace("\\", "/").replace("!", "/").rsplit("/", 1)[-1]


@dataclass(slots=True)
class Budget:
    """What is left of the limits."""

    pieces: int = MOST_PIECES
    unpacked: int = MOST_UNPACKED
    opcodes: int = MOST_OPCODES

    def unpack(self, count: int) -> None:
        """Counts bytes unpacked; Unreadable past the limit."""
        self.unpacked -= count
        if self.unpacked < 0:
            raise Unreadable(f"it unpacks to more than {MOST_UNPACKED:,} bytes")


@dataclass(slots=True)
class Look:
    """One look: its rules, what it found, and what is still to be looked at."""

    component: str
    rules: Rules
    found: list[Finding] = field(default_factory=list[Finding])
    unaudited: list[Unaudited] = field(default_factory=list[Unaudited])
    formats: set[str] = field(default_factory=set[str])
    waiting: list[Piece] = field(default_factory=list[Piece])
    budget: Budget = field(default_factory=Budget)
    said: dict[str, int] = field(default_factory=dict[str, int])
    unknown: dict[str, str] = field(default_factory=dict[str, str])
    declared: set[str] = field(default_factory=set[str])

    def finding(self, place: str, rule: str, problem: str, mend: str = "") -> None:
        """Something wrong: `rule` without its `weights.`."""
        count = self.said.get(place, 0)
        self.said[place] = count + 1
        one = Finding(self.component, f"weights.{rule}", clean(problem), mend or _MEND, place)
        if count < MOST_SAID and one not in self.found[-MOST_SAID:]:
            self.found.append(one)

    def unread(self, place: str, why: str) -> None:
        """Something that could not be looked at."""
        self.unaudited.append(Unaudited(self.component, place, clean(why)))

    def saw(self, place: str, form: str) -> bool:
        """A format was seen: is it allowed? A format that is not is a finding."""
        self.formats.add(form)
        if form in self.rules.formats:
            return True
        self.finding(
            place,
            "format",
            f"is {form}, which is not among the allowed formats",
            f"Ask for safetensors, or allow it: --allow-format {form}.",
        )
        return False

    def declare(self, place: str) -> None:
        """Raw bytes lie at `place` (or below it, where it ends with a slash), as a graph says that
        was judged."""
        self.declared.add(place)

    def unrecognised(self, place: str, why: str) -> None:
        """Of no known format: Unaudited, unless a graph says in the end that it is raw bytes."""
        self.unknown[place] = why

    def inside(self, parent: Piece, name: str, open_: Callable[[], Reader]) -> None:
        """Something lies within `parent`: look at it later."""
        place = f"{parent.place}!{name}"
        if parent.depth + 1 > DEEPEST:
            self.finding(place, "depth", f"lies more than {DEEPEST} archives deep")
            return
        self.budget.pieces -= 1
        if self.budget.pieces < 0:
            if self.budget.pieces == -1:
                self.unread(parent.place, f"it holds more than {MOST_PIECES:,} things")
            return
        self.waiting.append(Piece(place, open_, parent.depth + 1))

    def within(self, parent: Piece, name: str, reader: Reader, span: tuple[int, int]) -> None:
        """The bytes [start, start + size) of `reader` are a thing of their own."""
        self.inside(parent, name, lambda: Window(reader, *span))

    def bytes_within(self, parent: Piece, name: str, data: bytes) -> None:
        """These bytes of `parent` are a thing of their own."""
        self.inside(parent, name, lambda: Held(data))

    def findings(self) -> Findings:
        folders = tuple(it for it in self.declared if it.endswith("/"))
        for place, why in self.unknown.items():
            path = place.replace("!", "/")
            if path not in self.declared and not path.startswith(folders):
                self.formats.add("unknown")
                self.unread(place, why)
        self.unknown.clear()
        return Findings(tuple(self.found), tuple(self.unaudited), 1)


def clean(words: str) -> str:
    """One short line that a terminal does not obey."""
    said = words if len(words) <= 300 else f"{words[:297]}..."
    return said if said.isprintable() else said.encode("unicode_escape").decode()


_MEND = "Do not load it; ask its publisher for safetensors."
