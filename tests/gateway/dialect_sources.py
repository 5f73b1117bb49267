"""What a source of each dialect says, in bytes written by hand: one text, or two tool calls."""

import json
from dataclasses import dataclass
from typing import Any

from gateway_rig import LAST, SSE, Seen, chunk, json_answer

from tollway.fleet.objects import Dialect

WORDS = ("Two ", "times ", "is fine.")
TEXT = "".join(WORDS)
CITIES = ("Paris", "Oslo")


def sse(data: dict[str, Any], name: str = "") -> bytes:
    named = f"event: {name}\n" if name else ""
    return f"{named}data: {json.dumps(data)}\n\n".encode()


@dataclass(frozen=True)
class Said:
    """A whole answer, and the same as events."""

    body: dict[str, Any]
    events: tuple[bytes, ...]


def _openai(words: tuple[str, ...]) -> Said:
    text = "".join(words)
    usage = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}

    def piece(delta: dict[str, Any], stop: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": stop}
        return sse(
            {"id": "c1", "object": "chat.completion.chunk", "model": "u", "choices": [choice]}
        )

    message = {"role": "assistant", "content": text}
    return Said(
        {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "u",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage,
        },
        (
            piece({"role": "assistant", "content": ""}),
            *(piece({"content": word}) for word in words),
            piece({}, "stop"),
            sse({"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": usage}),
            b"data: [DONE]\n\n",
        ),
    )


def _anthropic(words: tuple[str, ...]) -> Said:
    text = "".join(words)
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "u",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 5},
    }
    start = {**message, "content": [], "stop_reason": None}
    start["usage"] = {"input_tokens": 11, "output_tokens": 1}
    block = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "text", "text": ""},
    }
    return Said(
        message,
        (
            sse({"type": "message_start", "message": start}, "message_start"),
            sse({"type": "ping"}, "ping"),
            sse(block, "content_block_start"),
            *(
                sse(
                    {
                        "type": "content_block_delta",
                        "index": 0,
                        "delta": {"type": "text_delta", "text": word},
                    },
                    "content_block_delta",
                )
                for word in words
            ),
            sse({"type": "content_block_stop", "index": 0}, "content_block_stop"),
            sse(
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                    "usage": {"output_tokens": 5},
                },
                "message_delta",
            ),
            sse({"type": "message_stop"}, "message_stop"),
        ),
    )


def _gemini(words: tuple[str, ...]) -> Said:
    text = "".join(words)
    usage = {"promptTokenCount": 11, "candidatesTokenCount": 5, "totalTokenCount": 16}

    def piece(text: str, **more: Any) -> dict[str, Any]:
        content = {"role": "model", "parts": [{"text": text}]}
        return {"candidates": [{"content": content, "index": 0, **more}], "modelVersion": "u"}

    return Said(
        {**piece(text, finishReason="STOP"), "usageMetadata": usage, "responseId": "g1"},
        (
            *(sse(piece(word)) for word in words[:-1]),
            sse({**piece(words[-1], finishReason="STOP"), "usageMetadata": usage}),
        ),
    )


def _responses(words: tuple[str, ...]) -> Said:
    text = "".join(words)
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {
        "id": "msg_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }
    body: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "u",
        "output": [item],
        "usage": {
            "input_tokens": 11,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 16,
        },
    }
    empty = {**body, "status": "in_progress", "output": [], "usage": None}
    begun = {**item, "status": "in_progress", "content": []}
    at: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    told: list[dict[str, Any]] = [
        {"type": "response.created", "response": empty},
        {"type": "response.in_progress", "response": empty},
        {"type": "response.output_item.added", "output_index": 0, "item": begun},
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **at, "delta": word} for word in words),
        {"type": "response.output_text.done", **at, "text": text},
        {"type": "response.content_part.done", **at, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": body},
    ]
    events = (sse({**one, "sequence_number": n}, one["type"]) for n, one in enumerate(told))
    return Said(body, tuple(events))


_SAYING = {
    "openai": _openai,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "responses": _responses,
}


def said_of(dialect: Dialect, words: tuple[str, ...]) -> Said:
    """An answer of these words, each an event of its own."""
    return _SAYING[dialect](words)


def streams(seen: Seen) -> bool:
    """Whether a source was asked for a stream."""
    return b"streamGenerateContent" in seen.head or json.loads(seen.body).get("stream") is True


async def say(seen: Seen, dialect: Dialect, words: tuple[str, ...] = WORDS) -> None:
    """Answer in a dialect, as the request wants it."""
    said = said_of(dialect, words)
    if streams(seen):
        await seen.say(SSE, *(chunk(event) for event in said.events), LAST)
    else:
        await seen.say(json_answer(json.dumps(said.body).encode()))


@dataclass(frozen=True)
class Way:
    """How a client of a dialect asks: its path, and the body of a question."""

    path: bytes
    streamed: bytes
    body: dict[str, Any]

    def ask(self, stream: bool, **more: Any) -> tuple[bytes, bytes]:
        """Path and body."""
        body = {**self.body, **more}
        if stream and self.path == self.streamed:
            body["stream"] = True
        return self.streamed if stream else self.path, json.dumps(body).encode()


HELLO = [{"role": "user", "content": "hello"}]
WAYS: dict[Dialect, Way] = {
    "openai": Way(
        b"/v1/chat/completions", b"/v1/chat/completions", {"model": "chat", "messages": HELLO}
    ),
    "responses": Way(b"/v1/responses", b"/v1/responses", {"model": "chat", "input": "hello"}),
    "anthropic": Way(
        b"/v1/messages", b"/v1/messages", {"model": "chat", "max_tokens": 50, "messages": HELLO}
    ),
    "gemini": Way(
        b"/v1beta/models/chat:generateContent",
        b"/v1beta/models/chat:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
    ),
}


SAID: dict[Dialect, Said] = {dialect: said_of(dialect, WORDS) for dialect in WAYS}


def text_of(dialect: Dialect, body: bytes) -> str:
    """The words of a whole answer, as a client of the dialect reads them."""
    said = json.loads(body)
    if dialect == "openai":
        return said["choices"][0]["message"]["content"]
    if dialect == "anthropic":
        return "".join(part["text"] for part in said["content"] if part["type"] == "text")
    if dialect == "gemini":
        return "".join(part["text"] for part in said["candidates"][0]["content"]["parts"])
    parts = (part for item in said["output"] for part in item.get("content", ()))
    return "".join(part["text"] for part in parts)


def streamed_text(dialect: Dialect, body: bytes) -> str:
    """The words of a stream, as a client of the dialect reads them."""
    words = ""
    for event in body.decode().split("\n\n"):
        data = event.partition("data: ")[2]
        if not data or data == "[DONE]":
            continue
        said = json.loads(data)
        if dialect == "openai":
            words += "".join(it["delta"].get("content") or "" for it in said["choices"])
        elif dialect == "anthropic":
            words += said.get("delta", {}).get("text", "")
        elif dialect == "gemini":
            for candidate in said.get("candidates", ()):
                parts = candidate.get("content", {}).get("parts", ())
                words += "".join(part.get("text", "") for part in parts)
        elif said["type"] == "response.output_text.delta":
            words += said["delta"]
    return words
