"""What the streams say: the passages of each mode, and the order in which they come.

Rules
1. Every text here was written for Tollway.
2. A mode's passages come round again when they are over, so that a stream lasts as long as anybody
   looks at it.
3. What no model generates (a question, a tool's answer) is there at once and counts no token.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Literal, get_args

from tollway.feel.texts_agent import AGENT
from tollway.feel.texts_code import CODE
from tollway.feel.texts_prose import PROSE
from tollway.feel.texts_think import THINK
from tollway.units import Seconds

Mode = Literal["code", "text", "think", "agent"]
MODES: tuple[Mode, ...] = get_args(Mode)

Kind = Literal["question", "reasoning", "answer", "call", "result"]

GENERATED: frozenset[Kind] = frozenset({"reasoning", "answer", "call"})
"""What is made token by token (rule 3)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text of one kind. `pause` is how long something other than the model works
    before it. `opens`: the model is asked anew before it, which costs a wait for the first token.
    `ends`: with it an answer is whole."""

    kind: Kind
    text: str
    pause: Seconds = Seconds(0.0)
    opens: bool = False
    ends: bool = False


def passages(mode: Mode) -> tuple[tuple[Segment, ...], ...]:
    """The answers of a mode, each from its question to its last word."""
    return _PASSAGES[mode]


def endless(mode: Mode) -> Iterator[Segment]:
    """The passages, one after another, without an end (rule 2)."""
    for answer in cycle(_PASSAGES[mode]):
        yield from answer


def _plain(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[Segment, ...], ...]:
    return tuple(
        (Segment("question", asked), Segment("answer", said, opens=True, ends=True))
        for asked, said in pairs
    )


def _thought(triples: tuple[tuple[str, str, str], ...]) -> tuple[tuple[Segment, ...], ...]:
    return tuple(
        (
            Segment("question", asked),
            Segment("reasoning", thought, opens=True),
            Segment("answer", said, ends=True),
        )
        for asked, thought, said in triples
    )


def _worked(
    tasks: tuple[tuple[str, tuple[tuple[str, str, float, str], ...], str], ...],
) -> tuple[tuple[Segment, ...], ...]:
    found: list[tuple[Segment, ...]] = []
    for asked, turns, said in tasks:
        segments = [Segment("question", asked)]
        for words, call, seconds, result in turns:
            segments += [
                Segment("answer", words, opens=True),
                Segment("call", call),
                Segment("result", result, pause=Seconds(seconds)),
            ]
        found.append((*segments, Segment("answer", said, opens=True, ends=True)))
    return tuple(found)


_PASSAGES: dict[Mode, tuple[tuple[Segment, ...], ...]] = {
    "code": _plain(CODE),
    "text": _plain(PROSE),
    "think": _thought(THINK),
    "agent": _worked(AGENT),
}
