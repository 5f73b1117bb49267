"""A question to a model under watch, and what was heard."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

LISTED: Final = 20
"""Log-probabilities that are asked for, the most that OpenAI's dialect lists."""


class Question(msgspec.Struct, frozen=True, gc=False):
    """One call: the user's `prompt`, at most so many `tokens` of answer, sampled at
    `temperature`; `logprobs` asks for those of the first token."""

    prompt: str
    tokens: int = 1
    temperature: float = 0.0
    logprobs: bool = False


class Heard(msgspec.Struct, frozen=True, gc=False):
    """What came back. `first` are log-probabilities (nats) of the first token's candidates, None
    where none were given; `model` and `fingerprint` are what the answer said of itself."""

    text: str
    first: Mapping[str, float] | None = None
    model: str = ""
    fingerprint: str = ""


class Unheard(msgspec.Struct, frozen=True, gc=False):
    """No answer, and why not, as a clause. `refused`: the request itself was not accepted, and
    would not be the next time either."""

    why: str
    refused: bool = False


Reply = Heard | Unheard

Below = Callable[[int], int]
"""Draws an integer from 0 to one less than it is given."""

Result = TypeVar("Result")


class Wave(msgspec.Struct, frozen=True, gc=False):
    """Questions, so many of them `at_once` as are to be under way together."""

    questions: Sequence[Question]
    at_once: int = 1


Asking = Generator[Wave, Sequence[Reply], Result]
"""Yields waves of questions, is sent their replies in the same order, and returns what came of it.
Who drives it does the I/O, and may stop at any yield."""


def shuffled(count: int, below: Below) -> list[int]:
    """The numbers below `count`, each order as likely as any."""
    order = list(range(count))
    shuffle(order, below)
    return order


def shuffle(order: list[int], below: Below) -> None:
    """Bring a list into any order."""
    for at in range(len(order) - 1, 0, -1):
        other = below(at + 1)
        order[at], order[other] = order[other], order[at]
