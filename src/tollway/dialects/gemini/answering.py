"""Reads and writes whole answers of generateContent."""

from typing import Any, Final

import msgspec

from tollway.dialects.forms import Told
from tollway.dialects.gemini.contents import read_arguments
from tollway.dialects.gemini.parts import kind_of
from tollway.dialects.gemini.signing import (
    is_sealed,
    plain_base64,
    read_thought_signature,
    write_thought_signature,
)
from tollway.dialects.gemini.wire import Candidate, SaidPart, decode_response
from tollway.dialects.lenient import decoded
from tollway.dialects.meaning import (
    Answer,
    Choice,
    Loss,
    Media,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Stop,
    Text,
    ToolCall,
    ToolResult,
)
from tollway.dialects.members import json_text
from tollway.fleet.usage import Usage

Said = dict[str, Any]

STOPS: Final[dict[str, Stop]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "filter",
    "RECITATION": "filter",
    "LANGUAGE": "filter",
    "BLOCKLIST": "filter",
    "PROHIBITED_CONTENT": "filter",
    "SPII": "filter",
    "MODEL_ARMOR": "filter",
    "IMAGE_SAFETY": "filter",
    "IMAGE_PROHIBITED_CONTENT": "filter",
    "IMAGE_RECITATION": "filter",
}
"""What is not here, such as MALFORMED_FUNCTION_CALL, no other dialect has a word for."""
FINISHES: Final[dict[Stop, str]] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "stop_sequence": "STOP",
    "length": "MAX_TOKENS",
    "filter": "SAFETY",
    "refusal": "SAFETY",
    "pause": "OTHER",
}


def read_answer(body: bytes) -> Answer:
    """A response.

    Raises:
        ValueError: the body is no response; what the source said of it, where it did.
    """
    said = decoded(decode_response, body)
    if said.error is not None:
        raise ValueError(said.error.message or "the response is an error")
    if said.candidates is None and said.prompt_feedback is None:
        raise ValueError("no answer of generateContent: it has no candidates")
    ident = said.response_id or ""
    unread: list[str] = []
    choices = [_read_choice(candidate, ident, unread) for candidate in said.candidates or ()]
    if not choices:
        choices.append(Choice((), "filter"))
    return Answer(
        id=ident,
        model=said.model_version or "",
        choices=tuple(choices),
        usage=None if said.usage_metadata is None else said.usage_metadata.usage(),
        unread=tuple(unread),
    )


def _read_choice(candidate: Candidate, ident: str, unread: list[str]) -> Choice:
    unread.extend(candidate.unread())
    parts: list[Part] = []
    path = f"candidates[{candidate.index}]"
    for at, said in enumerate(candidate.content.parts if candidate.content is not None else ()):
        part = _read_part(said, call_id(ident, candidate.index, len(parts)))
        if part is None:
            unread.append(f"{path}.content.parts[{at}]")
        elif part != Text(""):
            parts.append(part)
    called = any(isinstance(part, ToolCall) for part in parts)
    stop, unknown = read_stop(candidate.finish_reason, called)
    if unknown:
        unread.append(f"{path}.finishReason: {candidate.finish_reason}")
    return Choice(tuple(parts), stop)


def call_id(answer: str, choice: int, at: int) -> str:
    """The id of a call that Google gave none, by its place."""
    return f"call_{answer}_{choice}_{at}" if answer else f"call_{choice}_{at}"


def read_stop(reason: str | None, called: bool) -> tuple[Stop | None, bool]:
    """Why a candidate ended, and whether that is a reason without a word; `called`: a call is in
    it."""
    if reason is None or reason == "FINISH_REASON_UNSPECIFIED":
        return None, False
    stop = STOPS.get(reason)
    if stop == "stop" and called:
        return "tool_calls", False
    return stop, stop is None


def _read_part(said: SaidPart, ident: str) -> Part | None:
    signature = read_thought_signature(said.thought_signature)
    call = said.function_call
    if call is not None:
        arguments = json_text(call.args or {})
        return ToolCall(call.id or ident, call.name, arguments, signature=signature)
    if said.inline_data is not None:
        media_type = said.inline_data.mime_type
        return Media(kind_of(media_type), media_type, plain_base64(said.inline_data.data))
    if said.thought:
        sealed = is_sealed(said.text, signature)
        return Reasoning(said.text or "", True, sealed=sealed, signature=signature)
    if said.text is None and signature is None:
        return None
    return Text(said.text or "", signature=signature)


def write_answer(answer: Answer, told: Told) -> tuple[bytes, tuple[Loss, ...]]:
    """A response, and what it could not carry."""
    losses: list[Loss] = []
    candidates = [_write_candidate(choice, at, losses) for at, choice in enumerate(answer.choices)]
    said: Said = {"candidates": candidates}
    if answer.usage is not None:
        said["usageMetadata"] = write_usage(answer.usage)
        if answer.usage.cache_write:
            losses.append(Loss("usage.cache_write", "Gemini does not count what its cache took in"))
    if answer.tier is not None:
        losses.append(Loss("tier", "Gemini does not say the service tier of an answer"))
    said.update({"modelVersion": told.model, "responseId": told.id})
    return msgspec.json.encode(said), tuple(losses)


def _write_candidate(choice: Choice, index: int, losses: list[Loss]) -> Said:
    path = f"choices[{index}]"
    if choice.stop_sequence is not None:
        losses.append(Loss(f"{path}.stop_sequence", "Gemini does not say which one was met"))
    if choice.stop in ("refusal", "pause"):
        losses.append(Loss(f"{path}.stop", f'Gemini has no word for "{choice.stop}"'))
    parts: list[Said] = []
    for at, part in enumerate(choice.parts):
        said = write_answer_part(part, f"{path}.parts[{at}]", losses)
        if said is not None:
            parts.append(said)
    finish = FINISHES.get(choice.stop or "stop")
    return {
        "content": {"parts": parts, "role": "model"},
        "finishReason": finish,
        "index": index,
    }


def write_answer_part(part: Part, path: str, losses: list[Loss]) -> Said | None:
    """A part of an answer; None for one that no model answers with."""
    match part:
        case Text():
            return {"text": part.text, **write_signed(part.signature)}
        case Refusal():
            losses.append(Loss(path, "Gemini keeps no refusals apart: said as text"))
            return {"text": part.text}
        case Reasoning():
            text = {} if part.sealed and not part.text else {"text": part.text}
            return {**text, "thought": True, **write_signed(part.signature)}
        case ToolCall():
            args = read_arguments(part.arguments)
            if args is None:
                losses.append(Loss(f"{path}.arguments", "no JSON object: given as one text"))
                args = {"arguments": part.arguments}
            call = {"id": part.id, "name": part.name, "args": args}
            return {"functionCall": call, **write_signed(part.signature)}
        case Media():
            return _write_media(part, path, losses)
        case ToolResult():
            losses.append(Loss(path, "Gemini answers with no results of tools"))
            return None


def _write_media(part: Media, path: str, losses: list[Loss]) -> Said | None:
    if part.data is None or part.media_type is None:
        losses.append(Loss(path, "Gemini answers with data of known type only"))
        return None
    return {"inlineData": {"mimeType": part.media_type, "data": part.data}}


def write_signed(signature: Signature | None) -> Said:
    """The member that carries a signature; nothing where there is none."""
    return {} if signature is None else {"thoughtSignature": write_thought_signature(signature)}


def write_usage(usage: Usage) -> Said:
    """`usageMetadata`; members that count nothing are left out, as Google does."""
    said: Said = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.input + usage.output,
    }
    if usage.cached_input:
        said["cachedContentTokenCount"] = usage.cached_input
    if usage.reasoning:
        said["thoughtsTokenCount"] = usage.reasoning
    return said
