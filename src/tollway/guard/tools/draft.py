"""Drafts what a tool does from what its server says of it: a guess from words, on the careful side.

Rules
1. A tool only reads where its name begins with a word for reading and no word of its name or of its
   description's first sentence says that it changes something.
2. An answer is never drafted as trusted, nor as harmless, nor as vouching: a person may say so.
3. An argument is content only where its name says that it is prose, and its schema that it is text.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from tollway.fleet.tooling import Tool
from tollway.guard.tools.asked import default_words, inflected
from tollway.guard.tools.description import Description

_READS = frozenset(
    (
        "get", "list", "read", "search", "find", "fetch", "show", "check", "count", "describe",
        "query", "lookup", "view", "retrieve", "summarize", "browse", "download",
    )
)  # fmt: skip
_ACTS = """
send post publish share pay transfer create add make schedule append delete remove cancel update
change set edit modify rename move reschedule invite give grant book reserve buy order upload put
save run execute start stop subscribe merge approve reject write reply forward email notify clear
archive mark submit charge refund revoke reset enable disable upsert insert drop deploy push
"""
_CHANGES = tuple(_ACTS.split())
_CONTENT = frozenset(
    (
        "body", "text", "content", "contents", "message", "description", "subject", "title", "note",
        "notes", "comment", "summary", "caption", "reason",
    )
)  # fmt: skip
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def draft(description: Description) -> Tool:
    """A guess of what a tool does."""
    parts = [part.lower() for part in _PARTS.findall(description.name)]
    reads = bool(parts) and parts[0] in _READS and not _changes(parts, description.text)
    if reads and not _leads_outside(description):
        return Tool(description.name, effect="none")
    return Tool(
        description.name,
        content=tuple(_content(description)),
        asked=default_words(description.name),
    )


def _changes(parts: list[str], text: str) -> bool:
    first = re.split(r"[.\n]", text.strip(), maxsplit=1)[0].lower()
    said = {*parts[1:], *re.findall(r"[a-z]+", first)}
    return any(inflected(word) & said for word in _CHANGES)


def _leads_outside(description: Description) -> bool:
    """Whether an argument is an address to go to: asking there tells something."""
    return any(
        re.search(r"ur[li]|link|host|domain|endpoint|webhook", name.lower())
        for name in _properties(description)
    )


def _content(description: Description) -> Iterator[str]:
    for name, schema in _properties(description).items():
        words = [part.lower() for part in _PARTS.findall(name)]
        plain = isinstance(schema, Mapping) and _is_text(cast("Mapping[str, Any]", schema))
        if plain and words and words[-1] in _CONTENT:
            yield name


def _is_text(schema: Mapping[str, Any]) -> bool:
    ways = [it for it in schema.get("anyOf", (schema,)) if it.get("type") != "null"]
    return all(
        it.get("type") == "string" and "format" not in it and "enum" not in it for it in ways
    )


def _properties(description: Description) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", description.input_schema.get("properties") or {})
