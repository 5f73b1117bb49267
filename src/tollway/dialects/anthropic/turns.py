"""Turns, written as messages of content blocks.

Rules
1. Instructions in the middle of a conversation go to its beginning, as Anthropic's own endpoint for
   OpenAI's SDK does: only some models take them where they stand.
2. Words that are nothing but spaces are left out, for Anthropic refuses them.
3. Thoughts go back where Anthropic signed them; it refuses all others.
4. Results of tools come first in their turn: Anthropic wants them right behind the calls.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from typing import Any, Final

import msgspec

from tollway.dialects.meaning import (
    Ask,
    Cache,
    Fault,
    Loss,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)

TTLS: Final = ("5m", "1h")
IMAGES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")

_BEGINNINGS: Final = (
    ("/9j/", "image/jpeg"),
    ("iVBORw0KGgo", "image/png"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
)
"""How the base64 of each kind of image begins."""

_NOT_IN_IDS: Final = re.compile(r"[^a-zA-Z0-9_-]")
_FOREIGN: Final = "was made by an engine of another dialect, which alone can read it"


def write_system(ask: Ask, losses: list[Loss]) -> list[dict[str, Any]]:
    """The system prompt, and the instructions of rule 1."""
    blocks: list[dict[str, Any]] = []
    for at, text in enumerate(ask.system):
        blocks += write_text(text, f"system[{at}]", losses)
    for at, turn in enumerate(ask.turns):
        if turn.speaker in ("system", "developer"):
            path = f"turns[{at}]"
            losses.append(Loss(path, "instructions amid a conversation go to its beginning"))
            for place, part in enumerate(turn.parts):
                if isinstance(part, Text):
                    blocks += write_text(part, f"{path}.parts[{place}]", losses)
    return blocks


def write_turns(ask: Ask, losses: list[Loss]) -> list[dict[str, Any]]:
    """The messages."""
    messages: list[dict[str, Any]] = []
    for at, turn in enumerate(ask.turns):
        if turn.speaker in ("system", "developer"):
            continue
        path = f"turns[{at}]"
        if turn.name is not None:
            losses.append(Loss(f"{path}.name", "Messages has no names of speakers"))
        blocks = _write_parts(turn, path, losses)
        if blocks:
            messages.append({"role": turn.speaker, "content": blocks})
    return messages


def _write_parts(turn: Turn, path: str, losses: list[Loss]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    rest: list[dict[str, Any]] = []
    for at, part in enumerate(turn.parts):
        place = f"{path}.parts[{at}]"
        if isinstance(part, ToolResult):
            if rest:
                losses.append(Loss(place, "comes before the words of its turn here"))
            results.append(_write_result(part, place, losses))
        else:
            rest += _write_part(part, place, losses)
    return results + rest


def _write_part(part: Part, path: str, losses: list[Loss]) -> list[dict[str, Any]]:
    if isinstance(part, Text):
        return write_text(part, path, losses)
    if isinstance(part, Media):
        return [_write_media(part, path, losses)]
    if isinstance(part, ToolCall):
        if part.signature is not None:
            losses.append(Loss(f"{path}.signature", _FOREIGN))
        return [write_call(part, part.id, path, losses)]
    if isinstance(part, Reasoning):
        return _write_thought(part, path, losses)
    if isinstance(part, Refusal):
        losses.append(Loss(path, "Messages does not keep a refusal apart: it is text"))
        return write_text(Text(part.text), path, losses)
    return []


def write_text(part: Text, path: str, losses: list[Loss]) -> list[dict[str, Any]]:
    """A block of words; none where there are none."""
    if part.signature is not None:
        losses.append(Loss(f"{path}.signature", _FOREIGN))
    if not part.text.strip():
        if part.text:
            losses.append(Loss(path, "Messages takes no text of spaces alone"))
        return []
    return [{"type": "text", "text": part.text, **write_cache(part.cache, path, losses)}]


def write_cache(cache: Cache | None, path: str, losses: list[Loss]) -> dict[str, Any]:
    """The member that marks a cache breakpoint."""
    if cache is None:
        return {}
    ttl = cache.ttl
    if ttl is not None and ttl not in TTLS:
        losses.append(Loss(f"{path}.cache", f"Messages caches for 5m or 1h, not {ttl}: 1h it is"))
        ttl = "1h"
    return {"cache_control": {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})}


def write_id(call_id: str) -> str:
    """A call's id in the letters that Anthropic takes; some engines' have dots and colons."""
    return _NOT_IN_IDS.sub("_", call_id)


def write_call(call: ToolCall, call_id: str, path: str, losses: list[Loss]) -> dict[str, Any]:
    """A `tool_use` block."""
    block = {"type": "tool_use", "id": write_id(call_id), "name": call.name}
    given = _write_arguments(call, path, losses)
    return {**block, "input": given, **write_cache(call.cache, path, losses)}


def _write_arguments(call: ToolCall, path: str, losses: list[Loss]) -> Any:
    text = call.arguments.strip() or "{}"
    if not call.custom:
        try:
            if isinstance(msgspec.json.decode(text), dict):
                return msgspec.Raw(text.encode())
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
    losses.append(Loss(f"{path}.arguments", "Messages takes a JSON object: they stand in one"))
    return {"arguments": call.arguments}


def _write_result(result: ToolResult, path: str, losses: list[Loss]) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for at, part in enumerate(result.parts):
        content += _write_part(part, f"{path}.parts[{at}]", losses)
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": write_id(result.id)}
    if content:
        block["content"] = content
    if result.failed:
        block["is_error"] = True
    return block | write_cache(result.cache, path, losses)


def _write_thought(thought: Reasoning, path: str, losses: list[Loss]) -> list[dict[str, Any]]:
    signature = thought.signature
    if signature is None:
        losses.append(Loss(path, "Messages takes no thought without Anthropic's signature"))
        return []
    if signature.made_in != "anthropic":
        losses.append(Loss(path, _FOREIGN))
        return []
    return [thought_block(thought, signature.data)]


def thought_block(thought: Reasoning, data: str) -> dict[str, Any]:
    """A block of thought. `data` is the signature as the reader is to have it."""
    if thought.sealed and not thought.text:
        return {"type": "redacted_thinking", "data": data}
    return {"type": "thinking", "thinking": thought.text, "signature": data}


def _write_media(part: Media, path: str, losses: list[Loss]) -> dict[str, Any]:
    """An `image` or a `document`.

    Raises:
        Fault: Messages has no place for it.
    """
    if part.kind not in ("image", "file"):
        raise Fault(path, f'"{path}" is {part.kind}: Messages takes images and documents only.')
    if part.detail is not None:
        losses.append(Loss(f"{path}.detail", "Messages has no detail of images"))
    block: dict[str, Any] = {"type": "image" if part.kind == "image" else "document"}
    if part.file_id is not None:
        block["source"] = {"type": "file", "file_id": _own_file(part.file_id, path)}
    elif part.url is not None:
        block["source"] = {"type": "url", "url": part.url}
    elif part.kind == "image":
        block["source"] = _image(part, path)
    else:
        block["source"] = _document(part, path, losses)
    if part.name is not None and part.kind == "file":
        block["title"] = part.name
    return block | write_cache(part.cache, path, losses)


def _own_file(file_id: str, path: str) -> str:
    if not file_id.startswith("file_"):
        raise Fault(path, f'"{path}" names a file of another provider: send the file itself.')
    return file_id


def _image(part: Media, path: str) -> dict[str, Any]:
    data = part.data or ""
    kind = part.media_type if part.media_type != "image/jpg" else "image/jpeg"
    if kind is None:
        kind = next((kind for begins, kind in _BEGINNINGS if data.startswith(begins)), None)
    if kind not in IMAGES:
        raise Fault(path, f'"{path}" is {kind}: Messages takes JPEG, PNG, GIF and WebP images.')
    return {"type": "base64", "media_type": kind, "data": data}


def _document(part: Media, path: str, losses: list[Loss]) -> dict[str, Any]:
    data = part.data or ""
    kind = part.media_type or ("application/pdf" if data.startswith("JVBERi0") else None)
    if kind == "application/pdf":
        return {"type": "base64", "media_type": kind, "data": data}
    if kind is None or not kind.startswith("text/"):
        raise Fault(path, f'"{path}" is {kind}: Messages takes PDF and plain text as documents.')
    if kind != "text/plain":
        losses.append(Loss(f"{path}.media_type", f"Messages takes {kind} as plain text"))
    try:
        words = b64decode(data, validate=True).decode()
    except (NotBase64, ValueError):
        raise Fault(path, f'"{path}" must be base64 of UTF-8 text.') from None
    return {"type": "text", "media_type": "text/plain", "data": words}
