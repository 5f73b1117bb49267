"""A client's question in Messages."""

from typing import Final, Literal

import msgspec

from tollway.dialects.anthropic.blocks import read_blocks, read_cache
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
from tollway.dialects.members import Members, read_body
from tollway.dialects.signatures import put_back

_MENDS: Final = {
    "mcp_servers": "let the client call its MCP servers itself",
    "container": "it names what is kept at the provider",
}
"""Members that must not be left out, and why or what to do instead."""

_SPEAKERS: Final[dict[str | None, Speaker]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
}


def read_ask(body: bytes, model: str | None, stream: bool | None) -> Ask:
    """A request's meaning; `model` and `stream` are those of the path, where it says them.

    Raises:
        Fault: the body is no request.
    """
    said = read_body(body)
    for key, mend in _MENDS.items():
        if said.take(key):
            raise Fault(key, f'"{key}" is not translated: {mend}.')
    said.default("speed", "standard")
    said.default("service_tier", "auto")
    choice, parallel = _read_choice(said)
    config = said.members("output_config")
    ask = Ask(
        model=model or said.needed("model"),
        turns=_read_turns(said),
        system=_texts(said, "system"),
        tools=tuple(_read_tool(tool) for tool in said.objects("tools")),
        tool_choice=choice,
        parallel_tools=parallel,
        max_output=said.integer("max_tokens"),
        temperature=said.number("temperature"),
        top_p=said.number("top_p"),
        top_k=said.integer("top_k"),
        stop=said.texts("stop_sequences"),
        think=_read_think(said, config.text("effort") if config is not None else None),
        format=_read_format(said, config),
        stream=bool(said.flag("stream")) if stream is None else stream,
        wants_usage=True,
        user=_read_user(said),
        tier=_read_tier(said),
    )
    if config is not None:
        config.end()
    said.end()
    return msgspec.structs.replace(ask, unread=tuple(said.unread))


def _texts(said: Members, key: str) -> tuple[Text, ...]:
    parts = read_blocks(said, key, {})
    texts = tuple(part for part in parts if isinstance(part, Text))
    if len(texts) != len(parts):
        path = said.at(key)
        raise Fault(path, f'"{path}" may have text blocks only.')
    return texts


def _read_turns(said: Members) -> tuple[Turn, ...]:
    messages = said.objects("messages")
    if not messages:
        raise Fault("messages", '"messages" must be a list with messages in it.')
    names: dict[str, str] = {}
    turns: list[Turn] = []
    for message in messages:
        role = message.text("role")
        speaker = _SPEAKERS.get(role)
        if speaker is None:
            raise message.fault("role", "must be user, assistant or system", role)
        parts: tuple[Part, ...]
        if speaker == "system":
            parts = _texts(message, "content")
        else:
            parts = put_back(read_blocks(message, "content", names))
        message.end()
        turns.append(Turn(speaker, parts))
    return tuple(turns)


def _read_tool(tool: Members) -> Tool:
    kind = tool.text("type")
    if kind not in (None, "custom"):
        raise tool.fault("type", "must be custom: Anthropic's own tools are not translated", kind)
    tool.default("strict", False)
    tool.default("defer_loading", False)
    tool.default("eager_input_streaming", False)
    tool.default("allowed_callers", ["direct"])
    tool.default("input_examples", [])
    read = Tool(
        name=tool.needed("name"),
        description=tool.text("description"),
        parameters=tool.json("input_schema"),
        strict=tool.flag("strict"),
        cache=read_cache(tool),
    )
    tool.end()
    return read


def _read_choice(said: Members) -> tuple[ToolChoice | None, Literal[False] | None]:
    """Which tools may be called, and whether only one at a time."""
    choice = said.members("tool_choice")
    if choice is None:
        return None, None
    parallel = False if choice.flag("disable_parallel_tool_use") else None
    kind = choice.text("type")
    if kind == "tool":
        read = ToolChoice("any", (choice.needed("name"),))
    elif kind == "auto" or kind == "any" or kind == "none":
        read = ToolChoice(kind)
    else:
        raise choice.fault("type", "must be auto, any, tool or none", kind)
    choice.end()
    return read, parallel


def _read_think(said: Members, effort: str | None) -> Think | None:
    thinking = said.members("thinking")
    if thinking is None:
        return Think(effort=effort) if effort is not None else None
    kind = thinking.text("type")
    display = thinking.text("display")
    think = Think(
        on=kind != "disabled",
        effort=effort,
        budget=thinking.integer("budget_tokens"),
        shown=None if display is None else display != "omitted",
    )
    if kind not in ("enabled", "adaptive", "disabled"):
        said.unread.append("thinking.type")  # such as between_tools
    thinking.end()
    return think


def _read_format(said: Members, config: Members | None) -> Format | None:
    """`output_config.format`, or `output_format` as it was called in beta."""
    form = config.members("format") if config is not None else None
    form = form or said.members("output_format")
    if form is None:
        return None
    kind = form.text("type")
    if kind != "json_schema":
        raise form.fault("type", "must be json_schema", kind)
    read = Format(schema=form.json("schema"))
    form.end()
    return read


def _read_user(said: Members) -> str | None:
    metadata = said.members("metadata")
    if metadata is None:
        return None
    user = metadata.text("user_id")
    metadata.end()
    return user


def _read_tier(said: Members) -> str | None:
    tier = said.text("service_tier")
    if said.text("speed") == "fast":
        return "fast"
    return "default" if tier == "standard_only" else tier
