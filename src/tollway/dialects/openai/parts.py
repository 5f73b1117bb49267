"""Parts of a message's content.

Rules
1. Films, and sounds by URL, are not OpenAI's own: `video_url` and `audio_url` are as vLLM and
   OpenRouter have them.
2. A file id is OpenAI's own only where it begins with `file-`.
"""

from typing import Any, Final, cast

from tollway.dialects.meaning import Cache, Fault, Media, Part, Refusal, Text
from tollway.dialects.members import Members

_KNOWN: Final = "text, image_url, input_audio, file, video_url, audio_url, refusal"
_DOCUMENT: Final = "document.pdf"
"""OpenAI wants a name for a file that comes as data."""


def read_content(said: Members, key: str = "content") -> list[Part]:
    """The parts of a content member: a string or a list. An empty string says nothing."""
    value = said.take(key)
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [Text(value)]
    if not isinstance(value, list):
        raise said.fault(key, "must be a string or a list of parts", value)
    path = said.at(key)
    items = cast(list[Any], value)
    return [read_part(Members(part, f"{path}[{at}]", said.unread)) for at, part in enumerate(items)]


def read_part(part: Members) -> Part:
    """One part of a list."""
    kind = part.text("type")
    cache = _read_cache(part)
    if kind == "text":
        read: Part = Text(part.needed("text"), cache=cache)
    elif kind == "image_url":
        read = _read_url(part, "image", "image_url", cache)
    elif kind == "video_url":
        read = _read_url(part, "video", "video_url", cache)
    elif kind == "audio_url":
        read = _read_url(part, "audio", "audio_url", cache)
    elif kind == "input_audio":
        read = _read_sound(part, cache)
    elif kind == "file":
        read = _read_file(part, cache)
    elif kind == "refusal":
        read = Refusal(part.needed("refusal"))
    else:
        raise part.fault("type", f"must be one of {_KNOWN}", kind)
    part.end()
    return read


def _inner(part: Members, key: str) -> Members:
    inner = part.members(key)
    if inner is None:
        raise part.fault(key, "must be an object", None)
    return inner


def _read_url(part: Members, kind: Any, key: str, cache: Cache | None) -> Media:
    inner = _inner(part, key)
    url = inner.needed("url")
    inner.default("detail", "auto")
    detail = inner.text("detail")
    inner.end()
    media_type, data = _split(url)
    if data is None:
        return Media(kind, url=url, detail=detail, cache=cache)
    return Media(kind, media_type=media_type, data=data, detail=detail, cache=cache)


def _read_sound(part: Members, cache: Cache | None) -> Media:
    inner = _inner(part, "input_audio")
    form = inner.text("format")
    data = inner.needed("data")
    inner.end()
    return Media("audio", media_type=f"audio/{form}" if form else None, data=data, cache=cache)


def _read_file(part: Members, cache: Cache | None) -> Media:
    inner = _inner(part, "file")
    name = inner.text("filename")
    file_id = inner.text("file_id")
    given = inner.text("file_data")
    inner.end()
    if file_id is not None:
        return Media("file", file_id=file_id, name=name, cache=cache)
    if given is None:
        raise part.fault("file", "must have file_data or file_id", None)
    if given.startswith(("https://", "http://")):
        return Media("file", url=given, name=name, cache=cache)
    media_type, data = _split(given)
    if data is None:
        data = given
    return Media("file", media_type=media_type, data=data, name=name, cache=cache)


def _split(url: str) -> tuple[str | None, str | None]:
    """Media type and base64 of a data URL; nothing of any other."""
    if not url.startswith("data:"):
        return None, None
    head, comma, data = url.partition(",")
    if not comma or not head.endswith(";base64"):
        return None, None
    return head[5:-7] or None, data


def _read_cache(part: Members) -> Cache | None:
    """OpenRouter's `cache_control`, or OpenAI's own `prompt_cache_breakpoint`."""
    for key in ("cache_control", "prompt_cache_breakpoint"):
        mark = part.members(key)
        if mark is not None:
            return Cache(ttl=mark.text("ttl"))
    return None


def write_part(part: Text | Media, path: str) -> dict[str, Any]:
    """One part of a list.

    Raises:
        Fault: Chat Completions has no place for it.
    """
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if part.kind == "file":
        return {"type": "file", "file": _write_file(part, path)}
    if part.file_id is not None:
        raise Fault(
            path, f'"{path}" names a stored file; Chat Completions takes those as files only.'
        )
    if part.kind == "audio" and part.data is not None:
        form = (part.media_type or "audio/wav").partition("/")[2]
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": form}}
    url = part.url or f"data:{part.media_type or ''};base64,{part.data}"
    key = f"{part.kind}_url"
    inner = {"url": url, "detail": part.detail} if part.detail else {"url": url}
    return {"type": key, key: inner}


def _write_file(part: Media, path: str) -> dict[str, Any]:
    named = {"filename": part.name} if part.name else {}
    if part.file_id is not None:
        if not part.file_id.startswith("file-"):
            raise Fault(
                path, f'"{path}" names a file of another provider: send the file itself instead.'
            )
        return {"file_id": part.file_id} | named
    if part.data is None:
        raise Fault(
            path, f'"{path}" is a file by URL, which Chat Completions cannot take: send its data.'
        )
    url = f"data:{part.media_type};base64,{part.data}" if part.media_type else part.data
    return {"filename": part.name or _DOCUMENT, "file_data": url}
