"""OpenAI Responses as its provider speaks it: the bytes of its answers, what it refuses."""

import json

from openai.types import responses
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from transcripts import (
    CREATED,
    SIGNED,
    USED,
    Heard,
    Json,
    Said,
    Thought,
    Turn,
    Wire,
    pieces,
    unknown,
)

# Codex sends client_metadata, which the SDK does not list.
KNOWN = {*ResponseCreateParamsBase.__annotations__, "stream", "client_metadata"}
KNOWN_OF_ITEM = {
    "message": {*responses.ResponseOutputMessageParam.__annotations__},
    # A reasoning item's status is in the SDK and refused: github.com/BerriAI/litellm/issues/13420.
    "reasoning": {*responses.ResponseReasoningItemParam.__annotations__} - {"status"},
    "function_call": {*responses.ResponseFunctionToolCallParam.__annotations__},
}


def _hear(path: str, body: Json, headers: dict[str, str]) -> Heard:
    faults = unknown(body, KNOWN)
    if not headers.get("authorization", "").startswith("Bearer "):
        faults.append("no bearer key")
    items = body["input"] if isinstance(body["input"], list) else []
    results: list[tuple[str, str]] = []
    due: list[str] = []
    for item in items:
        kind = item.get("type", "message")
        faults += _item_faults(kind, item)
        if kind in ("function_call", "custom_tool_call"):
            due.append(item["call_id"])
        elif kind in ("function_call_output", "custom_tool_call_output"):
            if item["call_id"] not in due:
                faults.append(f"No tool call found for output with call_id {item['call_id']}.")
            else:
                due.remove(item["call_id"])
            results.append((item["call_id"], _text(item["output"])))
    if due:
        faults.append(f"No tool output found for function call {due}.")
    sealed = [item.get("encrypted_content") for item in items if item.get("type") == "reasoning"]
    faults += [f"encrypted content {one!r}" for one in sealed if one and not one.startswith(SIGNED)]
    tools = tuple(tool.get("name", tool["type"]) for tool in body.get("tools") or ())
    return Heard(
        body["model"],
        bool(body.get("stream")),
        tools,
        tuple(results),
        tuple(one for one in sealed if one),
        tuple(faults),
    )


def _item_faults(kind: str, item: Json) -> list[str]:
    faults = unknown(item, KNOWN_OF_ITEM.get(kind) or {*item}, f"{kind}.")
    begins = {"message": "msg", "reasoning": "rs", "function_call": "fc"}.get(kind, "")
    if not (item.get("id") or begins).startswith(begins):
        faults.append(f"Invalid id {item['id']!r}. Expected an ID that begins with {begins!r}.")
    if len(item.get("call_id", "")) > 64:
        faults.append(f"call_id {item['call_id']!r} is longer than 64")
    if kind == "reasoning" and not item.get("encrypted_content"):
        faults.append(f"Item {item.get('id')!r} not found: items are not stored here")
    return faults


def _text(output: str | list[Json]) -> str:
    return output if isinstance(output, str) else "".join(part.get("text", "") for part in output)


def _item(number: int, said: Said) -> Json:
    if isinstance(said, str):
        content = {"type": "output_text", "annotations": [], "logprobs": [], "text": said}
        return {
            "id": f"msg_{number}",
            "type": "message",
            "status": "completed",
            "content": [content],
            "role": "assistant",
        }
    if isinstance(said, Thought):
        summary = [{"type": "summary_text", "text": said.text}]
        sealed = said.signature
        return {
            "id": f"rs_{number}",
            "type": "reasoning",
            "encrypted_content": sealed,
            "summary": summary,
        }
    return {
        "id": f"fc_{number}",
        "type": "function_call",
        "status": "completed",
        "arguments": json.dumps(said.arguments),
        "call_id": said.id,
        "name": said.name,
    }


def _answer(heard: Heard, status: str, output: list[Json]) -> Json:
    done = status == "completed"
    usage = {
        "input_tokens": USED.input,
        "input_tokens_details": {"cached_tokens": USED.cached, "cache_write_tokens": 0},
        "output_tokens": USED.output,
        "output_tokens_details": {"reasoning_tokens": USED.thought},
        "total_tokens": USED.input + USED.output,
    }
    return {
        "id": f"resp_scripted_{len(heard.results)}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": heard.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": "medium", "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage if done else None,
        "user": None,
        "metadata": {},
    }


def _whole(turn: Turn, heard: Heard) -> bytes:
    items = [_item(number, said) for number, said in enumerate(turn.says)]
    return json.dumps(_answer(heard, "completed", items)).encode()


def _stream(turn: Turn, heard: Heard) -> list[bytes]:
    begun = _answer(heard, "in_progress", [])
    events: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    items: list[Json] = []
    for number, said in enumerate(turn.says):
        item = _item(number, said)
        items.append(item)
        events += [{**event, "output_index": number} for event in _events(item)]
    events.append({"type": "response.completed", "response": _answer(heard, "completed", items)})
    return [
        b"event: %b\ndata: %b\n\n"
        % (one["type"].encode(), json.dumps({**one, "sequence_number": number}).encode())
        for number, one in enumerate(events)
    ]


def _events(item: Json) -> list[Json]:
    within = {
        "message": _message_events,
        "reasoning": _reasoning_events,
        "function_call": _call_events,
    }
    empty = {"message": "content", "reasoning": "summary", "function_call": "arguments"}
    member = empty[item["type"]]
    opened = {**item, member: "" if member == "arguments" else []}
    if "status" in item:
        opened["status"] = "in_progress"
    return [
        {"type": "response.output_item.added", "item": opened},
        *({**event, "item_id": item["id"]} for event in within[item["type"]](item)),
        {"type": "response.output_item.done", "item": item},
    ]


def _message_events(item: Json) -> list[Json]:
    part = item["content"][0]
    at = {"content_index": 0}
    return [
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        *(
            {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
            for piece in pieces(part["text"])
        ),
        {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []},
        {"type": "response.content_part.done", **at, "part": part},
    ]


def _reasoning_events(item: Json) -> list[Json]:
    part = item["summary"][0]
    at = {"summary_index": 0}
    return [
        {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}},
        *(
            {"type": "response.reasoning_summary_text.delta", **at, "delta": piece}
            for piece in pieces(part["text"])
        ),
        {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]},
        {"type": "response.reasoning_summary_part.done", **at, "part": part},
    ]


def _call_events(item: Json) -> list[Json]:
    return [
        *(
            {"type": "response.function_call_arguments.delta", "delta": piece}
            for piece in pieces(item["arguments"])
        ),
        {
            "type": "response.function_call_arguments.done",
            "arguments": item["arguments"],
            "name": item["name"],
        },
    ]


def _error(status: int, message: str) -> bytes:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return json.dumps({"error": error}).encode()


RESPONSES = Wire(
    "responses", _hear, _whole, _stream, _error, lambda path: path.endswith("/responses")
)
