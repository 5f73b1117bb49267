"""What one message of a model says, in a question or in an answer: the reading of it.

Rules
1. A message holds its thoughts, then its words, then its refusal, then its tool calls.
2. A tool call's own signature is in `extra_content.google`, as Gemini's chat endpoint has it; that
   of words is there on the message.
"""

from typing import Any

import msgspec

from tollway.dialects.meaning import Part, Refusal, Signature, Text, ToolCall
from tollway.dialects.members import Members, json_text
from tollway.dialects.openai.parts import read_content
from tollway.dialects.openai.thoughts import read_thoughts
from tollway.dialects.signatures import read_signature, signature_text


def read_said(said: Members) -> tuple[Part, ...]:
    """The parts of an assistant's message."""
    parts: list[Part] = [*read_thoughts(said)]
    words = read_content(said)
    signature = read_extra(said)
    if signature is not None:
        words = _sign_last_text(words, signature)
    parts += words
    refusal = said.text("refusal")
    if refusal:
        parts.append(Refusal(refusal))
    parts += [read_call(call) for call in said.objects("tool_calls")]
    return tuple(parts)


def read_call(call: Members) -> ToolCall:
    """One entry of `tool_calls`."""
    call_id = call.text("id") or ""
    kind = call.text("type")
    call.take("index")
    signature = read_extra(call)
    if kind == "custom":
        inner = call.members("custom") or Members({}, call.at("custom"), call.unread)
        read = ToolCall(
            call_id,
            inner.needed("name"),
            inner.text("input") or "",
            custom=True,
            signature=signature,
        )
    else:
        inner = call.members("function") or Members({}, call.at("function"), call.unread)
        name = inner.needed("name")
        read = ToolCall(call_id, name, _arguments(inner), signature=signature)
    inner.end()
    call.end()
    return read


def _arguments(inner: Members) -> str:
    value = inner.take("arguments")
    if value is None:
        return ""
    return value if isinstance(value, str) else json_text(value)  # Ollama sends an object


def _sign_last_text(words: list[Part], signature: Signature) -> list[Part]:
    for at in range(len(words) - 1, -1, -1):
        part = words[at]
        if isinstance(part, Text):
            words[at] = msgspec.structs.replace(part, signature=signature)
            return words
    return [*words, Text("", signature=signature)]


def read_extra(members: Members) -> Signature | None:
    """The signature in `extra_content`."""
    extra = members.members("extra_content")
    google = extra.members("google") if extra is not None else None
    if extra is None or google is None:
        return None
    text = google.text("thought_signature")
    google.end()
    extra.end()
    return read_signature(text, "openai") if text else None


def write_extra(signature: Signature) -> dict[str, Any]:
    """`extra_content` with a signature in it."""
    return {"google": {"thought_signature": signature_text(signature, "openai")}}


def write_call(call: ToolCall, call_id: str) -> dict[str, Any]:
    """One entry of `tool_calls`."""
    if call.custom:
        custom = {"name": call.name, "input": call.arguments}
        said: dict[str, Any] = {"id": call_id, "type": "custom", "custom": custom}
    else:
        function = {"name": call.name, "arguments": call.arguments}
        said = {"id": call_id, "type": "function", "function": function}
    if call.signature is not None:
        said["extra_content"] = write_extra(call.signature)
    return said
