"""Counts the tokens of a prompt with a real vocabulary, without stalling anybody's stream.

Rules
1. The vocabulary is loaded on first use, in a thread: it takes half a second, a start may not.
2. The tokenizer holds the interpreter lock while it counts, so a long text is counted in pieces of
   at most 32 KiB, between which other threads run.
"""

import asyncio
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

_PIECE = 32 * 1024
_LONG = 8 * 1024
"""Characters above which counting moves to a thread: about 0.2 ms of work."""


class _Tokenizer(Protocol):
    def count(self, text: str) -> int: ...


@lru_cache(maxsize=4)
def _tokenizer(encoding: str) -> _Tokenizer:
    # The package's public Encoding cannot count without building a list of every token, at three
    # times the cost.
    # It opens its data through a call that Python 3.11 and 3.12 call deprecated and 3.13 does not.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from bpe_openai._bindings import tokenizer_for_encoding

    return tokenizer_for_encoding(encoding)


@lru_cache(maxsize=4096)
def _count_short(encoding: str, text: str) -> int:
    return _count(encoding, text)


def _count(encoding: str, text: str) -> int:
    tokenizer = _tokenizer(encoding)
    clean = text.encode("utf-8", "replace").decode("utf-8")
    total, at = 0, 0
    while at < len(clean):
        end = at + _PIECE
        if end < len(clean):
            space = clean.rfind(" ", at + 1, end)
            end = space if space > at else end
        total += tokenizer.count(clean[at:end])
        at = end
    return total


class TokenCounter:
    """Counts in one encoding: `o200k_base` or `cl100k_base`."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._loaded = False

    async def load(self) -> None:
        """Load the vocabulary, in a thread; at once when it is there."""
        if not self._loaded:
            await asyncio.to_thread(_tokenizer, self._encoding)
            self._loaded = True

    async def count(self, texts: Sequence[str]) -> int:
        """Tokens of all texts together."""
        await self.load()
        if sum(map(len, texts)) > _LONG:
            return await asyncio.to_thread(self._sum, texts)
        return self._sum(texts)

    def _sum(self, texts: Sequence[str]) -> int:
        return sum(
            _count_short(self._encoding, text)
            if len(text) <= _LONG
            else _count(self._encoding, text)
            for text in texts
        )


def encoding_for(vocab: int) -> str:
    """The packaged encoding whose vocabulary is nearest in size: Llama's 128,000 entries count
    like cl100k, gpt-oss uses o200k itself."""
    return "o200k_base" if vocab > 180_000 else "cl100k_base"
