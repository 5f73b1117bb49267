"""Texts in the pieces that a model would make of them: the tokens of a real vocabulary.

Rules
1. A token's text is what its bytes add to the screen. A token that holds only part of a character
   adds nothing, and the one that completes the character adds all of it.
2. The texts of all tokens together are the text, whatever was split.
3. The vocabulary comes with the package that splits; it is loaded on the first use.
"""

import codecs
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from tollway.feel.texts import GENERATED, Kind, Segment
from tollway.units import Seconds

ENCODING = "o200k_base"
"""OpenAI's vocabulary of 200,000 entries; that of gpt-oss is the same."""


class _Encoding(Protocol):
    def encode_ordinary(self, text: str) -> list[int]: ...
    def decode_single_token_bytes(self, token: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Token:
    """A token to show. `wait` is how many token times pass before it (1 where tokens come evenly),
    and `pause` seconds before those, at any rate: something other than the model works. Before one
    that `opens` the model is asked anew. What is not `generated` is no token of a model, and `wait`
    is 0. With one that `ends` an answer is whole."""

    text: str
    kind: Kind
    wait: float
    pause: Seconds
    opens: bool
    ends: bool

    @property
    def generated(self) -> bool:
        """Whether a model made it."""
        return self.kind in GENERATED


@cache
def _encoding() -> _Encoding:
    # The package opens its data through a call that Python 3.11 and 3.12 call deprecated.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from bpe_openai import get_encoding  # pyright: ignore[reportMissingTypeStubs]

        return get_encoding(ENCODING)


@cache
def pieces(text: str) -> tuple[str, ...]:
    """The text of each token (rules 1 and 2)."""
    encoding = _encoding()
    decoder = codecs.getincrementaldecoder("utf-8")()
    each = encoding.encode_ordinary(text)
    return tuple(decoder.decode(encoding.decode_single_token_bytes(token)) for token in each)


def tokens(segments: Iterable[Segment]) -> Iterator[Token]:
    """The tokens of these segments, evenly spaced. One that opens begins at once: the wait for the
    first token is not counted in token times."""
    for segment in segments:
        if segment.kind not in GENERATED:
            yield Token(segment.text, segment.kind, 0.0, segment.pause, segment.opens, segment.ends)
            continue
        parts = pieces(segment.text)
        for at, text in enumerate(parts):
            first, last = at == 0, at == len(parts) - 1
            yield Token(
                text=text,
                kind=segment.kind,
                wait=0.0 if first and segment.opens else 1.0,
                pause=segment.pause if first else Seconds(0.0),
                opens=first and segment.opens,
                ends=last and segment.ends,
            )
