"""Usage, errors and sizes, in the conventions of different servers."""

from typing import Any

import pytest

from tollway.dialects.openai.usage import read_usage
from tollway.fleet.usage import Usage
from tollway.gateway.reported import text_bytes


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 7}, Usage(input=5, output=7)),
        (
            {
                "prompt_tokens": 50,
                "completion_tokens": 7,
                "prompt_tokens_details": {"cached_tokens": 20, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 4},
            },
            Usage(input=50, cached_input=20, output=7, reasoning=4),
        ),
        (
            {"prompt_tokens": 50, "completion_tokens": 7, "prompt_cache_hit_tokens": 20},
            Usage(input=50, cached_input=20, output=7),
        ),
        (
            {
                "prompt_tokens": 50,
                "completion_tokens": 7,
                "cache_read_input_tokens": 30,
                "cache_creation_input_tokens": 10,
            },
            Usage(input=50, cached_input=30, cache_write=10, output=7),
        ),
        (  # Anthropic's convention: cached tokens apart
            {
                "input_tokens": 5,
                "output_tokens": 7,
                "cache_read_input_tokens": 30,
                "cache_creation_input_tokens": 10,
            },
            Usage(input=45, cached_input=30, cache_write=10, output=7),
        ),
        (
            {"prompt_tokens": 5, "completion_tokens": 7, "cache_read_input_tokens": 30},
            Usage(input=35, cached_input=30, output=7),
        ),
        (  # xAI's: reasoning apart
            {
                "prompt_tokens": 5,
                "completion_tokens": 7,
                "total_tokens": 32,
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            Usage(input=5, output=27, reasoning=20),
        ),
        (
            {"prompt_tokens": 5, "completion_tokens": 7, "prompt_tokens_details": None},
            Usage(input=5, output=7),
        ),
        ({"prompt_tokens": 5}, Usage(input=5)),
    ],
)
def test_usage_in_every_known_convention(told: dict[str, Any], usage: Usage) -> None:
    assert read_usage(told) == usage


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("four", 4),
        ("é", 2),
        ("\ud83d", 3),
        ([{"type": "text", "text": "four"}], 4),
        ([{"id": "call", "index": 0, "function": {"name": "f", "arguments": "{}"}}], 3),
        ({"id": "a", "data": "QUJD" * 100, "transcript": "four"}, 4),
        (None, 0),
        (5, 0),
    ],
)
def test_only_generated_text_counts(value: object, size: int) -> None:
    assert text_bytes(value) == size
