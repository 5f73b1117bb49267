"""Why an answer ended, in OpenAI's words and those of the servers that speak like it."""

from typing import Any, Final

from tollway.dialects.meaning import Stop

_READ: Final[dict[str, Stop]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filter",
    "abort": "length",  # vLLM and SGLang, where the engine gave up on it
    "model_length": "length",  # Mistral
    "insufficient_system_resource": "length",  # DeepSeek
    "end_turn": "stop",
}
_WRITTEN: Final[dict[Stop, str]] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "filter": "content_filter",
    "refusal": "content_filter",
    "pause": "length",
}
LOST: Final[dict[Stop, str]] = {
    "refusal": "Chat Completions calls a refusal content_filter",
    "pause": 'Chat Completions has no pause: it says "length"',
}


def read_stop(reason: str | None, matched: object) -> tuple[Stop | None, str | None]:
    """Why it ended, and the stop sequence where the server names it. `matched` is vLLM's
    `stop_reason` or SGLang's `matched_stop`: a string, or the id of a token, which says nothing."""
    if reason is None:
        return None, None
    if reason == "stop" and isinstance(matched, str):
        return "stop_sequence", matched
    return _READ.get(reason), None


def write_stop(stop: Stop | None, sequence: str | None, *, called: bool) -> dict[str, Any]:
    """`finish_reason`, and vLLM's `stop_reason` where a sequence was met."""
    if stop is None:
        return {"finish_reason": "tool_calls" if called else "stop"}
    said: dict[str, Any] = {"finish_reason": _WRITTEN[stop]}
    if sequence is not None:
        said["stop_reason"] = sequence
    return said
