"""Anthropic Messages as its provider speaks it: the bytes of its answers, what it refuses."""

import json
import re

from anthropic import types
from anthropic.types.beta.message_create_params import MessageCreateParamsBase as Beta
from anthropic.types.message_create_params import MessageCreateParamsBase
from transcripts import SIGNED, USED, Call, Heard, Json, Thought, Turn, Wire, pieces, unknown

KNOWN = {*MessageCreateParamsBase.__annotations__, "stream"}
KNOWN_IN_BETA = {*KNOWN, *Beta.__annotations__} - {"betas"}
KNOWN_OF_BLOCK = {
    "text": {*types.TextBlockParam.__annotations__},
    "thinking": {*types.ThinkingBlockParam.__annotations__},
    "redacted_thinking": {*types.RedactedThinkingBlockParam.__annotations__},
    "tool_use": {*types.ToolUseBlockParam.__annotations__},
    "tool_result": {*types.ToolResultBlockParam.__annotations__},
}
ROLES = ("user", "assistant", "system")


def _hear(path: str, body: Json, headers: dict[str, str]) -> Heard:
    faults = unknown(body, KNOWN_IN_BETA if "anthropic-beta" in headers else KNOWN)
    # The SDK of Python sends its key as a bearer, the one of npm and the CLI as x-api-key.
    if not headers.get("authorization", "").startswith("Bearer ") and "x-api-key" not in headers:
        faults.append("no key")
    if "anthropic-version" not in headers:
        faults.append("no anthropic-version header")
    if not isinstance(body.get("max_tokens"), int):
        faults.append("no max_tokens")
    faults += _settings_faults(body)
    results: list[tuple[str, str]] = []
    signatures: list[str] = []
    due: list[str] = []
    for number, message in enumerate(body["messages"]):
        if message["role"] not in ROLES:
            faults.append(f"messages.{number}: role {message['role']}")
        if not number and message["role"] != "user":
            faults.append("the first message is not the user's")
        blocks = message["content"]
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        faults += [f"messages.{number}: {fault}" for fault in _faults_of(blocks)]
        answered = [one["tool_use_id"] for one in blocks if one["type"] == "tool_result"]
        if due and set(due) - set(answered):
            faults.append(f"messages.{number}: tool_use without tool_result: {due}")
        if set(answered) - set(due):
            faults.append(f"messages.{number}: tool_result without tool_use: {answered}")
        results += [
            (one["tool_use_id"], _text(one.get("content", "")))
            for one in blocks
            if one["type"] == "tool_result"
        ]
        signatures += [one["signature"] for one in blocks if one["type"] == "thinking"]
        due = [one["id"] for one in blocks if one["type"] == "tool_use"]
    tools = tuple(tool["name"] for tool in body.get("tools") or ())
    return Heard(
        body["model"],
        bool(body.get("stream")),
        tools,
        tuple(results),
        tuple(signatures),
        tuple(faults),
    )


def _settings_faults(body: Json) -> list[str]:
    faults: list[str] = []
    thinking: Json = body.get("thinking") or {"type": "disabled"}
    temperature = body.get("temperature") or 0
    if temperature > 1:
        faults.append("temperature above 1")
    if thinking["type"] == "enabled":
        if not 1024 <= thinking["budget_tokens"] < body.get("max_tokens", 0):
            faults.append("thinking.budget_tokens is not between 1024 and max_tokens")
        if temperature not in (0, 1) or "top_k" in body:
            faults.append("temperature or top_k with thinking")
        said = [one["content"] for one in body["messages"] if one["role"] == "assistant"]
        if said and _calls(said[-1]) and "thinking" not in said[-1][0]["type"]:
            faults.append("the last assistant message must start with a thinking block")
    return faults + [
        f"tools: {tool['name']}: input_schema.type is not object"
        for tool in body.get("tools") or ()
        if tool.get("type", "custom") == "custom" and tool["input_schema"].get("type") != "object"
    ]


def _calls(blocks: str | list[Json]) -> bool:
    return not isinstance(blocks, str) and any(one["type"] == "tool_use" for one in blocks)


def _faults_of(blocks: list[Json]) -> list[str]:
    faults = [] if blocks else ["no content"]
    seen_text = False
    for block in blocks:
        faults += unknown(block, KNOWN_OF_BLOCK.get(block["type"]) or {*block}, f"{block['type']}.")
        if block["type"] == "text" and not block["text"].strip():
            faults.append("text content blocks must be non-empty")
        if block["type"] == "tool_result" and seen_text:
            faults.append("tool_result behind text")
        if block["type"] == "thinking" and not block["signature"].startswith(SIGNED):
            faults.append(f"invalid signature {block['signature']!r} in thinking block")
        if block["type"] == "tool_use" and not isinstance(block["input"], dict):
            faults.append("tool_use.input is no object")
        if block["type"] == "tool_use" and not re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"]):
            faults.append(f"tool_use.id {block['id']!r}")
        seen_text = seen_text or block["type"] == "text"
    return faults


def _text(content: str | list[Json]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _whole(turn: Turn, heard: Heard) -> bytes:
    blocks: list[Json] = []
    for said in turn.says:
        if isinstance(said, str):
            blocks.append({"type": "text", "text": said, "citations": None})
        elif isinstance(said, Thought):
            block = {"type": "thinking", "thinking": said.text, "signature": said.signature}
            blocks.append(block)
        else:
            blocks.append({**_call(said), "input": said.arguments})
    answer = {
        **_head(heard),
        "content": blocks,
        "stop_reason": _reason(turn),
        "usage": _usage(USED.output),
    }
    return json.dumps(answer).encode()


def _stream(turn: Turn, heard: Heard) -> list[bytes]:
    start = {"type": "message_start", "message": {**_head(heard), "usage": _usage(1)}}
    events: list[Json] = [start, {"type": "ping"}]
    for index, said in enumerate(turn.says):
        block, deltas = _block(said)
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        ]
        events.append({"type": "content_block_stop", "index": index})
    stop = {"stop_reason": _reason(turn), "stop_sequence": None}
    events.append({"type": "message_delta", "delta": stop, "usage": _usage(USED.output)})
    events.append({"type": "message_stop"})
    return [
        b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode())
        for one in events
    ]


def _block(said: str | Call | Thought) -> tuple[Json, list[Json]]:
    if isinstance(said, str):
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(said)]
        return {"type": "text", "text": ""}, deltas
    if isinstance(said, Thought):
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(said.text)]
        deltas.append({"type": "signature_delta", "signature": said.signature})
        return {"type": "thinking", "thinking": "", "signature": ""}, deltas
    written = ["", *pieces(json.dumps(said.arguments))]
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in written]
    return {**_call(said), "input": {}}, deltas


def _head(heard: Heard) -> Json:
    return {
        "id": f"msg_scripted_{len(heard.results)}",
        "type": "message",
        "role": "assistant",
        "model": heard.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _call(call: Call) -> Json:
    return {"type": "tool_use", "id": call.id, "name": call.name}


def _usage(output: int) -> Json:
    return {
        "input_tokens": USED.input - USED.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": USED.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
        "service_tier": "standard",
    }


def _reason(turn: Turn) -> str:
    return "tool_use" if turn.calls else "end_turn"


def _error(status: int, message: str) -> bytes:
    error = {"type": "invalid_request_error", "message": message}
    return json.dumps({"type": "error", "error": error, "request_id": "req_scripted"}).encode()


def _other(method: str, path: str, body: Json) -> Json | None:
    if method == "POST" and path.endswith("/messages/count_tokens"):
        return {"input_tokens": USED.input}
    return None


ANTHROPIC = Wire(
    "anthropic",
    _hear,
    _whole,
    _stream,
    _error,
    lambda path: path.endswith("/messages"),
    _other,
)
