"""What a server says of its tools: pinned by digest, and searched for what a reader does not see.

Rules
1. The digest covers the description and both schemas, whole; an agent is only ever shown what was
   pinned. Annotations are not covered, since they are never believed.
2. What is not printable, or is drawn as nothing, is flagged: it speaks to the model alone.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

from tollway.guard.tools.arguments import canonical

_WHITE = "\n\t"
_HOLLOW = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u180e")
"""Letters and marks that are drawn as nothing, by their names in Unicode's data."""


@dataclass(frozen=True, slots=True)
class Description:
    """A tool as its server tells of it, or as it was pinned."""

    name: str
    text: str
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any] | None = None

    @property
    def digest(self) -> str:
        """sha256 in hex (rule 1)."""
        whole = [self.name, self.text, self.input_schema, self.output_schema]
        return sha256(canonical(whole).encode("utf-8", "surrogatepass")).hexdigest()


def oddities(description: Description) -> tuple[str, ...]:
    """What of a description is hidden from a reader, in words (rule 2)."""
    texts = [description.text, description.name]
    texts += _texts(description.input_schema)
    texts += _texts(description.output_schema)
    found = dict.fromkeys(word for text in texts for word in _hidden(text))
    return tuple(found)


def _hidden(text: str) -> Iterator[str]:
    for letter in text:
        if letter in _WHITE:
            continue
        if letter == "\x1b":
            yield "an escape sequence that a terminal obeys (U+001B)"
        elif unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cs", "Cn") or letter in _HOLLOW:
            name = unicodedata.name(letter, "a control")
            yield f"a character that is not seen, {name.lower()} (U+{ord(letter):04X})"
        elif 0xFE00 <= ord(letter) <= 0xFE0F or 0xE0100 <= ord(letter) <= 0xE01EF:
            yield f"a variation selector (U+{ord(letter):04X})"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, object]", value).items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _texts(inner)
