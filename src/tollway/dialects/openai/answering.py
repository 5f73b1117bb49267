"""Whole answers in Chat Completions."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

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
    Signature,
    Text,
    ToolCall,
)
from tollway.dialects.members import Members
from tollway.dialects.openai.errors import read_error
from tollway.dialects.openai.messages import read_said, write_call, write_extra
from tollway.dialects.openai.stops import LOST, read_stop, write_stop
from tollway.dialects.openai.thoughts import write_thoughts
from tollway.dialects.openai.usage import read_usage, write_usage

_ABOUT: Final = ("object", "created", "system_fingerprint", "provider", "error")
"""What an answer says of itself that is none of its meaning."""

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


def read_answer(body: bytes) -> Answer:
    """A whole answer.

    Raises:
        ValueError: the body is no answer, or an error.
    """
    try:
        return _read_answer(Members(decoded(_decode, body), "", []))
    except Fault as fault:
        raise ValueError(fault.message) from None


def _read_answer(said: Members) -> Answer:
    error = said.take("error")
    if error:
        raise ValueError(read_error(error)[0])
    for key in _ABOUT:
        said.take(key)
    answer = Answer(
        id=said.text("id") or "",
        model=said.text("model") or "",
        choices=tuple(_read_choice(choice) for choice in said.objects("choices")),
        usage=read_usage(said.take("usage")),
        tier=said.text("service_tier"),
    )
    if not answer.choices:
        raise ValueError("the answer has no choices")
    said.end()
    return msgspec.structs.replace(answer, unread=tuple(said.unread))


def _read_choice(choice: Members) -> Choice:
    choice.take("index")
    matched = choice.take("stop_reason")
    stop, sequence = read_stop(choice.text("finish_reason"), matched or choice.take("matched_stop"))
    choice.take("native_finish_reason")
    message = choice.members("message")
    parts: tuple[Part, ...] = ()
    if message is not None:
        message.take("role")
        message.default("annotations", [])
        parts = read_said(message)
        message.end()
    choice.end()
    return Choice(parts, stop=stop, stop_sequence=sequence)


def write_answer(answer: Answer, told: Told) -> tuple[bytes, tuple[Loss, ...]]:
    """A whole answer's body, and what it cannot say."""
    losses: list[Loss] = []
    body: dict[str, Any] = {
        "id": told.id,
        "object": "chat.completion",
        "created": told.created,
        "model": told.model,
        "choices": [
            _write_choice(choice, at, told, losses) for at, choice in enumerate(answer.choices)
        ],
    }
    if answer.usage is not None:
        body["usage"] = write_usage(answer.usage)
    if answer.tier is not None:
        body["service_tier"] = answer.tier
    return _encode(body), tuple(losses)


def _write_choice(choice: Choice, at: int, told: Told, losses: list[Loss]) -> dict[str, Any]:
    path = f"choices[{at}]"
    if choice.stop is not None and choice.stop in LOST:
        losses.append(Loss(f"{path}.stop", LOST[choice.stop]))
    called = any(isinstance(part, ToolCall) for part in choice.parts)
    message = _write_message(choice.parts, f"{told.id}_{at}", path, losses)
    ended = write_stop(choice.stop, choice.stop_sequence, called=called)
    return {"index": at, "message": message, "logprobs": None, **ended}


def _write_message(
    parts: Sequence[Part], made_id: str, path: str, losses: list[Loss]
) -> dict[str, Any]:
    """`made_id` begins the ids of calls whose engine gave none."""
    calls: list[dict[str, Any]] = []
    for at, part in enumerate(parts):
        if isinstance(part, ToolCall):
            calls.append(write_call(part, part.id or f"call_{made_id}_{len(calls)}"))
        elif not isinstance(part, Text | Reasoning | Refusal):
            losses.append(Loss(f"{path}.parts[{at}]", "Chat Completions answers in words alone"))
    texts = [part for part in parts if isinstance(part, Text)]
    refusal = "".join(part.text for part in parts if isinstance(part, Refusal))
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(text.text for text in texts) if texts else None,
        "refusal": refusal or None,
    }
    message |= write_thoughts([part for part in parts if isinstance(part, Reasoning)])
    if calls:
        message["tool_calls"] = calls
    signatures = [text.signature for text in texts if text.signature is not None]
    if signatures:
        message["extra_content"] = write_extra(_last(signatures, path, losses))
    return message


def _last(signatures: Sequence[Signature], path: str, losses: list[Loss]) -> Signature:
    if len(signatures) > 1:
        losses.append(Loss(path, "a message has one text, and so one signature: the last"))
    return signatures[-1]
