"""Whole answers in Messages."""

from typing import Any, Final

import msgspec

from tollway.dialects.anthropic.blocks import KNOWN, read_block
from tollway.dialects.anthropic.stops import LOST, read_stop, write_stop
from tollway.dialects.anthropic.turns import thought_block, write_call
from tollway.dialects.anthropic.usage import read_reported, usage_of, write_usage
from tollway.dialects.forms import Told
from tollway.dialects.lenient import decoded
from tollway.dialects.meaning import (
    Answer,
    Choice,
    Fault,
    Loss,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from tollway.dialects.members import Members
from tollway.dialects.signatures import put_back, set_apart, signature_text
from tollway.fleet.usage import Usage

_ABOUT: Final = ("type", "role")
_SERVICE: Final = {"standard": "default"}
_SERVED: Final = {"default": "standard", "priority": "priority", "batch": "batch"}

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


def read_answer(body: bytes) -> Answer:
    """A whole answer.

    Raises:
        ValueError: the body is no answer.
    """
    try:
        return _read_answer(Members(decoded(_decode, body), "", []))
    except Fault as fault:
        raise ValueError(fault.message) from None


def _read_answer(said: Members) -> Answer:
    if said.take("error"):
        raise ValueError("the answer is an error")
    for key in _ABOUT:
        said.take(key)
    reported = read_reported(said.take("usage"))
    tier = reported.service_tier if reported is not None else None
    answer = Answer(
        id=said.text("id") or "",
        model=said.text("model") or "",
        choices=(_read_choice(said),),
        usage=usage_of(reported),
        tier=_SERVICE.get(tier, tier) if isinstance(tier, str) else None,
    )
    said.end()
    return msgspec.structs.replace(answer, unread=tuple(said.unread))


def _read_choice(said: Members) -> Choice:
    parts: list[Part] = []
    for block in said.objects("content"):
        if block.says("type") in KNOWN:
            parts.append(read_block(block, {}))
        else:
            said.unread.append(block.path)
    return Choice(
        put_back(parts),
        stop=read_stop(said.text("stop_reason")),
        stop_sequence=said.text("stop_sequence"),
    )


def write_answer(answer: Answer, told: Told) -> tuple[bytes, tuple[Loss, ...]]:
    """A whole answer's body, and what it cannot say."""
    losses = [
        Loss(f"choices[{at}]", "Messages has one answer") for at in range(1, len(answer.choices))
    ]
    choice = answer.choices[0] if answer.choices else Choice(())
    if choice.stop == "filter":
        losses.append(Loss("choices[0].stop", LOST))
    called = any(isinstance(part, ToolCall) for part in choice.parts)
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    body: dict[str, Any] = {
        **head(told),
        "content": _write_content(choice, told, losses),
        "stop_reason": write_stop(choice.stop, called=called, refused=refused),
        "stop_sequence": choice.stop_sequence,
        "usage": write_usage(answer.usage or Usage()),
    }
    if answer.tier in _SERVED:
        body["usage"]["service_tier"] = _SERVED[answer.tier]
    elif answer.tier is not None:
        losses.append(Loss("tier", f"Messages has no tier {answer.tier}"))
    return _encode(body), tuple(losses)


def head(told: Told) -> dict[str, Any]:
    """How every answer begins."""
    return {"id": told.id, "type": "message", "role": "assistant", "model": told.model}


def made_id(told: Told, at: int) -> str:
    """The id of the `at`th block's call, where its engine gave none."""
    return f"toolu_{told.id}_{at}"


def _write_content(choice: Choice, told: Told, losses: list[Loss]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    for at, part in enumerate(set_apart(choice.parts)):
        path = f"choices[0].parts[{at}]"
        if isinstance(part, Text):
            if part.text:
                blocks.append({"type": "text", "text": part.text})
        elif isinstance(part, Reasoning):
            blocks += _write_thought(part)
        elif isinstance(part, ToolCall):
            blocks.append(write_call(part, part.id or made_id(told, len(blocks)), path, losses))
        elif isinstance(part, Refusal):
            losses.append(Loss(path, "Messages does not keep a refusal apart: it is text"))
            blocks.append({"type": "text", "text": part.text})
        else:
            losses.append(Loss(path, "Messages answers in words and calls alone"))
    return blocks


def _write_thought(thought: Reasoning) -> list[dict[str, Any]]:
    signature = thought.signature
    if signature is None:
        return [thought_block(thought, "")] if thought.text else []
    return [thought_block(thought, signature_text(signature, "anthropic"))]
