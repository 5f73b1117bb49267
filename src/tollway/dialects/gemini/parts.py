"""The parts of a content, read and written.

Rules
1. A call without an id gets one by its place in the conversation; a result without one answers the
   first open call of its name, as Google matches them.
2. A thought that is sealed has no `text` at all; one whose text is not shown has an empty one.
"""

from typing import Any, Final, cast

import msgspec

from tollway.dialects.gemini.signing import is_sealed, plain_base64, read_thought_signature
from tollway.dialects.meaning import Fault, Media, Part, Reasoning, Text, ToolCall, ToolResult
from tollway.dialects.members import Members, json_text

KINDS: Final = ("image", "audio", "video")
OWN_FILES: Final = ("https://generativelanguage.googleapis.com/", "gs://")
"""How a file's URI begins that only Google can read."""
HOSTED: Final = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
"""Parts that come from tools which Google runs itself."""


class Calls:
    """The calls of a conversation so far, so that results find them (rule 1)."""

    __slots__ = ("_count", "_named", "_open")

    def __init__(self) -> None:
        self._count = 0
        self._open: list[tuple[str, str]] = []
        self._named: set[str] = set()

    def call(self, ident: str | None, name: str) -> str:
        """The id of one more call."""
        self._count += 1
        found = ident or f"call_{self._count}"
        self._open.append((found, name))
        if ident:
            self._named.add(ident)
        return found

    def answer(self, ident: str | None, name: str) -> str:
        """The id of the call that a result answers."""
        for at, (call, called) in enumerate(self._open):
            if call == ident or (called == name and (not ident or call not in self._named)):
                del self._open[at]
                return call
        return ident or f"call_{name}"


def read_part(part: Members, calls: Calls) -> Part:
    """One part.

    Raises:
        Fault: a part of a kind that nothing here can hold.
    """
    signature = read_thought_signature(part.text("thoughtSignature"))
    thought = part.flag("thought")
    part.default("mediaResolution", {"level": "MEDIA_RESOLUTION_UNSPECIFIED"})
    text = part.text("text")
    found = part.members("functionCall")
    if found is not None:
        return msgspec.structs.replace(_read_call(found, calls), signature=signature)
    found = part.members("functionResponse")
    if found is not None:
        return _read_result(found, calls)
    media = _read_media(part)
    if media is not None:
        return media
    if thought:
        sealed = is_sealed(text, signature)
        return Reasoning(text or "", True, sealed=sealed, signature=signature)
    if text is None and signature is None:
        raise _unknown(part)
    return Text(text or "", signature=signature)


def _read_media(part: Members) -> Media | None:
    data, file = part.members("inlineData"), part.members("fileData")
    if data is not None:
        media_type = data.needed("mimeType")
        content = plain_base64(data.needed("data"))
        media = Media(kind_of(media_type), media_type, content, name=data.text("displayName"))
        data.end()
        return media
    if file is None:
        return None
    media_type, uri = file.text("mimeType"), file.needed("fileUri")
    name = file.text("displayName")
    file.end()
    kind = kind_of(media_type or "")
    if media_type is not None and media_type.endswith("/*"):
        media_type = None
    if uri.startswith(OWN_FILES):
        return Media(kind, media_type, file_id=uri, name=name)
    return Media(kind, media_type, url=uri, name=name)


def kind_of(media_type: str) -> Any:
    """The kind of media that a media type says."""
    kind = media_type.partition("/")[0]
    return kind if kind in KINDS else "file"


def _read_call(call: Members, calls: Calls) -> ToolCall:
    name = call.needed("name")
    ident = calls.call(call.text("id"), name)
    found = ToolCall(ident, name, call.json("args") or "{}")
    call.end()
    return found


def _read_result(result: Members, calls: Calls) -> ToolResult:
    name = result.needed("name")
    ident = calls.answer(result.text("id"), name)
    result.default("willContinue", False)
    said = result.take("response")
    if not isinstance(said, dict | None):
        raise result.fault("response", "must be an object", said)
    texts, failed = _output(cast(dict[str, object], said or {}))
    parts: list[Text | Media] = [Text(text) for text in texts]
    for part in result.objects("parts"):
        media = _read_media(part)
        if media is None:
            raise _unknown(part)
        part.end()
        parts.append(media)
    result.end()
    return ToolResult(ident, name, tuple(parts), failed)


def _output(response: dict[str, object]) -> tuple[list[str], bool]:
    """A result's texts, and whether the tool failed: Google names `output` and `error`, its own
    SDK `result`; a response without them is the output as a whole."""
    if not response:
        return [], False
    if len(response) == 1:
        ((name, value),) = response.items()
        if name in ("output", "result", "error"):
            return _texts(value), name == "error"
    return [json_text(response)], False


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    texts = cast(list[object], value) if isinstance(value, list) else []
    if len(texts) > 1 and all(isinstance(text, str) for text in texts):
        return cast(list[str], texts)
    return [json_text(cast(object, value))]


def _unknown(part: Members) -> Fault:
    hosted = [name for name in HOSTED if part.take(name) is not None]
    known = "text, inlineData, fileData, functionCall, functionResponse"
    if hosted:
        return Fault(
            part.at(hosted[0]),
            f'"{part.at(hosted[0])}" comes from a tool that Google runs itself; known: {known}. '
            "Leave it out, or route to a source that speaks gemini.",
        )
    return Fault(part.path, f'"{part.path}" says nothing that is known here; known: {known}.')
