"""Signatures in the hands of a client, who speaks one dialect while engines of four sign.

Rules
1. A signature made in the client's own dialect is bare; any other is `tollway.<dialect>.<data>`.
2. Only a dialect that we know makes a prefix: all else is bare, whatever it begins with.
"""

from typing import Final

from tollway.dialects.meaning import Signature
from tollway.fleet.objects import Dialect

PREFIX: Final = "tollway."

_PREFIXES: Final[tuple[tuple[str, Dialect], ...]] = (
    ("tollway.openai.", "openai"),
    ("tollway.responses.", "responses"),
    ("tollway.anthropic.", "anthropic"),
    ("tollway.gemini.", "gemini"),
)


def signature_text(signature: Signature, own: Dialect) -> str:
    """What a client of the dialect `own` is given to bring back."""
    if signature.made_in == own:
        return signature.data
    return f"{PREFIX}{signature.made_in}.{signature.data}"


def read_signature(text: str, own: Dialect) -> Signature:
    """What a client or a source of the dialect `own` says."""
    if text.startswith(PREFIX):
        for prefix, made_in in _PREFIXES:
            if text.startswith(prefix):
                return Signature(made_in=made_in, data=text[len(prefix) :])
    return Signature(made_in=own, data=text)
