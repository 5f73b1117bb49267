"""Reads what a client asks of the Responses API."""

from typing import Final, cast

import msgspec

from tollway.dialects.meaning import Ask, Fault, Format, Think, Tool, ToolChoice
from tollway.dialects.members import Members, read_body
from tollway.dialects.responses.items import Talk

STORED: Final = ("previous_response_id", "conversation", "prompt")
"""Members that name what a provider has stored, under a key that many tenants share."""
KEPT: Final = "reasoning.encrypted_content"
"""The one `include` that every answer has anyway, where there is something to include."""


def read_ask(body: bytes, model: str | None, stream: bool | None) -> Ask:
    """A request of the Responses API.

    Raises:
        Fault: the body says nothing in this dialect, or asks for what only its maker can do.
    """
    try:
        return _read_ask(read_body(body), model, stream)
    except RecursionError:
        raise Fault("", "The request body is nested too deeply; flatten it.") from None


def _read_ask(asked: Members, model: str | None, stream: bool | None) -> Ask:
    _refuse_stored(asked)
    talk = _read_talk(asked)
    own_model = asked.text("model")
    own_stream = asked.flag("stream")
    tools = tuple(_read_tool(tool) for tool in asked.objects("tools"))
    format_, verbosity = _read_text(asked)
    _read_ignored(asked)
    found = Ask(
        model=model if model is not None else _needed_model(asked, own_model),
        turns=talk.turns(),
        system=tuple(talk.system),
        system_speaker="developer" if talk.system_speaker == "developer" else "system",
        tools=tools,
        tool_choice=_read_choice(asked),
        parallel_tools=False if asked.flag("parallel_tool_calls") is False else None,
        max_output=asked.integer("max_output_tokens"),
        temperature=asked.number("temperature"),
        top_p=asked.number("top_p"),
        frequency_penalty=asked.number("frequency_penalty"),
        presence_penalty=asked.number("presence_penalty"),
        think=_read_think(asked),
        format=format_,
        verbosity=verbosity,
        stream=stream if stream is not None else bool(own_stream),
        wants_usage=True,
        user=_read_user(asked),
        tier=_read_tier(asked),
        metadata=_read_metadata(asked),
    )
    asked.end()
    return msgspec.structs.replace(found, unread=tuple(asked.unread))


def _needed_model(asked: Members, model: str | None) -> str:
    if model is None:
        raise asked.fault("model", "must be a string", None)
    return model


def _refuse_stored(asked: Members) -> None:
    for name in STORED:
        if asked.take(name) is not None:
            raise Fault(
                name,
                f'"{name}" names what a provider has stored; nothing is stored here. '
                'Send the whole conversation in "input".',
            )
    if asked.flag("background"):
        raise Fault(
            "background",
            '"background" is true: an answer that is fetched later would have to be stored, and '
            "nothing is stored here. Leave it out and stream the answer.",
        )


def _read_talk(asked: Members) -> Talk:
    talk = Talk()
    instructions = asked.text("instructions")
    if instructions:
        talk.instruct(instructions)
    said = asked.take("input")
    if isinstance(said, str):
        talk.say(said)
    elif isinstance(said, list):
        for at, item in enumerate(cast(list[object], said)):
            talk.read(Members(item, f"input[{at}]", asked.unread))
    else:
        raise asked.fault("input", "must be a string or a list of items", said)
    return talk


def _read_tool(tool: Members) -> Tool:
    kind = tool.needed("type")
    if kind not in ("function", "custom"):
        path = tool.at("type")
        raise Fault(
            path,
            f'"{path}" is "{kind}": a tool that OpenAI runs itself. Send function or custom tools, '
            "or route to a source that speaks responses.",
        )
    tool.default("defer_loading", False)
    tool.default("async", False)
    tool.default("allowed_callers", ["direct"])
    name, description = tool.needed("name"), tool.text("description")
    if kind == "custom":
        tool.default("format", {"type": "text"})
        found = Tool(name, description, custom=True, grammar=tool.json("format"))
    else:
        found = Tool(name, description, tool.json("parameters"), tool.flag("strict"))
    tool.end()
    return found


def _read_choice(asked: Members) -> ToolChoice | None:
    said = asked.take("tool_choice")
    match said:
        case None:
            return None
        case "auto" | "none":
            return ToolChoice(said)
        case "required":
            return ToolChoice("any")
        case _:
            return _read_chosen(Members(said, "tool_choice", asked.unread))


def _read_chosen(choice: Members) -> ToolChoice:
    kind = choice.needed("type")
    match kind:
        case "function" | "custom":
            found = ToolChoice("any", (choice.needed("name"),))
        case "allowed_tools":
            found = _read_allowed(choice)
        case _:
            raise Fault(
                choice.at("type"),
                f'"tool_choice.type" is "{kind}": a tool that OpenAI runs itself; known: function, '
                "custom, allowed_tools.",
            )
    choice.end()
    return found


def _read_allowed(choice: Members) -> ToolChoice:
    mode = choice.text("mode") or "auto"
    if mode not in ("auto", "required"):
        raise choice.fault("mode", 'must be "auto" or "required"', mode)
    names: list[str] = []
    for tool in choice.objects("tools"):
        kind = tool.text("type")
        if kind not in ("function", "custom"):
            raise tool.fault("type", 'must be "function" or "custom"', kind)
        names.append(tool.needed("name"))
        tool.end()
    return ToolChoice("any" if mode == "required" else "auto", tuple(names))


def _read_text(asked: Members) -> tuple[Format | None, str | None]:
    text = asked.members("text")
    if text is None:
        return None, None
    said = text.members("format")
    found = None if said is None else _read_format(said)
    verbosity = text.text("verbosity")
    text.end()
    return found, verbosity


def _read_format(said: Members) -> Format | None:
    kind = said.needed("type")
    match kind:
        case "text":
            found = None
        case "json_object":
            found = Format()
        case "json_schema":
            schema = said.json("schema")
            if schema is None:
                raise said.fault("schema", "must be a JSON Schema", None)
            found = Format(schema, said.text("name"), said.text("description"), said.flag("strict"))
        case _:
            raise said.fault("type", 'must be "text", "json_object" or "json_schema"', kind)
    said.end()
    return found


def _read_think(asked: Members) -> Think | None:
    said = asked.members("reasoning")
    if said is None:
        return None
    said.default("context", "auto")
    said.default("mode", "standard")
    effort = said.text("effort")
    older = said.text("generate_summary")
    summary = said.text("summary") or older
    said.end()
    if effort is None and summary is None:
        return None
    return Think(effort=effort, shown=None if summary is None else True, summary=summary)


def _read_user(asked: Members) -> str | None:
    user = asked.text("user")
    ident = asked.text("safety_identifier")
    if user is not None and ident not in (None, user):
        asked.unread.append("user")
    return user if ident is None else ident


def _read_tier(asked: Members) -> str | None:
    asked.default("service_tier", "auto")
    return asked.text("service_tier")


def _read_metadata(asked: Members) -> tuple[tuple[str, str], ...]:
    said = asked.take("metadata")
    if said is None:
        return ()
    pairs = cast(dict[str, object], said if isinstance(said, dict) else {"": None})
    if not all(isinstance(value, str) for value in pairs.values()):
        raise asked.fault("metadata", "must be an object of strings", cast(object, said))
    return tuple((name, str(value)) for name, value in pairs.items())


def _read_ignored(asked: Members) -> None:
    """What says no more than the default, or what every answer from here does anyway."""
    asked.default("store", False)
    asked.default("truncation", "disabled")
    asked.default("top_logprobs", 0)
    asked.default("prompt_cache_retention", "in_memory")
    options = asked.members("stream_options")
    if options is not None:
        options.take("include_obfuscation")
        options.end()
    for at, included in enumerate(asked.texts("include")):
        if included != KEPT:
            asked.unread.append(f"include[{at}]: {included}")
