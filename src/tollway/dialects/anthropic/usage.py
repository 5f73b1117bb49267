"""Token counts in Anthropic's words.

Rules
1. Here `input_tokens` excludes what was read from and written to the cache; `Usage.input` has it.
2. Counts of a stream are totals so far: what an event leaves out stands as it was.
"""

from typing import Annotated, Any

import msgspec

from tollway.fleet.usage import Usage

Count = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class OutputDetails(msgspec.Struct, gc=False):
    """What is said of output tokens."""

    thinking_tokens: Count | None = None


class Reported(msgspec.Struct, gc=False):
    """A `usage` member."""

    input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    output_tokens: Count | None = None
    output_tokens_details: OutputDetails | None = None
    service_tier: Any = None


def read_reported(value: object) -> Reported | None:
    """A `usage` member; None where it has what cannot be token counts."""
    try:
        return msgspec.convert(value, Reported)
    except msgspec.ValidationError:
        return None


def later(before: Reported | None, after: Reported | None) -> Reported | None:
    """Rule 2."""
    if before is None or after is None:
        return after or before
    kept = {
        key: value
        for key in before.__struct_fields__
        if (value := getattr(before, key)) is not None
    }
    said = {
        key: value for key in after.__struct_fields__ if (value := getattr(after, key)) is not None
    }
    return Reported(**(kept | said))


def usage_of(told: Reported | None) -> Usage | None:
    """Usage; None where the source does not say both directions."""
    if told is None or told.input_tokens is None or told.output_tokens is None:
        return None
    cached = told.cache_read_input_tokens or 0
    written = told.cache_creation_input_tokens or 0
    details = told.output_tokens_details
    thought = (details.thinking_tokens or 0) if details is not None else 0
    return Usage(
        input=told.input_tokens + cached + written,
        cached_input=cached,
        cache_write=written,
        output=told.output_tokens,
        reasoning=min(thought, told.output_tokens),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """A `usage` member."""
    return {
        "input_tokens": max(usage.input - usage.cached_input - usage.cache_write, 0),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached_input,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }
