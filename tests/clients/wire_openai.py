"""OpenAI Chat Completions as a provider speaks it: the bytes of its answers, what it refuses."""

import json

from openai.types import chat
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from transcripts import CREATED, USED, Call, Heard, Json, Thought, Turn, Wire, pieces, unknown

KNOWN = {*CompletionCreateParamsBase.__annotations__, "stream"}
# OpenAI and the engines that speak as it does refuse what they don't know of a message too.
# reasoning_content is what this one says and wants back, as DeepSeek and vLLM do; OpenRouter's
# reasoning_details is refused (github.com/iOfficeAI/gemini-cli-pro/pull/33).
KNOWN_OF_MESSAGE = {
    "system": chat.ChatCompletionSystemMessageParam.__annotations__,
    "developer": chat.ChatCompletionDeveloperMessageParam.__annotations__,
    "user": chat.ChatCompletionUserMessageParam.__annotations__,
    "assistant": {*chat.ChatCompletionAssistantMessageParam.__annotations__, "reasoning_content"},
    "tool": chat.ChatCompletionToolMessageParam.__annotations__,
}


def _hear(path: str, body: Json, headers: dict[str, str]) -> Heard:
    faults = unknown(body, KNOWN)
    if not headers.get("authorization", "").startswith("Bearer "):
        faults.append("no bearer key")
    if body.get("stream_options") and not body.get("stream"):
        faults.append("stream_options without stream")
    results: list[tuple[str, str]] = []
    due: list[str] = []
    for number, message in enumerate(body["messages"]):
        faults += unknown(message, {*KNOWN_OF_MESSAGE[message["role"]]}, f"messages[{number}].")
        if message["role"] == "tool":
            if message["tool_call_id"] not in due:
                faults.append(f"a result for {message['tool_call_id']}, which was not called")
            else:
                due.remove(message["tool_call_id"])
            results.append((message["tool_call_id"], _text(message["content"])))
            continue
        if due:
            faults.append(f"calls without a result: {due}")
        due = [call["id"] for call in message.get("tool_calls") or ()]
        faults += [f"tool call id {one!r} is longer than 40" for one in due if len(one) > 40]
        if message["role"] == "assistant" and not (message.get("content") or due):
            faults.append("an assistant's message that says nothing")
    if due:
        faults.append(f"calls without a result: {due}")
    tools = tuple(tool["function"]["name"] for tool in body.get("tools") or ())
    return Heard(
        body["model"],
        bool(body.get("stream")),
        tools,
        tuple(results),
        faults=tuple(faults),
    )


def _text(content: str | list[Json]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


USAGE = {
    "prompt_tokens": USED.input,
    "completion_tokens": USED.output,
    "total_tokens": USED.input + USED.output,
    "prompt_tokens_details": {"cached_tokens": USED.cached, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": USED.thought,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}


def _whole(turn: Turn, heard: Heard) -> bytes:
    message: Json = {"role": "assistant", "content": turn.text or None, "refusal": None}
    if turn.thoughts:
        message["reasoning_content"] = "".join(one.text for one in turn.thoughts)
    if turn.calls:
        message["tool_calls"] = [_call(one) for one in turn.calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(turn)}
    answer = {**_head(heard, "chat.completion"), "choices": [choice], "usage": USAGE}
    return json.dumps(answer).encode()


def _stream(turn: Turn, heard: Heard) -> list[bytes]:
    deltas: list[Json] = [{"role": "assistant", "content": "", "refusal": None}]
    number = 0
    for said in turn.says:
        if isinstance(said, str):
            deltas += [{"content": piece} for piece in pieces(said)]
        elif isinstance(said, Thought):
            deltas += [{"reasoning_content": piece} for piece in pieces(said.text)]
        else:
            call = _call(said)
            arguments = call["function"]["arguments"]
            call["function"] = {"name": said.name, "arguments": ""}
            deltas.append({"tool_calls": [{"index": number, **call}]})
            deltas += [
                {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}
                for piece in pieces(arguments)
            ]
            number += 1
    chunks = [{"index": 0, "delta": one, "logprobs": None, "finish_reason": None} for one in deltas]
    chunks.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": _reason(turn)})
    head = _head(heard, "chat.completion.chunk")
    events = [{**head, "choices": [one], "usage": None} for one in chunks]
    events.append({**head, "choices": [], "usage": USAGE})
    return [b"data: %b\n\n" % json.dumps(one).encode() for one in events] + [b"data: [DONE]\n\n"]


def _head(heard: Heard, kind: str) -> Json:
    return {
        "id": f"chatcmpl-scripted-{len(heard.results)}",
        "object": kind,
        "created": CREATED,
        "model": heard.model,
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }


def _call(call: Call) -> Json:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}


def _reason(turn: Turn) -> str:
    return "tool_calls" if turn.calls else "stop"


def _error(status: int, message: str) -> bytes:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return json.dumps({"error": error}).encode()


OPENAI = Wire(
    "openai", _hear, _whole, _stream, _error, lambda path: path.endswith("/chat/completions")
)
