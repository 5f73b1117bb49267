"""The members of `usage`, under all the names that servers give them."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class InputDetails(msgspec.Struct, gc=False):
    """What is said of input tokens."""

    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class OutputDetails(msgspec.Struct, gc=False):
    """What is said of output tokens."""

    reasoning_tokens: Count | None = None


class Reported(msgspec.Struct, gc=False):
    """A `usage` member."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None
    prompt_cache_hit_tokens: Count | None = None  # DeepSeek
    input_tokens: Count | None = None  # Anthropic's names, which some servers pass on
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
