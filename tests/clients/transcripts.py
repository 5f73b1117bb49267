"""What a scripted source says, turn by turn, and what it must have been shown before it says it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
CREATED = 1_767_225_600
"""When every scripted answer was made: 2026-01-01."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. `id` is unique in its transcript."""

    id: str
    name: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Thought:
    """What the model thought, and what it wants back unchanged with the next turn (base64 of
    `signed:` and more, as Gemini's must be base64)."""

    text: str
    signature: str


SIGNED = "c2lnbmVkO"
"""How every scripted signature begins: an engine refuses what it has not signed itself."""


Said = str | Call | Thought


@dataclass(frozen=True, slots=True)
class Turn:
    """`says` is said once each word of `sees` stands somewhere in the request."""

    says: tuple[Said, ...]
    sees: tuple[str, ...] = ()

    @property
    def calls(self) -> list[Call]:
        return [one for one in self.says if isinstance(one, Call)]

    @property
    def text(self) -> str:
        return "".join(one for one in self.says if isinstance(one, str))

    @property
    def thoughts(self) -> list[Thought]:
        return [one for one in self.says if isinstance(one, Thought)]


Transcript = tuple[Turn, ...]

ASIDE = Turn(("A short title",))
"""What is said to a request without tools: programs ask for titles and the like beside the task."""


@dataclass(frozen=True, slots=True)
class Used:
    """What every scripted answer counts. `input` includes `cached`, `output` includes `thought`."""

    input: int = 120
    cached: int = 96
    output: int = 30
    thought: int = 8


USED = Used()


@dataclass(frozen=True, slots=True)
class Heard:
    """What a source read of one request. `results` are tool results: call id (or, in Gemini,
    the function's name) and text. `faults` are what the real API would refuse."""

    model: str
    stream: bool
    tools: tuple[str, ...] = ()
    results: tuple[tuple[str, str], ...] = ()
    signatures: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wire:
    """One dialect as its provider speaks it. `paths` maps the end of a POST's path to whether it
    asks for an answer (True) or for something else that `other` answers."""

    name: str
    hear: Callable[[str, Json, dict[str, str]], Heard]
    whole: Callable[[Turn, Heard], bytes]
    stream: Callable[[Turn, Heard], list[bytes]]
    error: Callable[[int, str], bytes]
    asks: Callable[[str], bool]
    other: Callable[[str, str, Json], Json | None] = field(default=lambda *_: None)


def turn_for(transcript: Transcript, heard: Heard) -> Turn:
    """The first turn whose calls have not all been answered: the request itself says where the
    conversation stands, so that a repeated request gets the same answer again."""
    if not heard.tools:
        return ASIDE
    answered = len(heard.results)
    for turn in transcript:
        answered -= len(turn.calls)
        if answered < 0 or not turn.calls:
            return turn
    return transcript[-1]


def strings(value: object) -> Iterator[str]:
    """Every string of a JSON value, names of members excepted."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


def pieces(text: str, size: int = 7) -> list[str]:
    """Text in the pieces in which it is streamed."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def unknown(body: Json, known: Sequence[str] | set[str], where: str = "") -> list[str]:
    """Members that the real API refuses."""
    return [f"unknown member {where}{name}" for name in body if name not in known]
