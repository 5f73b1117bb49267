"""Which path asks what, in which dialect.

Rules
1. A path is matched whole, as it was written: nothing is decoded, cut or folded first, but for the
   model in Gemini's.
2. Errors are answered in the dialect of the path, also where the path is none.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from tollway.fleet.objects import Dialect, Operation


class Surface:
    """What a path asks for. `counts`: only how many tokens the input has. `model` and `stream` are
    Gemini's, whose path says both."""

    __slots__ = ("counts", "dialect", "model", "operation", "stream")

    def __init__(
        self,
        dialect: Dialect,
        operation: Operation = "chat",
        counts: bool = False,
        model: str = "",
        stream: bool = False,
    ) -> None:
        self.dialect: Dialect = dialect
        self.operation: Operation = operation
        self.counts = counts
        self.model = model
        self.stream = stream


SURFACES: Mapping[bytes, Surface] = {
    b"/v1/chat/completions": Surface("openai"),
    b"/v1/completions": Surface("openai", "completion"),
    b"/v1/embeddings": Surface("openai", "embedding"),
    b"/v1/responses": Surface("responses"),
    b"/v1/messages": Surface("anthropic"),
    b"/v1/messages/count_tokens": Surface("anthropic", counts=True),
}
_GEMINI: Final = re.compile(
    rb"/v1(?:beta)?/models/([^/?#]{1,400}):(generateContent|streamGenerateContent|countTokens)\Z"
)


def surface_of(path: bytes) -> Surface | None:
    """What `path` asks a model for; None where it does not."""
    known = SURFACES.get(path)
    if known is not None or b":" not in path:
        return known
    found = _GEMINI.match(path)
    if found is None:
        return None
    model = unquote(found[1].decode("ascii", "replace"))
    method = found[2]
    return Surface(
        "gemini", "chat", method == b"countTokens", model, method == b"streamGenerateContent"
    )


def dialect_of(path: bytes, headers: Mapping[bytes, bytes]) -> Dialect:
    """In which dialect a refusal is to be told."""
    if path.startswith(b"/v1/messages"):
        return "anthropic"
    if path.startswith(b"/v1beta") or (b":" in path and path.startswith(b"/v1/models/")):
        return "gemini"
    if path.startswith(b"/v1/responses"):
        return "responses"
    if path == b"/v1/models" or path.startswith(b"/v1/models/"):
        # Three APIs list their models here; each one's clients send what the others' never do.
        if b"anthropic-version" in headers:
            return "anthropic"
        return "gemini" if b"x-goog-api-key" in headers else "openai"
    return "openai"
