"""Content blocks, read.

Rules
1. A block that a client must not lose and that has no meaning elsewhere (a tool that runs at the
   provider, a search result) is refused; one in an answer is listed as unread.
2. A document of plain text is a file like any other: its words are kept as base64.
"""

from base64 import b64encode
from typing import Any, Final

from tollway.dialects.meaning import (
    Cache,
    Fault,
    Media,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from tollway.dialects.members import Members
from tollway.dialects.signatures import read_signature

KNOWN: Final = (
    "text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking",
)  # fmt: skip
_DIRECT: Final = {"type": "direct"}


def read_blocks(said: Members, key: str, names: dict[str, str]) -> list[Part]:
    """The parts of a content: a string, or a list of blocks. `names` are the tools' names by the
    ids of the calls read so far, and grows."""
    value = said.take(key)
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [Text(value)]
    items = Members({key: value}, said.path, said.unread).objects(key)
    return [read_block(block, names) for block in items]


def read_block(block: Members, names: dict[str, str]) -> Part:
    """One block."""
    kind = block.take("type")
    cache = read_cache(block)
    if kind == "text":
        block.default("citations", [])
        part: Part = Text(block.needed("text"), cache=cache)
    elif kind == "tool_use":
        part = _read_call(block, cache)
        names[part.id] = part.name
    elif kind == "tool_result":
        part = _read_result(block, cache, names)
    elif kind == "thinking":
        part = _read_thought(block)
    elif kind == "redacted_thinking":
        data = block.needed("data")
        part = Reasoning(sealed=True, signature=read_signature(data, "anthropic"))
    elif kind in ("image", "document"):
        part = _read_media(block, kind, cache)
    else:
        known = ", ".join(KNOWN)
        raise block.fault("type", f"must be one of {known}: others are not translated", kind)
    block.end()
    return part


def read_cache(members: Members) -> Cache | None:
    """A cache breakpoint."""
    mark = members.members("cache_control")
    return None if mark is None else Cache(ttl=mark.text("ttl"))


def _read_call(block: Members, cache: Cache | None) -> ToolCall:
    block.default("caller", _DIRECT)
    return ToolCall(
        id=block.needed("id"),
        name=block.needed("name"),
        arguments=block.json("input") or "{}",
        cache=cache,
    )


def _read_result(block: Members, cache: Cache | None, names: dict[str, str]) -> ToolResult:
    call_id = block.needed("tool_use_id")
    path = block.at("content")
    parts = read_blocks(block, "content", names)
    if not all(isinstance(part, Text | Media) for part in parts):
        raise Fault(path, f'"{path}" may have text, images and documents only.')
    return ToolResult(
        id=call_id,
        name=names.get(call_id, ""),
        parts=tuple(part for part in parts if isinstance(part, Text | Media)),
        failed=block.flag("is_error") or False,
        cache=cache,
    )


def _read_thought(block: Members) -> Reasoning:
    """OpenAI's Responses seals a thought and gives a summary of it; here both are in one block."""
    text = block.text("thinking") or ""
    data = block.text("signature")
    if not data:
        return Reasoning(text=text)
    signature = read_signature(data, "anthropic")
    sealed = signature.made_in == "responses"
    return Reasoning(text=text, summary=sealed and text != "", sealed=sealed, signature=signature)


def _read_media(block: Members, kind: Any, cache: Cache | None) -> Media:
    source = block.members("source")
    if source is None:
        raise block.fault("source", "must be an object", None)
    name = block.text("title")
    citations = block.members("citations")
    if citations is not None:
        citations.default("enabled", False)
        citations.end()
    media = _read_source(source, "image" if kind == "image" else "file", name, cache)
    source.end()
    return media


def _read_source(source: Members, kind: Any, name: str | None, cache: Cache | None) -> Media:
    form = source.text("type")
    media_type = source.text("media_type")
    if form == "base64":
        data = source.needed("data")
        return Media(kind, media_type=media_type, data=data, name=name, cache=cache)
    if form == "text":
        data = b64encode(source.needed("data").encode()).decode()
        return Media(kind, media_type=media_type, data=data, name=name, cache=cache)
    if form == "url":
        return Media(kind, media_type, url=source.needed("url"), name=name, cache=cache)
    if form == "file":
        return Media(kind, media_type, file_id=source.needed("file_id"), name=name, cache=cache)
    raise source.fault("type", "must be base64, text, url or file", form)
