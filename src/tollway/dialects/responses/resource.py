"""The response object: what stands around an answer's items, whole or streamed.

Rules
1. Every member that the Open Responses specification requires is there. What the client asked is
   repeated; where it is not known, the API's defaults stand.
2. `store` is false, whatever was asked: nothing is stored here.
"""

from typing import Any, Final

from tollway.dialects.forms import Told
from tollway.dialects.meaning import Ask, Format, Part, Reasoning, Refusal, Stop, Text, ToolCall
from tollway.dialects.responses.sending import write_choice, write_format, write_tool
from tollway.dialects.responses.turns import thought_texts
from tollway.dialects.signatures import signature_text
from tollway.fleet.usage import Usage

Item = dict[str, object]

INCOMPLETE: Final[dict[Stop, str | None]] = {
    "length": "max_output_tokens",
    "filter": "content_filter",
    "refusal": "content_filter",
    "pause": None,
}
"""Why an answer is not whole. A refusal in words of its own (`Refusal`) is a whole answer."""


def is_whole(stop: Stop | None, refused: bool) -> bool:
    """Whether an answer that ended for `stop` is completed; `refused`: it has words of refusal."""
    return stop not in INCOMPLETE or (stop == "refusal" and refused)


def write_response(told: Told, status: str, output: list[Item]) -> dict[str, Any]:
    """The response object, as long as nothing else is known of it."""
    asked = told.asked or Ask(told.model, ())
    done = status == "completed"
    return {
        "id": told.id,
        "object": "response",
        "created_at": told.created,
        "completed_at": told.created if done else None,
        "status": status,
        "incomplete_details": None,
        "error": None,
        "model": told.model,
        "previous_response_id": None,
        "output": output,
        "usage": None,
        "store": False,
        "background": False,
        "service_tier": asked.tier or "default",
        **_repeated(asked),
    }


def _repeated(asked: Ask) -> dict[str, Any]:
    think = asked.think
    instructions = "\n\n".join(text.text for text in asked.system)
    choice = asked.tool_choice
    return {
        "instructions": instructions or None,
        "tools": [write_tool(tool) for tool in asked.tools],
        "tool_choice": "auto" if choice is None else write_choice(choice, asked.tools),
        "parallel_tool_calls": asked.parallel_tools is not False,
        "truncation": "disabled",
        "text": {
            "format": _format(asked.format),
            "verbosity": asked.verbosity or "medium",
        },
        "temperature": 1.0 if asked.temperature is None else asked.temperature,
        "top_p": 1.0 if asked.top_p is None else asked.top_p,
        "presence_penalty": asked.presence_penalty or 0,
        "frequency_penalty": asked.frequency_penalty or 0,
        "top_logprobs": 0,
        "reasoning": {
            "effort": None if think is None else think.effort,
            "summary": None if think is None else think.summary,
        },
        "max_output_tokens": asked.max_output,
        "max_tool_calls": None,
        "metadata": dict(asked.metadata),
        "safety_identifier": asked.user,
        "prompt_cache_key": None,
    }


def _format(wanted: Format | None) -> dict[str, object]:
    return {"type": "text"} if wanted is None else write_format(wanted)


def end_response(response: dict[str, Any], stop: Stop | None, usage: Usage | None) -> None:
    """Says why the answer is not whole, where it is not, and what it used."""
    if response["status"] == "incomplete" and stop is not None:
        reason = INCOMPLETE.get(stop)
        response["incomplete_details"] = None if reason is None else {"reason": reason}
    if usage is not None:
        response["usage"] = {
            "input_tokens": usage.input,
            "input_tokens_details": {
                "cached_tokens": usage.cached_input,
                "cache_write_tokens": usage.cache_write,
            },
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": usage.input + usage.output,
        }


def item_id(kind: str, told: Told, index: int) -> str:
    """The id of an output item; `kind` is its short form, such as "msg"."""
    return f"{kind}_{told.id}_{index}"


def write_item(part: Part, told: Told, index: int, status: str = "completed") -> Item | None:
    """A part of an answer as an output item; None for a part that no model answers with."""
    if isinstance(part, Text):
        content: Item = {
            "type": "output_text",
            "text": part.text,
            "annotations": [],
            "logprobs": [],
        }
        return message_item(item_id("msg", told, index), status, [content])
    if isinstance(part, ToolCall):
        return call_item(part, item_id("fc", told, index), status)
    if isinstance(part, Reasoning):
        return thought_item(part, thought_id(part, told, index))
    if isinstance(part, Refusal):
        refusal: Item = {"type": "refusal", "refusal": part.text}
        return message_item(item_id("msg", told, index), status, [refusal])
    return None


def thought_id(thought: Reasoning, told: Told, index: int) -> str:
    """A thought's own id where its encryption is bound to it, else a new one: another engine's
    may stand on several thoughts."""
    made = thought.signature
    if thought.id is not None and made is not None and made.made_in == "responses":
        return thought.id
    return item_id("rs", told, index)


def message_item(ident: str, status: str, content: list[Item]) -> Item:
    """A message of the assistant."""
    return {
        "type": "message",
        "id": ident,
        "status": status,
        "role": "assistant",
        "content": content,
    }


def call_item(call: ToolCall, ident: str, status: str) -> Item:
    """A call of a function or custom tool."""
    if call.custom:
        return {
            "type": "custom_tool_call",
            "id": ident,
            "call_id": call.id,
            "name": call.name,
            "input": call.arguments,
        }
    return {
        "type": "function_call",
        "id": ident,
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def thought_item(thought: Reasoning, ident: str) -> Item:
    """A reasoning item."""
    item: Item = {"type": "reasoning", "id": ident, **thought_texts([thought])}
    if thought.signature is not None:
        item["encrypted_content"] = signature_text(thought.signature, "responses")
    return item
