"""Writes what is asked for a source that speaks the Responses API.

Rules
1. Nothing is stored at the provider: `store` is false, and thoughts travel encrypted.
2. What the API has no place for is a Loss. What nobody may leave out in honesty is a Fault.
"""

from hashlib import sha256
from typing import Final

import msgspec

from tollway.dialects.meaning import Ask, Fault, Format, Loss, Reasoning, Think, Tool, ToolChoice
from tollway.dialects.responses.turns import write_input

TIERS: Final = ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")
LONGEST_USER: Final = 64
"""Characters of `safety_identifier`, as the Open Responses specification bounds it."""
FORMAT_NAME: Final = "answer"
"""A JSON Schema must have a name here; this one stands where a dialect gave none."""
BUDGETS: Final = ((1024, "low"), (8192, "medium"))
"""Tokens up to which a thinking budget is that effort, else high: as Google's own
OpenAI-compatible API maps them."""


def write_ask(ask: Ask, model: str) -> tuple[bytes, tuple[Loss, ...]]:
    """The body for the source's `model`, and what it could not carry.

    Raises:
        Fault: what is asked cannot be said here.
    """
    if ask.choices > 1:
        raise Fault(
            "choices",
            f"{ask.choices} answers are asked for: the Responses API gives one. Ask for one, or "
            "route to a source that gives several.",
        )
    losses: list[Loss] = []
    said: dict[str, object] = {"model": model, "store": False, "stream": ask.stream}
    instructions, items = write_input(ask, losses)
    if instructions is not None:
        said["instructions"] = instructions
    said["input"] = items
    _write_tools(ask, said, losses)
    _write_sampling(ask, said, losses)
    _write_think(ask, said, losses)
    _write_format(ask, said)
    _write_account(ask, said, losses)
    return msgspec.json.encode(said), tuple(losses)


def _write_tools(ask: Ask, said: dict[str, object], losses: list[Loss]) -> None:
    if ask.tools:
        said["tools"] = [write_tool(tool) for tool in ask.tools]
    losses.extend(
        Loss(f"tools[{at}].cache", "the Responses API caches by itself")
        for at, tool in enumerate(ask.tools)
        if tool.cache is not None
    )
    if ask.tool_choice is not None:
        said["tool_choice"] = write_choice(ask.tool_choice, ask.tools)
    if ask.parallel_tools is not None:
        said["parallel_tool_calls"] = ask.parallel_tools


def write_tool(tool: Tool) -> dict[str, object]:
    """A function or custom tool. `strict` is always said, as its default here is true."""
    said: dict[str, object] = {"type": "custom" if tool.custom else "function", "name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    if not tool.custom:
        said["parameters"] = None if tool.parameters is None else _json(tool.parameters)
        said["strict"] = bool(tool.strict)
    elif tool.grammar is not None:
        said["format"] = _json(tool.grammar)
    return said


def write_choice(choice: ToolChoice, tools: tuple[Tool, ...]) -> object:
    """`tool_choice`: a word, one tool, or the allowed ones."""
    mode = "required" if choice.mode == "any" else choice.mode
    if not choice.names or choice.mode == "none":
        return mode
    custom = {tool.name for tool in tools if tool.custom}
    chosen = [
        {"type": "custom" if name in custom else "function", "name": name} for name in choice.names
    ]
    if choice.mode == "any" and len(chosen) == 1:
        return chosen[0]
    return {"type": "allowed_tools", "mode": mode, "tools": chosen}


def _write_sampling(ask: Ask, said: dict[str, object], losses: list[Loss]) -> None:
    if ask.max_output is not None:
        said["max_output_tokens"] = ask.max_output
    if ask.temperature is not None:
        said["temperature"] = ask.temperature
    if ask.top_p is not None:
        said["top_p"] = ask.top_p
    unsaid = {
        "top_k": ask.top_k,
        "frequency_penalty": ask.frequency_penalty or None,
        "presence_penalty": ask.presence_penalty or None,
        "seed": ask.seed,
        "stop": ask.stop or None,
    }
    losses.extend(
        Loss(name, f"the Responses API has no {name}")
        for name, value in unsaid.items()
        if value is not None
    )


def _write_think(ask: Ask, said: dict[str, object], losses: list[Loss]) -> None:
    think = ask.think or Think()
    reasoning = {}
    effort = _effort(think, losses)
    if effort is not None:
        reasoning["effort"] = effort
    if think.shown or (think.shown is None and think.summary is not None):
        reasoning["summary"] = think.summary or "auto"
    if reasoning:
        said["reasoning"] = reasoning
    if (ask.think is not None and effort != "none") or _has_thoughts(ask):
        # Not always: OpenAI refuses it from models that don't reason.
        said["include"] = ["reasoning.encrypted_content"]


def _effort(think: Think, losses: list[Loss]) -> str | None:
    if think.on is False:
        return "none"
    budget = think.budget
    if budget is None:
        if think.on and think.effort is None:
            losses.append(Loss("think.on", "the Responses API leaves it to the model how much"))
        return think.effort
    word = think.effort or next((word for most, word in BUDGETS if budget <= most), "high")
    losses.append(
        Loss("think.budget", f'the Responses API takes words: "{word}" for {budget} tokens')
    )
    return word


def _has_thoughts(ask: Ask) -> bool:
    return any(isinstance(part, Reasoning) for turn in ask.turns for part in turn.parts)


def _write_format(ask: Ask, said: dict[str, object]) -> None:
    text: dict[str, object] = {}
    if ask.format is not None:
        text["format"] = write_format(ask.format)
    if ask.verbosity is not None:
        text["verbosity"] = ask.verbosity
    if text:
        said["text"] = text


def write_format(wanted: Format) -> dict[str, object]:
    """`text.format`: any JSON object, or one of a JSON Schema."""
    if wanted.schema is None:
        return {"type": "json_object"}
    said: dict[str, object] = {
        "type": "json_schema",
        "name": wanted.name or FORMAT_NAME,
        "schema": _json(wanted.schema),
    }
    if wanted.description is not None:
        said["description"] = wanted.description
    if wanted.strict is not None:
        said["strict"] = wanted.strict
    return said


def _write_account(ask: Ask, said: dict[str, object], losses: list[Loss]) -> None:
    if ask.metadata:
        said["metadata"] = dict(ask.metadata)
    if ask.user is not None:
        said["safety_identifier"] = ask.user
        if len(ask.user) > LONGEST_USER:
            said["safety_identifier"] = sha256(ask.user.encode()).hexdigest()
            losses.append(
                Loss("user", f"over {LONGEST_USER} characters: its SHA-256 stands for it")
            )
    if ask.tier in TIERS:
        said["service_tier"] = ask.tier
    elif ask.tier is not None:
        losses.append(Loss("tier", f'the Responses API has no service tier "{ask.tier}"'))


def _json(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())
