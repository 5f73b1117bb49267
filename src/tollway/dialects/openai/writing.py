"""A question in Chat Completions, for a source.

Rules
1. Only OpenAI's own members are written at the top, for OpenAI refuses all others.
2. Thoughts that another dialect's engine signed are left out: no engine but that one reads them.
"""

from hashlib import sha256
from typing import Any, Final

import msgspec

from tollway.dialects.meaning import Ask, Format, Loss, Think, Tool
from tollway.dialects.openai.turns import write_turns

MAX_USER: Final = 64
"""Characters of `user` that OpenAI takes; a SHA-256 in hex has as many."""

_EFFORTS: Final = ((1024, "low"), (8192, "medium"))
"""Tokens up to which a thinking budget is that effort, else high, as Google's chat endpoint
maps them."""

_PLAIN: Final = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "verbosity",
)
_encode: Final = msgspec.json.Encoder().encode


def write_ask(ask: Ask, model: str) -> tuple[bytes, tuple[Loss, ...]]:
    """A request's body, and what it cannot say. `model` is as the source names it.

    Raises:
        Fault: it says what Chat Completions has no place for, and nobody may leave out.
    """
    losses: list[Loss] = []
    body: dict[str, Any] = {"model": model, "messages": write_turns(ask, losses)}
    if ask.tools:
        body["tools"] = [_write_tool(tool, at, losses) for at, tool in enumerate(ask.tools)]
    if ask.tool_choice is not None:
        body["tool_choice"] = _write_choice(ask)
    if ask.parallel_tools is False and ask.tools:
        body["parallel_tool_calls"] = False
    for key in _PLAIN:
        value = getattr(ask, key)
        if value is not None:
            body[key] = value
    if ask.top_k is not None:
        losses.append(Loss("top_k", "Chat Completions has no top_k"))
    _write_limits(ask, body)
    if ask.think is not None:
        _write_think(ask.think, body, losses)
    if ask.format is not None:
        body["response_format"] = _write_format(ask.format)
    _write_who(ask, body, losses)
    if ask.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return _encode(body), tuple(losses)


def _write_limits(ask: Ask, body: dict[str, Any]) -> None:
    if ask.max_output is not None:
        body["max_completion_tokens"] = ask.max_output
    if ask.stop:
        body["stop"] = list(ask.stop)
    if ask.choices != 1:
        body["n"] = ask.choices


def _write_who(ask: Ask, body: dict[str, Any], losses: list[Loss]) -> None:
    if ask.user is not None:
        body["user"] = ask.user
        if len(ask.user) > MAX_USER:
            body["user"] = sha256(ask.user.encode()).hexdigest()
            losses.append(Loss("user", f"over {MAX_USER} characters: its SHA-256 stands for it"))
    if ask.tier is not None:
        body["service_tier"] = ask.tier
    if ask.metadata:
        body["metadata"] = dict(ask.metadata)


def _write_tool(tool: Tool, at: int, losses: list[Loss]) -> dict[str, Any]:
    if tool.cache is not None:
        losses.append(Loss(f"tools[{at}].cache", "Chat Completions has no cache breakpoint here"))
    inner: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        inner["description"] = tool.description
    if tool.custom:
        if tool.grammar is not None:
            inner["format"] = msgspec.Raw(tool.grammar.encode())
        return {"type": "custom", "custom": inner}
    if tool.parameters is not None:
        inner["parameters"] = msgspec.Raw(tool.parameters.encode())
    if tool.strict is not None:
        inner["strict"] = tool.strict
    return {"type": "function", "function": inner}


def _write_choice(ask: Ask) -> Any:
    choice = ask.tool_choice
    if choice is None or not choice.names:
        return None if choice is None else "required" if choice.mode == "any" else choice.mode
    custom = {tool.name for tool in ask.tools if tool.custom}
    kinds = ["custom" if name in custom else "function" for name in choice.names]
    named = [
        {"type": kind, kind: {"name": name}} for kind, name in zip(kinds, choice.names, strict=True)
    ]
    if choice.mode == "any" and len(named) == 1:
        return named[0]
    if choice.mode == "none":
        return "none"
    mode = "required" if choice.mode == "any" else "auto"
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}}


def _write_think(think: Think, body: dict[str, Any], losses: list[Loss]) -> None:
    if think.on is False:
        why = "Chat Completions has no switch for thinking that all servers know"
        losses.append(Loss("think.on", why))
    elif think.effort is not None:
        body["reasoning_effort"] = think.effort
        if think.budget is not None:
            losses.append(Loss("think.budget", "Chat Completions takes an effort alone"))
    elif think.budget is not None:
        effort = next((word for most, word in _EFFORTS if think.budget <= most), "high")
        body["reasoning_effort"] = effort
        losses.append(Loss("think.budget", f"Chat Completions takes an effort: {effort} is asked"))
    elif think.on:
        losses.append(Loss("think.on", "Chat Completions leaves it to the source how much"))
    if think.shown is not None or think.summary is not None:
        losses.append(Loss("think.shown", "in Chat Completions the source decides what it shows"))


def _write_format(form: Format) -> dict[str, Any]:
    if form.schema is None:
        return {"type": "json_object"}
    inner: dict[str, Any] = {"name": form.name or "answer"}
    if form.description is not None:
        inner["description"] = form.description
    inner["schema"] = msgspec.Raw(form.schema.encode())
    if form.strict is not None:
        inner["strict"] = form.strict
    return {"type": "json_schema", "json_schema": inner}
