"""What a body names of the things that a provider keeps: files, stores, containers, earlier items.

Rules
1. The gateway shares its credential with many tenants, and an id is all that it takes to read what
   another one left there. So a body that names such a thing is refused, in every dialect.
2. Only members by which a provider finds it count: not what a tool is called with, what it
   answered, its schema, or anybody's metadata. There a name is the client's own.
3. Looking costs a walk through the body, and is done where a word of these is in it. A word may be
   escaped: JSON lets `_` be written `\\u005f`.
4. A search for a word costs twenty times one for a byte, so it follows one for a byte of the word
   that prose has none of, where it has such a byte.
"""

import re
from collections.abc import Mapping
from typing import Final, cast

import msgspec

from tollway.fleet.objects import Dialect
from tollway.gateway.body import BadRequest

KEPT: Final = (
    '"{0}" names what a provider keeps, and the gateway shares its credential with other tenants: '
    "send the whole conversation, and what belongs to it, instead."
)
_WORDS: Mapping[Dialect, tuple[bytes, ...]] = {
    "openai": (b"file_id", b'"audio"'),
    "responses": (b"file_id", b"vector_store_ids", b"container", b"item_reference", b"_call"),
    "anthropic": (b"file_id", b"container"),
    "gemini": (b"file_uri", b"fileUri", b"earch_store", b"earchStore"),
}
_UNDERSCORE: Final = 0x5F
_BACKSLASH: Final = 0x5C
_ESCAPED: Final = re.compile(rb"\\u00[2-7]")
_NAMES: Final = frozenset(
    {
        "file_id",
        "file_ids",
        "vector_store_ids",
        "container",
        "fileSearchStoreNames",
        "file_search_store_names",
    }
)
_ADDRESSES: Final = frozenset({"fileUri", "file_uri"})
_OWN: Final = frozenset(
    {
        "arguments",
        "args",
        "response",
        "parameters",
        "parametersJsonSchema",
        "parameters_json_schema",
        "responseSchema",
        "responseJsonSchema",
        "input_schema",
        "json_schema",
        "schema",
        "format",
        "metadata",
    }
)
"""Below these a name is the client's own (rule 2)."""
_GOOGLES: Final = "https://generativelanguage.googleapis.com/"
_decode: Final = msgspec.json.Decoder().decode


def refuse_kept(dialect: Dialect, body: bytes, pieces: tuple[bytes, ...] = ()) -> None:
    """Rule 1. `body` has been read as an object; `pieces` are all of it, cut between members, where
    the longest of them is prose.

    Raises:
        BadRequest: it names what a provider keeps.
    """
    for piece in pieces or (body,):
        if _may_name(dialect, piece):
            found = _kept_in(_decode(body), "")
            if found:
                raise BadRequest(400, "unsupported_parameter", KEPT.format(found), found)
            return


def _may_name(dialect: Dialect, text: bytes) -> bool:
    """Rules 3 and 4."""
    underscored = _UNDERSCORE in text
    for word in _WORDS[dialect]:
        # Not `word in text`: for bytes that raises and catches an error first.
        if (underscored or _UNDERSCORE not in word) and text.find(word) >= 0:
            return True
    return _BACKSLASH in text and _ESCAPED.search(text) is not None


def _kept_in(value: object, path: str) -> str:
    """Where something kept is named; empty where nothing is."""
    if isinstance(value, list):
        for place, inner in enumerate(cast("list[object]", value)):
            found = _kept_in(inner, f"{path}[{place}]")
            if found:
                return found
    elif isinstance(value, dict):
        return _kept_in_object(cast("dict[str, object]", value), path)
    return ""


def _kept_in_object(members: dict[str, object], path: str) -> str:
    kind = members.get("type")
    if kind == "item_reference" or (kind == "image_generation_call" and not members.get("result")):
        return f"{path}.id".lstrip(".")
    audio = members.get("audio")
    if members.get("role") == "assistant" and isinstance(audio, dict) and "id" in audio:
        return f"{path}.audio.id".lstrip(".")
    for name, inner in members.items():
        here = f"{path}.{name}".lstrip(".")
        if name in _OWN or (name == "input" and isinstance(inner, dict)):
            continue
        if name in _NAMES and _names(inner):
            return here
        if name in _ADDRESSES and isinstance(inner, str) and not _is_public(inner):
            return here
        found = _kept_in(inner, here)
        if found:
            return found
    return ""


def _names(value: object) -> bool:
    """Whether it is an id, or a list of some."""
    return isinstance(value, str) or (isinstance(value, list) and len(value) > 0)


def _is_public(address: str) -> bool:
    """Whether anybody may read it, so that no credential opens it."""
    lowered = address.strip().lower()
    return lowered.startswith(("https://", "http://")) and not lowered.startswith(_GOOGLES)
