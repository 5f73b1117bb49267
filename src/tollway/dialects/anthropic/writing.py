"""A question in Messages, for a source.

Rules
1. What a model's generation refuses is left out, and is a loss: see `models`.
2. Thinking has no place where a tool is forced, nor, with a budget, amid a tool's use whose thought
   is not at hand: Anthropic refuses both.
"""

from typing import Any, Final

import msgspec

from tollway.dialects.anthropic.models import takes_sampling
from tollway.dialects.anthropic.thinking import Thinking, write_thinking
from tollway.dialects.anthropic.turns import write_cache, write_system, write_turns
from tollway.dialects.meaning import Ask, Fault, Loss, Tool, ToolCall

MAX_TOKENS: Final = 32_000
"""Tokens of an answer where the client set no limit, as Anthropic demands one: the least that any
Claude since 4 can write (Opus 4 and 4.1)."""

_ANYTHING: Final[dict[str, Any]] = {"type": "object", "properties": {}}
_encode: Final = msgspec.json.Encoder().encode


def write_ask(ask: Ask, model: str) -> tuple[bytes, tuple[Loss, ...]]:
    """A request's body, and what it cannot say. `model` is as the source names it.

    Raises:
        Fault: it says what Messages has no place for, and nobody may leave out.
    """
    if ask.choices != 1:
        raise Fault("choices", f"{ask.choices} answers are asked for; Messages gives one.")
    losses: list[Loss] = []
    thinking = write_thinking(ask, model, MAX_TOKENS, losses)
    body: dict[str, Any] = {"model": model, "max_tokens": thinking.max_tokens}
    system = write_system(ask, losses)
    if system:
        body["system"] = system
    body["messages"] = write_turns(ask, losses)
    _write_tools(ask, body, losses)
    _write_sampling(ask, model, thinking, body, losses)
    _write_output(ask, thinking, body, losses)
    if ask.stop:
        body["stop_sequences"] = list(ask.stop)
    if ask.stream:
        body["stream"] = True
    _write_who(ask, body, losses)
    return _encode(body), tuple(losses)


def _write_tools(ask: Ask, body: dict[str, Any], losses: list[Loss]) -> None:
    choice = ask.tool_choice
    allowed = choice.names if choice is not None and choice.mode != "none" else ()
    tools = [
        _write_tool(tool, at, losses)
        for at, tool in enumerate(ask.tools)
        if len(allowed) < 2 or tool.name in allowed
    ]
    if not tools:
        _write_past_tools(ask, body)
        return
    body["tools"] = tools
    if len(tools) < len(ask.tools):
        losses.append(Loss("tool_choice", "Messages cannot name several: the others are not sent"))
    said: dict[str, Any] = {"type": choice.mode if choice is not None else "auto"}
    if len(allowed) == 1:
        if said["type"] == "any":
            said = {"type": "tool", "name": allowed[0]}
        else:
            losses.append(Loss("tool_choice", "Messages cannot allow one tool among others"))
    if ask.parallel_tools is False and said["type"] != "none":
        said["disable_parallel_tool_use"] = True
    if choice is not None or "disable_parallel_tool_use" in said:
        body["tool_choice"] = said


def _write_past_tools(ask: Ask, body: dict[str, Any]) -> None:
    """Anthropic wants the tools of earlier calls defined, also where none may be called now."""
    parts = (part for turn in ask.turns for part in turn.parts)
    names = dict.fromkeys(part.name for part in parts if isinstance(part, ToolCall))
    if names:
        body["tools"] = [{"name": name, "input_schema": _ANYTHING} for name in names]
        body["tool_choice"] = {"type": "none"}


def _write_tool(tool: Tool, at: int, losses: list[Loss]) -> dict[str, Any]:
    path = f"tools[{at}]"
    if tool.custom:
        raise Fault(path, f'"{path}" takes free text; Messages has tools of JSON alone.')
    said: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    schema = tool.parameters
    said["input_schema"] = _ANYTHING if schema is None else msgspec.Raw(schema.encode())
    if tool.strict:
        said["strict"] = True
    return said | write_cache(tool.cache, path, losses)


def _write_sampling(
    ask: Ask, model: str, thinking: Thinking, body: dict[str, Any], losses: list[Loss]
) -> None:
    wanted = {"temperature": ask.temperature, "top_p": ask.top_p, "top_k": ask.top_k}
    said = {key: value for key, value in wanted.items() if value is not None}
    if not takes_sampling(model):
        losses += [Loss(key, f"{model} takes no sampling members") for key in said]
        said = {}
    elif thinking.on:
        losses += [Loss(key, "Messages takes none while it thinks") for key in said]
        said = {}
    elif "temperature" in said and "top_p" in said:
        losses.append(Loss("top_p", "Claude takes either temperature or top_p"))
        del said["top_p"]
    if said.get("temperature", 0) > 1:
        losses.append(Loss("temperature", "Messages goes from 0 to 1: 1 is asked"))
        said["temperature"] = 1
    body |= said
    for key in ("frequency_penalty", "presence_penalty", "seed", "verbosity"):
        if getattr(ask, key) is not None:
            losses.append(Loss(key, f"Messages has no {key}"))


def _write_output(ask: Ask, thinking: Thinking, body: dict[str, Any], losses: list[Loss]) -> None:
    if thinking.said is not None:
        body["thinking"] = thinking.said
    config: dict[str, Any] = {}
    if thinking.effort is not None:
        config["effort"] = thinking.effort
    form = ask.format
    if form is not None and form.schema is None:
        losses.append(Loss("format", "Messages has no JSON without a schema"))
    elif form is not None and form.schema is not None:
        config["format"] = {"type": "json_schema", "schema": msgspec.Raw(form.schema.encode())}
        losses += [
            Loss(f"format.{key}", f"Messages has no {key} of a schema")
            for key in ("name", "description")
            if getattr(form, key) is not None
        ]
        if form.strict is False:
            losses.append(Loss("format.strict", "Messages always keeps to the schema"))
    if config:
        body["output_config"] = config


def _write_who(ask: Ask, body: dict[str, Any], losses: list[Loss]) -> None:
    if ask.user is not None:
        body["metadata"] = {"user_id": ask.user}
    if ask.metadata:
        losses.append(Loss("metadata", "Messages takes the end user alone"))
    if ask.tier == "default":
        body["service_tier"] = "standard_only"
    elif ask.tier is not None:
        losses.append(Loss("tier", f"Messages has no tier {ask.tier}"))
