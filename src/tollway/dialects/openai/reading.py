"""A client's question in Chat Completions."""

from typing import Any, Final, Literal, cast

import msgspec

from tollway.dialects.meaning import Ask, Fault, Format, Think, Tool, ToolChoice
from tollway.dialects.members import Members, json_text, read_body
from tollway.dialects.openai.conversation import Conversation

_MENDS: Final = {
    "functions": "use tools",
    "function_call": "use tool_choice",
    "web_search_options": "tools that run at the provider are not translated",
}
"""Members that must not be left out, and what to do instead."""

_DEFAULTS: Final[tuple[tuple[str, object], ...]] = (
    ("parallel_tool_calls", True),
    ("frequency_penalty", 0),
    ("frequency_penalty", 0.0),
    ("presence_penalty", 0),
    ("presence_penalty", 0.0),
    ("service_tier", "auto"),
    ("verbosity", "medium"),
    ("store", False),
    ("logprobs", False),
    ("top_logprobs", 0),
    ("logit_bias", {}),
    ("modalities", ["text"]),
    ("tools", []),
)


def read_ask(body: bytes, model: str | None, stream: bool | None) -> Ask:
    """A request's meaning; `model` and `stream` are those of the path, where it says them.

    Raises:
        Fault: the body is no request.
    """
    said = read_body(body)
    _refuse(said)
    for key, default in _DEFAULTS:
        said.default(key, default)
    conversation = Conversation(said)
    ask = Ask(
        model=model or said.needed("model"),
        turns=tuple(conversation.turns),
        system=tuple(conversation.system),
        system_speaker=conversation.system_speaker or "system",
        tools=tuple(_read_tool(tool) for tool in said.objects("tools")),
        tool_choice=_read_choice(said),
        parallel_tools=said.flag("parallel_tool_calls"),
        max_output=_read_cap(said),
        temperature=said.number("temperature"),
        top_p=said.number("top_p"),
        top_k=said.integer("top_k"),
        frequency_penalty=said.number("frequency_penalty"),
        presence_penalty=said.number("presence_penalty"),
        seed=said.integer("seed"),
        stop=_read_stop(said),
        choices=said.integer("n") or 1,
        think=_read_think(said),
        format=_read_format(said),
        verbosity=said.text("verbosity"),
        stream=bool(said.flag("stream")) if stream is None else stream,
        wants_usage=_wants_usage(said),
        user=_read_user(said),
        tier=said.text("service_tier"),
        metadata=_read_metadata(said),
    )
    said.end()
    return msgspec.structs.replace(ask, unread=tuple(said.unread))


def _refuse(said: Members) -> None:
    for key, mend in _MENDS.items():
        if said.take(key) is not None:
            raise Fault(key, f'"{key}" is not taken: {mend}.')


def _wants_usage(said: Members) -> bool:
    options = said.members("stream_options")
    if options is None:
        return False
    wanted = options.flag("include_usage")
    options.flag("include_obfuscation")  # padding of OpenAI's own events: there is none here
    options.end()
    return bool(wanted)


def _read_tool(tool: Members) -> Tool:
    kind = tool.text("type")
    if kind not in ("function", "custom"):
        raise tool.fault(
            "type", "must be function or custom: a tool of the provider's is not translated", kind
        )
    inner = tool.members(kind)
    if inner is None:
        raise tool.fault(kind, "must be an object", None)
    if kind == "custom":
        inner.default("format", {"type": "text"})
        read = Tool(
            name=inner.needed("name"),
            description=inner.text("description"),
            custom=True,
            grammar=inner.json("format"),
        )
    else:
        inner.default("strict", False)
        read = Tool(
            name=inner.needed("name"),
            description=inner.text("description"),
            parameters=inner.json("parameters"),
            strict=inner.flag("strict"),
        )
    inner.end()
    tool.end()
    return read


def _read_choice(said: Members) -> ToolChoice | None:
    value = said.take("tool_choice")
    if value is None:
        return None
    if value == "none" or value == "auto":
        return ToolChoice(value)
    if value == "required":
        return ToolChoice("any")
    choice = Members(value, "tool_choice", said.unread)
    kind = choice.text("type")
    if kind == "allowed_tools":
        read = _read_allowed(choice)
    elif kind in ("function", "custom"):
        read = ToolChoice("any", (_named(choice, kind),))
    else:
        raise choice.fault("type", "must be function, custom or allowed_tools", kind)
    choice.end()
    return read


def _named(entry: Members, kind: str) -> str:
    inner = entry.members(kind)
    if inner is None:
        raise entry.fault(kind, "must be an object", None)
    return inner.needed("name")


def _read_allowed(choice: Members) -> ToolChoice:
    allowed = choice.members("allowed_tools")
    if allowed is None:
        raise choice.fault("allowed_tools", "must be an object", None)
    mode: Literal["any", "auto"] = "any" if allowed.text("mode") == "required" else "auto"
    names = [_named(tool, tool.text("type") or "function") for tool in allowed.objects("tools")]
    return ToolChoice(mode, tuple(names))


def _read_cap(said: Members) -> int | None:
    old, new = said.integer("max_tokens"), said.integer("max_completion_tokens")
    return max(old, new) if old and new else new if new is not None else old


def _read_stop(said: Members) -> tuple[str, ...]:
    value = said.take("stop")
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    return Members({"stop": value}, "", said.unread).texts("stop")


def _read_think(said: Members) -> Think | None:
    """OpenAI's `reasoning_effort`, and OpenRouter's `reasoning` where that is not there."""
    effort = said.text("reasoning_effort")
    more = said.members("reasoning")
    if more is None:
        return Think(effort=effort) if effort else None
    hidden = more.flag("exclude")
    think = Think(
        on=more.flag("enabled"),
        effort=effort or more.text("effort"),
        budget=more.integer("max_tokens"),
        shown=None if hidden is None else not hidden,
    )
    more.end()
    return None if think == Think() else think


def _read_format(said: Members) -> Format | None:
    form = said.members("response_format")
    if form is None:
        return None
    kind = form.text("type")
    if kind == "text":
        read = None
    elif kind == "json_object":
        read = Format()
    elif kind == "json_schema":
        read = _read_schema(form)
    else:
        raise form.fault("type", "must be text, json_object or json_schema", kind)
    form.end()
    return read


def _read_schema(form: Members) -> Format:
    inner = form.members("json_schema")
    if inner is None:
        raise form.fault("json_schema", "must be an object", None)
    read = Format(
        schema=inner.json("schema"),
        name=inner.text("name"),
        description=inner.text("description"),
        strict=inner.flag("strict"),
    )
    inner.end()
    return read


def _read_user(said: Members) -> str | None:
    """The end user; `safety_identifier` is the newer name."""
    user, newer = said.text("user"), said.text("safety_identifier")
    if user and newer and user != newer:
        said.unread.append("user")
    return newer or user


def _read_metadata(said: Members) -> tuple[tuple[str, str], ...]:
    metadata: Any = said.take("metadata")
    if metadata is None:
        return ()
    if not isinstance(metadata, dict):
        raise said.fault("metadata", "must be an object", metadata)
    pairs = cast(dict[str, Any], metadata)
    return tuple((key, v if isinstance(v, str) else json_text(v)) for key, v in pairs.items())
