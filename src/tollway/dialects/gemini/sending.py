"""Writes what is asked for a source that speaks generateContent.

Rules
1. Schemas go as JSON Schema (`parametersJsonSchema`, `responseJsonSchema`), never as Google's own
   Schema, which can say less.
2. What the API has no place for is a Loss. What nobody may leave out in honesty is a Fault.
"""

from typing import Any, Final

import msgspec

from tollway.dialects.gemini.contents import write_contents
from tollway.dialects.gemini.thinking import write_think
from tollway.dialects.meaning import Ask, Fault, Format, Loss, Tool, ToolChoice

TIERS: Final = {"default": "standard", "flex": "flex", "priority": "priority"}


def write_ask(ask: Ask, model: str) -> tuple[bytes, tuple[Loss, ...]]:
    """The body for the source's `model`, which is said in the path together with whether to
    stream; and what it could not carry.

    Raises:
        Fault: what is asked cannot be said here.
    """
    losses: list[Loss] = []
    said: dict[str, object] = {"contents": write_contents(ask, model, losses)}
    if ask.system:
        said["systemInstruction"] = {"parts": [{"text": text.text} for text in ask.system]}
    losses.extend(
        Loss(f"system[{at}].cache", "Gemini caches by itself")
        for at, text in enumerate(ask.system)
        if text.cache is not None
    )
    _write_tools(ask, said, losses)
    config = _config(ask)
    thinking = write_think(ask.think, model, losses)
    if thinking:
        config["thinkingConfig"] = thinking
    if ask.format is not None:
        config.update(_format(ask.format, losses))
    if config:
        said["generationConfig"] = config
    _write_account(ask, said, losses)
    return msgspec.json.encode(said), tuple(losses)


def _write_tools(ask: Ask, said: dict[str, object], losses: list[Loss]) -> None:
    if ask.tools:
        declared = [_tool(tool, f"tools[{at}]", losses) for at, tool in enumerate(ask.tools)]
        said["tools"] = [{"functionDeclarations": declared}]
    if ask.tool_choice is not None:
        said["toolConfig"] = {"functionCallingConfig": _choice(ask.tool_choice)}
    if ask.parallel_tools is False:
        losses.append(Loss("parallel_tools", "Gemini calls several tools at once as it likes"))


def _tool(tool: Tool, path: str, losses: list[Loss]) -> dict[str, object]:
    if tool.custom:
        raise Fault(
            path,
            f'{path} is the custom tool "{tool.name}": Gemini has functions only. Declare it as a '
            "function with one text, or route to a source that speaks openai or responses.",
        )
    if tool.strict:
        losses.append(Loss(f"{path}.strict", "Gemini enforces no schema of one function alone"))
    if tool.cache is not None:
        losses.append(Loss(f"{path}.cache", "Gemini caches by itself"))
    said: dict[str, object] = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.parameters is not None:
        said["parametersJsonSchema"] = msgspec.Raw(tool.parameters.encode())
    return said


def _choice(choice: ToolChoice) -> dict[str, object]:
    """Names are heard with ANY and VALIDATED only; the latter is AUTO that keeps to them."""
    if choice.mode == "none":
        return {"mode": "NONE"}
    if choice.mode == "any":
        mode = "ANY"
    else:
        mode = "VALIDATED" if choice.names else "AUTO"
    said: dict[str, object] = {"mode": mode}
    if choice.names:
        said["allowedFunctionNames"] = choice.names
    return said


def _config(ask: Ask) -> dict[str, Any]:
    values = {
        "maxOutputTokens": ask.max_output,
        "temperature": ask.temperature,
        "topP": ask.top_p,
        "topK": ask.top_k,
        "frequencyPenalty": ask.frequency_penalty,
        "presencePenalty": ask.presence_penalty,
        "seed": ask.seed,
        "stopSequences": ask.stop or None,
        "candidateCount": ask.choices if ask.choices > 1 else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _format(wanted: Format, losses: list[Loss]) -> dict[str, object]:
    said: dict[str, object] = {"responseMimeType": "application/json"}
    if wanted.schema is not None:
        said["responseJsonSchema"] = msgspec.Raw(wanted.schema.encode())
    for name, value in (("name", wanted.name), ("description", wanted.description)):
        if value is not None:
            losses.append(Loss(f"format.{name}", f"a schema of Gemini's has no {name} beside it"))
    return said


def _write_account(ask: Ask, said: dict[str, object], losses: list[Loss]) -> None:
    if ask.tier in TIERS:
        said["serviceTier"] = TIERS[ask.tier]
    elif ask.tier is not None:
        losses.append(Loss("tier", f'Gemini has no service tier "{ask.tier}"'))
    unsaid = {
        "user": ask.user,
        "verbosity": ask.verbosity,
        "metadata": ask.metadata or None,
    }
    losses.extend(
        Loss(name, f"the Gemini API has no {name}")
        for name, value in unsaid.items()
        if value is not None
    )
