"""What an OpenAI-shaped answer reports of itself, in our terms: usage, errors, sizes.

Rules
1. `Usage.input` includes cached and written tokens, `Usage.output` includes reasoning, whatever
   the server's own convention is.
2. Numbers that cannot be token counts are no usage at all.
"""

import json
from typing import Any, Final

import msgspec

from tollway.fleet.usage import Usage
from tollway.gateway.chunks import Answer, Chunk, InputDetails, OutputDetails, Reported

_MESSAGE: Final = 500
"""Characters kept of an upstream's error message."""

_SKIPPED: Final = frozenset(
    {"id", "type", "index", "format", "signature", "data", "url", "image_url"}
)
"""Members of a content part that are not generated text."""


decode_chunk: Final = msgspec.json.Decoder(Chunk).decode
UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)


def read_chunk(payload: bytes) -> Chunk:
    """Raises ValueError where `payload` is not an answer in this dialect."""
    try:
        return decode_chunk(payload)
    except msgspec.ValidationError as fault:
        raise ValueError(f"not an answer in this dialect: {fault}") from None
    except UNREADABLE:
        pass
    # Half a surrogate pair, NaN: not JSON by the letter, and clients read it all the same.
    try:
        return msgspec.convert(json.loads(payload), Chunk)
    except msgspec.ValidationError as fault:
        raise ValueError(f"not an answer in this dialect: {fault}") from None
    except UNREADABLE:
        raise ValueError("data is not JSON") from None


_NO_INPUT_DETAILS: Final = InputDetails()
_NO_OUTPUT_DETAILS: Final = OutputDetails()


_decode_answer: Final = msgspec.json.Decoder(Answer).decode


def read_answer(body: bytes) -> tuple[Chunk, Usage | None]:
    """A whole answer, and the usage in it. Raises ValueError as `read_chunk` does."""
    try:
        answer = _decode_answer(body)
    except UNREADABLE:
        chunk = read_chunk(body)
        return chunk, read_usage(chunk.usage)
    return answer, None if answer.usage is None else _usage_of(answer.usage)


def read_usage(value: object) -> Usage | None:
    """Usage from the value of a `usage` member; None where it does not say both directions."""
    try:
        return _usage_of(msgspec.convert(value, Reported))
    except msgspec.ValidationError:
        return None


def _usage_of(told: Reported) -> Usage | None:
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


def read_error(value: object) -> tuple[str, int | None]:
    """Message and HTTP status (where it says one) from the value of an `error` member."""
    if not isinstance(value, dict):
        return str(value)[:_MESSAGE] or "error", None
    error: dict[str, Any] = value
    message = error.get("message")
    if not isinstance(message, str) or not message:
        message = str(error.get("type") or error.get("code") or "error")
    return message[:_MESSAGE], _status(error)


def _status(error: dict[str, Any]) -> int | None:
    for key in ("status", "status_code", "code"):
        code = error.get(key)
        if isinstance(code, str) and code.isascii() and code.isdigit():
            code = int(code[:4])
        if isinstance(code, int) and 400 <= code <= 599:
            return code
    words = f"{error.get('type')} {error.get('code')}"
    return 429 if "rate_limit" in words or "insufficient_quota" in words else None


def _is_error_object(value: object) -> bool:
    """Whether a whole answer or event is an error without an `error` member, as vLLM's were."""
    return isinstance(value, dict) and (
        value.get("object") == "error" or value.get("type") == "error"
    )


def text_bytes(value: object, depth: int = 6) -> int:
    """Bytes of generated text in a content value: a string, or parts with strings in them, down to
    `depth` levels."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    size = 0
    if depth and isinstance(value, list):
        for part in value:
            size += text_bytes(part, depth - 1)
    elif depth and isinstance(value, dict):
        for key, part in value.items():
            if part.__class__ is not int and key not in _SKIPPED:
                size += text_bytes(part, depth - 1)
    return size


def is_error(payload: bytes) -> bool:
    """Whether this event or body is an error though it has no `error` member."""
    try:
        return _is_error_object(json.loads(payload))
    except (ValueError, RecursionError):
        return False


def error_in(payload: bytes) -> tuple[str, int | None]:
    """Message and status of an error event or body."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return read_error(payload.decode(errors="replace").strip())
    if isinstance(value, dict):
        value = value.get("error") or value
    return read_error(value)
