"""The models that a key may use, and counts of tokens, in the shape of each dialect."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from tollway.fleet.objects import Dialect

_encode: Final = msgspec.json.Encoder().encode
_METHODS: Final = ("generateContent", "streamGenerateContent", "countTokens")


def models_body(dialect: Dialect, names: Sequence[str], created: int) -> bytes:
    """All of them. `created` is seconds since the epoch."""
    entries = [_entry(dialect, name, created) for name in names]
    if dialect == "anthropic":
        ends = (names[0], names[-1]) if names else (None, None)
        return _encode(
            {"data": entries, "first_id": ends[0], "has_more": False, "last_id": ends[1]}
        )
    if dialect == "gemini":
        return _encode({"models": entries})
    return _encode({"object": "list", "data": entries})


def model_body(dialect: Dialect, name: str, created: int) -> bytes:
    """One of them."""
    return _encode(_entry(dialect, name, created))


def count_body(dialect: Dialect, tokens: int) -> bytes:
    """How many tokens an input has."""
    return _encode({"totalTokens": tokens} if dialect == "gemini" else {"input_tokens": tokens})


def _entry(dialect: Dialect, name: str, created: int) -> dict[str, object]:
    if dialect == "anthropic":
        at = datetime.fromtimestamp(created, UTC).isoformat().replace("+00:00", "Z")
        return {"type": "model", "id": name, "display_name": name, "created_at": at}
    if dialect == "gemini":
        return {
            "name": f"models/{name}",
            "displayName": name,
            "supportedGenerationMethods": _METHODS,
        }
    return {"id": name, "object": "model", "created": created, "owned_by": "tollway"}
