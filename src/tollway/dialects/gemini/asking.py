"""Reads what a client asks of generateContent."""

from typing import Any, Final, cast

from tollway.dialects.gemini.parts import Calls, read_part
from tollway.dialects.gemini.schemas import json_schema
from tollway.dialects.gemini.spelling import respelled
from tollway.dialects.meaning import (
    Ask,
    Fault,
    Format,
    Part,
    Speaker,
    Text,
    Think,
    Tool,
    ToolChoice,
    Turn,
)
from tollway.dialects.members import Members, json_text, read_body
from tollway.dialects.signatures import put_back

ROLES: Final[dict[str, Speaker]] = {
    "user": "user",
    "function": "user",
    "tool": "user",
    "model": "assistant",
}
TIERS: Final = {"standard": "default", "flex": "flex", "priority": "priority"}


def read_ask(body: bytes, model: str | None, stream: bool | None) -> Ask:
    """A request of generateContent; the model and whether to stream stand in its path.

    Raises:
        Fault: the body says nothing in this dialect, or asks for what only Google can do.
    """
    try:
        return _read_ask(read_body(body, respelled), model, stream)
    except RecursionError:
        raise Fault("", "The request body is nested too deeply; flatten it.") from None


def _read_ask(asked: Members, model: str | None, stream: bool | None) -> Ask:
    _refuse_stored(asked)
    named = asked.text("model")
    asked.default("store", False)
    system = _read_system(asked)
    turns = _read_turns(asked)
    tools = tuple(tool for one in asked.objects("tools") for tool in _read_tools(one))
    choice = _read_choice(asked)
    tier = _read_tier(asked)
    metadata = _read_labels(asked)
    config = asked.members("generationConfig") or Members({}, "generationConfig", [])
    sampling = _read_config(config)
    config.end()
    asked.end()
    return Ask(
        model=model or (named or "").removeprefix("models/"),
        turns=turns,
        system=system,
        tools=tools,
        tool_choice=choice,
        stream=bool(stream),
        wants_usage=True,
        tier=tier,
        metadata=metadata,
        unread=tuple(asked.unread),
        **sampling,
    )


def _refuse_stored(asked: Members) -> None:
    if asked.take("cachedContent") is not None:
        raise Fault(
            "cachedContent",
            '"cachedContent" names what Google has stored, under a key that many tenants share. '
            "Send the content itself: Gemini caches what it has seen before by itself.",
        )


def _read_system(asked: Members) -> tuple[Text, ...]:
    said = asked.take("systemInstruction")
    if said is None:
        return ()
    if isinstance(said, str):
        return (Text(said),)
    content = Members(said, "systemInstruction", asked.unread)
    content.take("role")
    texts: list[Text] = []
    for part in content.objects("parts"):
        texts.append(Text(part.needed("text")))
        part.end()
    content.end()
    return tuple(texts)


def _read_turns(asked: Members) -> tuple[Turn, ...]:
    calls = Calls()
    turns: list[Turn] = []
    contents = asked.objects("contents")
    if not contents:
        raise asked.fault("contents", "must be a list of at least one content", None)
    for content in contents:
        role = content.text("role") or "user"
        if role not in ROLES:
            raise content.fault("role", 'must be "user" or "model"', role)
        parts: list[Part] = []
        for part in content.objects("parts"):
            parts.append(read_part(part, calls))
            part.end()
        content.end()
        turns.append(Turn(ROLES[role], put_back(parts)))
    return tuple(turns)


def _read_tools(tool: Members) -> list[Tool]:
    found: list[Tool] = []
    for declared in tool.objects("functionDeclarations"):
        declared.default("behavior", "BLOCKING", "UNSPECIFIED")
        name, description = declared.needed("name"), declared.text("description")
        found.append(Tool(name, description, _read_parameters(declared)))
        declared.end()
    known = len(tool.unread)
    tool.end()
    if len(tool.unread) > known:
        path = tool.unread[known]
        raise Fault(
            path,
            f'"{path}" is a tool that Google runs itself. Send functionDeclarations, or route to a '
            "source that speaks gemini.",
        )
    return found


def _read_parameters(declared: Members) -> str | None:
    parameters = declared.take("parameters")
    schema = declared.json("parametersJsonSchema")
    if schema is not None or parameters is None:
        return schema
    if not isinstance(parameters, dict):
        raise declared.fault("parameters", "must be a Schema", parameters)
    return json_text(json_schema(cast(object, parameters)))


def _read_choice(asked: Members) -> ToolChoice | None:
    config = asked.members("toolConfig")
    calling = None if config is None else config.members("functionCallingConfig")
    if config is not None:
        config.end()
    if calling is None:
        return None
    calling.default("streamFunctionCallArguments", False)
    mode, names = calling.text("mode"), calling.texts("allowedFunctionNames")
    if mode == "VALIDATED" and not names:
        calling.unread.append(f"{calling.at('mode')}: VALIDATED")
    calling.end()
    match mode:
        case None | "MODE_UNSPECIFIED":
            return ToolChoice("auto", names) if names else None
        case "AUTO" | "VALIDATED":
            return ToolChoice("auto", names)
        case "NONE":
            return ToolChoice("none")
        case "ANY":
            return ToolChoice("any", names)
        case _:
            raise calling.fault("mode", "must be AUTO, ANY, NONE or VALIDATED", mode)


def _read_tier(asked: Members) -> str | None:
    asked.default("serviceTier", "unspecified", "SERVICE_TIER_UNSPECIFIED")
    tier = asked.text("serviceTier")
    return None if tier is None else TIERS.get(tier.lower(), tier)


def _read_labels(asked: Members) -> tuple[tuple[str, str], ...]:
    labels = asked.take("labels")
    if labels is None:
        return ()
    pairs = cast(dict[str, object], labels if isinstance(labels, dict) else {"": None})
    if not all(isinstance(value, str) for value in pairs.values()):
        raise asked.fault("labels", "must be an object of strings", cast(object, labels))
    return tuple((name, str(value)) for name, value in pairs.items())


def _read_config(config: Members) -> dict[str, Any]:
    config.default("responseLogprobs", False)
    config.default("responseModalities", ["TEXT"], [])
    config.default("mediaResolution", "MEDIA_RESOLUTION_UNSPECIFIED")
    top_k = config.number("topK")
    return {
        "max_output": config.integer("maxOutputTokens"),
        "temperature": config.number("temperature"),
        "top_p": config.number("topP"),
        "top_k": None if top_k is None else int(top_k),
        "frequency_penalty": config.number("frequencyPenalty"),
        "presence_penalty": config.number("presencePenalty"),
        "seed": config.integer("seed"),
        "stop": config.texts("stopSequences"),
        "choices": config.integer("candidateCount") or 1,
        "think": _read_think(config.members("thinkingConfig")),
        "format": _read_format(config),
    }


def _read_think(said: Members | None) -> Think | None:
    """A budget of 0 turns thinking off, one of -1 leaves it to the model."""
    if said is None:
        return None
    said.default("thinkingLevel", "THINKING_LEVEL_UNSPECIFIED")
    budget, level = said.integer("thinkingBudget"), said.text("thinkingLevel")
    shown = said.flag("includeThoughts")
    said.end()
    if budget is None and level is None and shown is None:
        return None
    return Think(
        on=None if budget is None else budget != 0,
        effort=None if level is None else level.lower(),
        budget=budget if budget is not None and budget > 0 else None,
        shown=shown,
    )


def _read_format(config: Members) -> Format | None:
    media_type = config.text("responseMimeType")
    older = config.json("_responseJsonSchema")
    schema = config.json("responseJsonSchema") or older
    own = config.take("responseSchema")
    if schema is None and own is not None:
        schema = json_text(json_schema(own))
    if media_type == "application/json":
        return Format(schema)
    if media_type not in (None, "text/plain"):
        config.unread.append(f"{config.at('responseMimeType')}: {media_type}")
    if schema is not None:
        config.unread.append(config.at("responseSchema"))
    return None
