"""Token counts in the words of the servers that we know.

Rules
1. `Usage.input` includes cached and written tokens, `Usage.output` includes reasoning, whatever
   the server's own convention is.
2. Numbers that cannot be token counts are no usage at all.
"""

from typing import Any, Final

import msgspec

from tollway.dialects.openai.usage_fields import InputDetails, OutputDetails, Reported
from tollway.fleet.usage import Usage

_NO_INPUT_DETAILS: Final = InputDetails()
_NO_OUTPUT_DETAILS: Final = OutputDetails()


def read_usage(value: object) -> Usage | None:
    """Usage from the value of a `usage` member; None where it does not say both directions."""
    try:
        return usage_of(msgspec.convert(value, Reported))
    except msgspec.ValidationError:
        return None


def usage_of(told: Reported) -> Usage | None:
    """Usage from a `usage` member that is as it should be."""
    inside = told.prompt_tokens_details or _NO_INPUT_DETAILS
    made = told.completion_tokens_details or _NO_OUTPUT_DETAILS
    cached = (
        inside.cached_tokens or told.cache_read_input_tokens or told.prompt_cache_hit_tokens or 0
    )
    written = told.cache_creation_input_tokens or inside.cache_write_tokens or 0
    reasoning = made.reasoning_tokens or 0
    if told.prompt_tokens is not None:
        given = told.prompt_tokens
        if cached + written > given:  # counted apart, as Anthropic does
            given += cached + written
        output = told.completion_tokens or 0
        if reasoning and told.total_tokens == given + output + reasoning:
            output += reasoning  # counted apart, as xAI does
    elif told.input_tokens is not None:
        given = told.input_tokens + cached + written
        output = told.output_tokens or 0
    else:
        return None
    return Usage(
        input=given,
        cached_input=cached,
        cache_write=written,
        output=output,
        reasoning=min(reasoning, output),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """A `usage` member, in OpenAI's own words."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_input,
            "cache_write_tokens": usage.cache_write,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
