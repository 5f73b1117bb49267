"""Signatures in the hands of a client, who speaks one dialect while engines of four sign.

Rules
1. A signature made in the client's own dialect is bare; any other is `tollway.<dialect>.<data>`.
2. Only a dialect that we know makes a prefix: all else is bare, whatever it begins with.
3. Gemini signs calls and text as well as thoughts. Where a dialect has no place for that, such a
   signature goes ahead of its part as a sealed thought of its own, and is put back on the way in.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from tollway.dialects.meaning import Part, Reasoning, Signature, Text, ToolCall
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


def set_apart(parts: Iterable[Part]) -> tuple[Part, ...]:
    """The parts, with the signature of each call and text as a sealed thought ahead of it."""
    apart: list[Part] = []
    for part in parts:
        if isinstance(part, ToolCall | Text) and part.signature is not None:
            apart.append(Reasoning(sealed=True, signature=part.signature))
            apart.append(msgspec.structs.replace(part, signature=None))
        else:
            apart.append(part)
    return tuple(apart)


def put_back(parts: Iterable[Part]) -> tuple[Part, ...]:
    """The parts, with what `set_apart` made of them undone."""
    back: list[Part] = []
    for part in parts:
        before = back[-1] if back else None
        if (
            isinstance(part, ToolCall | Text)
            and part.signature is None
            and isinstance(before, Reasoning)
            and _is_of_a_part(before)
        ):
            back[-1] = msgspec.structs.replace(part, signature=before.signature)
        else:
            back.append(part)
    return tuple(back)


def _is_of_a_part(thought: Reasoning) -> bool:
    """Gemini has no sealed thoughts: a sealed one signed by it was made by `set_apart`."""
    made = thought.signature
    return thought.sealed and not thought.text and made is not None and made.made_in == "gemini"
