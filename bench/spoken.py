"""What clients ask and sources answer in each dialect, as the benchmark needs it."""

import json
from dataclasses import dataclass

WORD = " word"
SYSTEM = "You are helpful. " * 20
USER = "Say something about foxes. " * 20


def _event(data: dict[str, object], name: str = "") -> bytes:
    named = f"event: {name}\n" if name else ""
    return f"{named}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


@dataclass(frozen=True)
class Speech:
    """A client's path and body; a source's stream: what begins it, one piece, what ends it after
    `n` pieces; what a client must see of `n` pieces and of a good end."""

    path: str
    body: dict[str, object]
    begin: bytes
    piece: bytes
    end: bytes
    seen: bytes
    good: bytes


def _openai() -> Speech:
    def event(delta: dict[str, object], stop: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": stop}
        head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "mock"}
        return _event({**head, "choices": [choice]})

    usage = {"prompt_tokens": 12, "completion_tokens": 100, "total_tokens": 112}
    return Speech(
        "/v1/chat/completions",
        {
            "model": "mock",
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": USER},
            ],
            "stream": True,
        },
        event({"role": "assistant", "content": ""}),
        event({"content": WORD}),
        event({}, "stop") + _event({"choices": [], "usage": usage}) + b"data: [DONE]\n\n",
        b"word",  # an answer that is inspected comes in other pieces
        b"data: [DONE]",
    )


def _anthropic() -> Speech:
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "mock", "content": [],
        "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 1},
    }  # fmt: skip
    block = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": WORD}
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    begin = _event({"type": "message_start", "message": message}, "message_start")
    begin += _event(
        {"type": "content_block_start", "index": 0, "content_block": block}, "content_block_start"
    )
    end = _event({"type": "content_block_stop", "index": 0}, "content_block_stop")
    end += _event(
        {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 100}}, "message_delta"
    )
    return Speech(
        "/v1/messages",
        {
            "model": "mock",
            "max_tokens": 200,
            "system": SYSTEM,
            "messages": [{"role": "user", "content": USER}],
            "stream": True,
        },
        begin,
        _event({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta"),
        end + _event({"type": "message_stop"}, "message_stop"),
        b'"text":" word"',
        b"message_stop",
    )


def _gemini() -> Speech:
    def event(text: str, **more: object) -> dict[str, object]:
        content = {"parts": [{"text": text}], "role": "model"}
        return {"candidates": [{"content": content, "index": 0, **more}], "modelVersion": "mock"}

    usage = {"promptTokenCount": 12, "candidatesTokenCount": 100, "totalTokenCount": 112}
    return Speech(
        "/v1beta/models/mock:streamGenerateContent?alt=sse",
        {
            "systemInstruction": {"parts": [{"text": SYSTEM}]},
            "contents": [{"role": "user", "parts": [{"text": USER}]}],
        },
        b"",
        _event(event(WORD)),
        _event({**event("", finishReason="STOP"), "usageMetadata": usage}),
        b'"text":" word"',
        b'"finishReason":"STOP"',
    )


def _responses() -> Speech:
    at: dict[str, object] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
    usage = {
        "input_tokens": 12, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 100,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 112,
    }  # fmt: skip
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "mock", "output": []}

    def event(kind: str, **more: object) -> bytes:
        return _event({"type": kind, "sequence_number": 1, **more}, kind)

    begin = event("response.created", response={**head, "status": "in_progress"})
    begin += event("response.output_item.added", output_index=0, item=item)
    begin += event("response.content_part.added", part=part, **at)
    end = event("response.output_text.done", text="", **at)
    end += event("response.content_part.done", part=part, **at)
    end += event("response.output_item.done", output_index=0, item=item)
    end += event("response.completed", response={**head, "status": "completed", "usage": usage})
    return Speech(
        "/v1/responses",
        {"model": "mock", "instructions": SYSTEM, "input": USER, "stream": True},
        begin,
        event("response.output_text.delta", delta=WORD, **at),
        end,
        b'"delta":" word"',
        b"response.completed",
    )


SPEECH = {
    "openai": _openai(),
    "responses": _responses(),
    "anthropic": _anthropic(),
    "gemini": _gemini(),
}


def asked_in(path: bytes) -> str:
    """The dialect of a source's path."""
    if path.endswith(b"/messages"):
        return "anthropic"
    if path.endswith(b"/responses"):
        return "responses"
    return "gemini" if b":streamGenerateContent" in path else "openai"
