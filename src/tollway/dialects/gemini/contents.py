"""Writes turns as contents.

Rules
1. Gemini hears its own thoughts and signatures only. Of a thought that another engine signed the
   text is sent, of a sealed one nothing.
2. The first call of an answer has a signature, or the word that stands for one (`SKIP`).
3. There are no system words but at the start: later ones are said as the user's, as a Loss.
"""

from typing import Any, Final, cast

import msgspec

from tollway.dialects.gemini.parts import OWN_FILES
from tollway.dialects.gemini.signing import SKIP
from tollway.dialects.gemini.thinking import takes_levels
from tollway.dialects.meaning import (
    Ask,
    Fault,
    Loss,
    Media,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tollway.dialects.signatures import put_back

TYPES: Final = {
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "mp4": "video/mp4",
    "pdf": "application/pdf",
    "png": "image/png",
    "webp": "image/webp",
}
"""Media types by the endings of URLs: Gemini wants to be told, other APIs look for themselves.
Where the ending says nothing `image/*` and the like do, as in Google's examples with `video/*`."""
NO_CACHE: Final = "Gemini caches by itself"

Said = dict[str, Any]


def write_contents(ask: Ask, model: str, losses: list[Loss]) -> list[Said]:
    """`contents`, one for each turn."""
    signed = takes_levels(model)
    return [_write_turn(turn, f"turns[{at}]", signed, losses) for at, turn in enumerate(ask.turns)]


def _write_turn(turn: Turn, path: str, signed: bool, losses: list[Loss]) -> Said:
    if turn.name is not None:
        losses.append(Loss(f"{path}.name", "Gemini has no names of speakers"))
    if turn.speaker not in ("user", "assistant"):
        losses.append(Loss(path, "Gemini has system words only at the start: said as the user's"))
    parts: list[Said] = []
    for at, part in enumerate(put_back(turn.parts)):
        said = _write_part(part, f"{path}.parts[{at}]", losses)
        if said is not None:
            parts.append(said)
    calls = [said for said in parts if "functionCall" in said]
    if signed and calls and not any("thoughtSignature" in call for call in calls):
        calls[0]["thoughtSignature"] = SKIP
    return {"role": "model" if turn.speaker == "assistant" else "user", "parts": parts}


def _write_part(part: Part, path: str, losses: list[Loss]) -> Said | None:
    if not isinstance(part, Reasoning | Refusal) and part.cache is not None:
        losses.append(Loss(f"{path}.cache", NO_CACHE))
    match part:
        case Text():
            return {"text": part.text, **_signature(part.signature, path, losses)}
        case Media():
            return write_media(part, path, losses)
        case ToolCall():
            return _write_call(part, path, losses)
        case ToolResult():
            return _write_result(part, path, losses)
        case Reasoning():
            return _write_thought(part, path, losses)
        case Refusal():
            losses.append(Loss(path, "Gemini keeps no refusals apart: said as text"))
            return {"text": part.text}


def _signature(signature: Signature | None, path: str, losses: list[Loss]) -> Said:
    if signature is None:
        return {}
    if signature.made_in == "gemini":
        return {"thoughtSignature": signature.data}
    losses.append(Loss(f"{path}.signature", "Gemini reads only what it signed itself"))
    return {}


def _write_thought(part: Reasoning, path: str, losses: list[Loss]) -> Said | None:
    foreign = part.signature is not None and part.signature.made_in != "gemini"
    if foreign and part.sealed and not part.text:
        losses.append(Loss(path, "Gemini reads only thoughts that it sealed itself"))
        return None
    said: Said = {} if part.sealed and not part.text else {"text": part.text}
    return {**said, "thought": True, **_signature(part.signature, path, losses)}


def write_media(part: Media, path: str, losses: list[Loss]) -> Said:
    """An image, sound, film or file.

    Raises:
        Fault: a file of another provider's, or data of no known type.
    """
    for name, value in (("name", part.name), ("detail", part.detail)):
        if value is not None:
            losses.append(Loss(f"{path}.{name}", f"the Gemini API has no {name} of a file"))
    if part.data is not None:
        if part.media_type is None:
            raise Fault(path, f"{path} is data of no known type: name its media type.")
        return {"inlineData": {"mimeType": part.media_type, "data": part.data}}
    uri = part.url or part.file_id or ""
    if part.file_id is not None and not uri.startswith(OWN_FILES):
        raise Fault(
            path,
            f'{path} is the file "{uri}", which another provider has stored. Send the file itself.',
        )
    ending = uri.partition("?")[0].rpartition(".")[2].lower()
    media_type = part.media_type or TYPES.get(ending)
    if media_type is None and part.kind != "file":
        media_type = f"{part.kind}/*"
    return {
        "fileData": {"fileUri": uri, **({} if media_type is None else {"mimeType": media_type})}
    }


def _write_call(part: ToolCall, path: str, losses: list[Loss]) -> Said:
    if part.custom:
        raise Fault(path, f'{path} calls the custom tool "{part.name}": Gemini has functions only.')
    args = read_arguments(part.arguments)
    if args is None:
        losses.append(Loss(f"{path}.arguments", "they are no JSON object: sent as one text"))
        args = {"arguments": part.arguments}
    call = {"id": part.id, "name": part.name, "args": args}
    return {"functionCall": call, **_signature(part.signature, path, losses)}


def read_arguments(text: str) -> dict[str, object] | None:
    """The arguments of a call; None where they are no JSON object."""
    try:
        found = msgspec.json.decode(text.strip() or "{}")
    except (msgspec.DecodeError, RecursionError):
        return None
    return cast(dict[str, object], found) if isinstance(found, dict) else None


def _write_result(part: ToolResult, path: str, losses: list[Loss]) -> Said:
    if part.custom:
        raise Fault(path, f'{path} is of the custom tool "{part.name}": Gemini has functions only.')
    media: list[Said] = []
    texts: list[str] = []
    for at, inner in enumerate(part.parts):
        where = f"{path}.parts[{at}]"
        if inner.cache is not None:
            losses.append(Loss(f"{where}.cache", NO_CACHE))
        if isinstance(inner, Media):
            media.append(write_media(inner, where, losses))
            continue
        if media:
            losses.append(Loss(path, "Gemini has the media of a result behind its words"))
        texts.append(inner.text)
    output = texts if len(texts) > 1 else "".join(texts)
    response = {"error" if part.failed else "output": output}
    said: Said = {"id": part.id, "name": part.name, "response": response}
    if media:
        said["parts"] = media
    return {"functionResponse": said}
