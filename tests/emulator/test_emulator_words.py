"""Text and tokens: each piece is one token, and the same seed says the same everywhere."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.emulator.tokens import TokenCounter
from tollway.emulator.words import natural_length, prose, seed_of


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
async def test_a_piece_is_one_token_to_whoever_counts_the_text(encoding: str) -> None:
    counter = TokenCounter(encoding)
    for seed in range(20):
        pieces = list(islice(prose(seed), 500))
        assert await counter.count(["".join(pieces)]) == 500


def test_the_text_depends_on_the_seed_alone() -> None:
    # Written down, so that another version of Python or of this file cannot change it unnoticed.
    assert "".join(islice(prose(7), 8)) == "One had heard system never speak day,"
    assert seed_of("a", 1) != seed_of("a1")


def test_lengths_are_spread_around_their_mean() -> None:
    lengths = [natural_length(seed_of(index)) for index in range(4000)]
    assert min(lengths) >= 8
    assert max(lengths) <= 2000
    # Exponential with mean 250, of which 4,000 samples have a standard error of 4.
    assert 230 < sum(lengths) / len(lengths) < 285


async def test_a_long_text_counts_in_pieces_like_the_whole() -> None:
    counter = TokenCounter("o200k_base")
    text = "The quick brown fox jumps over the lazy dog. " * 4000
    assert await counter.count([text]) == pytest.approx(4000 * 10, rel=0.001)


@given(st.text(max_size=200))
async def test_any_text_can_be_counted(text: str) -> None:
    assert 0 <= await TokenCounter("o200k_base").count([text]) <= 4 * len(text)


async def test_half_a_surrogate_pair_is_counted_and_not_an_error() -> None:
    assert await TokenCounter("o200k_base").count(["\ud800 word"]) > 0
