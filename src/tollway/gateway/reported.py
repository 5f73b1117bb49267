"""What an OpenAI-shaped answer reports of itself, in our terms: usage, errors, sizes."""

import json
from typing import Final

import msgspec

from tollway.dialects.openai.errors import read_error
from tollway.dialects.openai.usage import read_usage, usage_of
from tollway.fleet.usage import Usage
from tollway.gateway.chunks import Answer, Chunk

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


_decode_answer: Final = msgspec.json.Decoder(Answer).decode


def read_answer(body: bytes) -> tuple[Chunk, Usage | None]:
    """A whole answer, and the usage in it. Raises ValueError as `read_chunk` does."""
    try:
        answer = _decode_answer(body)
    except UNREADABLE:
        chunk = read_chunk(body)
        return chunk, read_usage(chunk.usage)
    return answer, None if answer.usage is None else usage_of(answer.usage)


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
