"""What interpreting a pickle showed."""

from dataclasses import dataclass, field
from typing import Literal

from tollway.pins.weights.pickles.values import Name

Ended = Literal["stop", "broken", "limit"]
MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a pickle would do and may not: a rule, and a clause with the offset."""

    rule: str
    words: str


@dataclass(slots=True)
class Run:
    """One pickle, from PROTO (or whatever begins it) to STOP.

    `start` and `end` are offsets of its first byte and past its last. `called` counts calls, and
    `named` are the globals it names. `arrays` are joblib's, and `nested` other pickles' bytes.
    """

    start: int
    end: int = 0
    ended: Ended = "broken"
    why: str = ""
    value: object = None
    opcodes: int = 0
    called: int = 0
    protocol: int = 0
    named: dict[Name, int] = field(default_factory=dict[Name, int])
    denied: set[Name] = field(default_factory=set[Name])
    denied_called: int = 0
    problems: list[Problem] = field(default_factory=list[Problem])
    persistent: list[object] = field(default_factory=list[object])
    nested: list[tuple[int, int] | bytes] = field(default_factory=list[tuple[int, int] | bytes])
    arrays: list[int] = field(default_factory=list[int])
    skipped: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def problem(self, rule: str, words: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(rule, words))
