"""Questions in Anthropic's Messages: what clients say, and what sources are told."""

import json
from base64 import b64encode
from typing import Any

import pytest

from tollway.dialects.anthropic.form import FORM
from tollway.dialects.anthropic.models import version
from tollway.dialects.meaning import (
    Ask,
    Cache,
    Fault,
    Format,
    Media,
    Reasoning,
    Signature,
    Text,
    Think,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

HELLO = Turn("user", (Text("hello"),))
OBJECT = '{"type":"object"}'


def read(**said: Any) -> Ask:
    """What a body means that says `said` beside the least."""
    least = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
    return FORM.read_ask(json.dumps(least | said).encode(), None, None)


def parts(*blocks: dict[str, Any], role: str = "user") -> tuple[Any, ...]:
    return read(messages=[{"role": role, "content": list(blocks)}]).turns[0].parts


def written(ask: Ask, model: str = "m") -> dict[str, Any]:
    return json.loads(FORM.write_ask(ask, model)[0])


def lost(ask: Ask, model: str = "m") -> tuple[str, ...]:
    return tuple(loss.path for loss in FORM.write_ask(ask, model)[1])


def ask(*turns: Turn, **said: Any) -> Ask:
    return Ask("m", turns or (HELLO,), **said)


# --- reading -------------------------------------------------------------------------------------


def test_what_has_no_meaning_here_is_listed_by_its_path() -> None:
    found = read(
        context_management={"edits": []},
        metadata={"user_id": "u", "odd": 1},
        tools=[{"name": "f", "input_schema": {}, "defer_loading": True}],
        output_config={"task_budget": {"total": 9}},
    )
    assert set(found.unread) == {
        "context_management",
        "metadata.odd",
        "tools[0].defer_loading",
        "output_config.task_budget",
    }
    assert found.user == "u"


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"mcp_servers": [{"url": "a"}]}, "mcp_servers"),
        ({"container": "c"}, "container"),
        ({"tools": [{"type": "web_search_20260318", "name": "web_search"}]}, "tools[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "search_result"}]}]},
         "messages[0].content[0].type"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages[0].role"),
        ({"messages": []}, "messages"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"system": 5}, "system"),
        ({"stop_sequences": "END"}, "stop_sequences"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_place(said: dict[str, Any], path: str) -> None:
    with pytest.raises(Fault) as caught:
        read(**said)
    assert caught.value.path == path


def test_a_conversation_with_tools_is_read_with_all_that_is_in_it() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "QUJD"}
    found = read(
        system=[{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "abc"},
                {"type": "redacted_thinking", "data": "xyz"},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "is_error": True, "content": [
                    {"type": "text", "text": "no"}, {"type": "image", "source": source}]},
            ]},
        ],
    )  # fmt: skip
    assert found.system == (Text("be kind", cache=Cache()),)
    assert found.turns[1].parts == (
        Reasoning("hm", signature=Signature("anthropic", "abc")),
        Reasoning(sealed=True, signature=Signature("anthropic", "xyz")),
        ToolCall("t1", "f", '{"a":1}'),
    )
    image = Media("image", "image/png", data="QUJD")
    assert found.turns[2].parts == (ToolResult("t1", "f", (Text("no"), image), failed=True),)
    assert found.unread == ()


def test_a_thought_that_another_engine_made_is_known_again() -> None:
    block = {"type": "thinking", "thinking": "sum", "signature": "tollway.responses.abc"}
    assert parts(block, role="assistant") == (
        Reasoning("sum", True, True, Signature("responses", "abc")),
    )
    block = {"type": "thinking", "thinking": "hm", "signature": ""}
    assert parts(block, role="assistant") == (Reasoning("hm"),)


def test_documents_are_files_whatever_their_source() -> None:
    words = {"type": "text", "media_type": "text/plain", "data": "words"}
    stored = {"type": "file", "file_id": "file_1"}
    assert parts({"type": "document", "source": words, "title": "a"}) == (
        Media("file", "text/plain", data=b64encode(b"words").decode(), name="a"),
    )
    assert parts({"type": "document", "source": stored}) == (Media("file", file_id="file_1"),)


def test_how_much_to_think_is_read() -> None:
    enabled = {"type": "enabled", "budget_tokens": 2048}
    assert read(thinking=enabled).think == Think(on=True, budget=2048)
    adaptive = {"type": "adaptive", "display": "omitted"}
    think = read(thinking=adaptive, output_config={"effort": "max"}).think
    assert think == Think(on=True, effort="max", shown=False)
    assert read(thinking={"type": "disabled"}).think == Think(on=False)
    between = read(thinking={"type": "between_tools"})
    assert (between.think, between.unread) == (Think(on=True), ("thinking.type",))


def test_the_format_is_read_under_both_names() -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    assert read(output_config={"format": form}).format == Format(OBJECT)
    assert read(output_format=form).format == Format(OBJECT)


def test_tool_choice_says_also_how_many_at_a_time() -> None:
    choice = {"type": "tool", "name": "f", "disable_parallel_tool_use": True}
    found = read(tools=[{"name": "f", "input_schema": {}}], tool_choice=choice)
    assert (found.tool_choice, found.parallel_tools) == (ToolChoice("any", ("f",)), False)


# --- writing -------------------------------------------------------------------------------------


def test_there_is_always_a_limit_and_the_clients_own_is_kept() -> None:
    assert written(ask())["max_tokens"] == 32_000
    assert written(ask(max_output=7))["max_tokens"] == 7


def test_no_text_is_empty_and_no_turn_without_a_block() -> None:
    said = ask(HELLO, Turn("assistant", (Text(""), Text("  "))), Turn("user", (Text("a"),)))
    assert [m["role"] for m in written(said)["messages"]] == ["user", "user"]
    assert lost(said) == ("turns[1].parts[1]",)


def test_instructions_amid_a_conversation_go_to_its_beginning() -> None:
    said = ask(HELLO, Turn("system", (Text("now"),)), system=(Text("first"),))
    assert [block["text"] for block in written(said)["system"]] == ["first", "now"]
    assert lost(said) == ("turns[1]",)


def test_ids_are_put_in_the_letters_that_are_taken_both_at_the_call_and_at_its_result() -> None:
    call, result = ToolCall("functions.f:0", "f", "{}"), ToolResult("functions.f:0", "f", ())
    said = ask(HELLO, Turn("assistant", (call,)), Turn("user", (result,)))
    _, made, given = written(said)["messages"]
    assert made["content"][0]["id"] == given["content"][0]["tool_use_id"] == "functions_f_0"


@pytest.mark.parametrize("arguments", ["{", "[1]", '"a"', "5"])
def test_arguments_that_are_no_object_stand_in_one(arguments: str) -> None:
    said = ask(HELLO, Turn("assistant", (ToolCall("t", "f", arguments),)))
    assert written(said)["messages"][1]["content"][0]["input"] == {"arguments": arguments}
    assert "turns[1].parts[0].arguments" in lost(said)


def test_tools_of_earlier_calls_are_defined_though_none_may_be_called() -> None:
    said = written(ask(HELLO, Turn("assistant", (ToolCall("t", "f", ""),))))
    assert [tool["name"] for tool in said["tools"]] == ["f"]
    assert said["tool_choice"] == {"type": "none"}


def test_of_several_allowed_tools_only_those_are_sent() -> None:
    tools = (Tool("f"), Tool("g"), Tool("h"))
    said = ask(tools=tools, tool_choice=ToolChoice("any", ("f", "g")), parallel_tools=False)
    assert [tool["name"] for tool in written(said)["tools"]] == ["f", "g"]
    assert written(said)["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    assert lost(said) == ("tool_choice",)


@pytest.mark.parametrize(
    "said",
    [
        ask(choices=2),
        ask(tools=(Tool("f", custom=True),)),
        ask(Turn("user", (Media("audio", "audio/wav", data="QUJD"),))),
        ask(Turn("user", (Media("image", "image/tiff", data="QUJD"),))),
        ask(Turn("user", (Media("file", "application/zip", data="QUJD"),))),
        ask(Turn("user", (Media("file", "text/plain", data="%%"),))),
        ask(Turn("user", (Media("file", file_id="file-of-openai"),))),
    ],
)
def test_what_cannot_be_said_and_not_be_left_out_is_refused(said: Ask) -> None:
    with pytest.raises(Fault):
        written(said)


def test_an_image_whose_kind_nobody_said_is_known_by_its_beginning() -> None:
    said = ask(Turn("user", (Media("image", data="iVBORw0KGgoAAAA"),)))
    assert written(said)["messages"][0]["content"][0]["source"]["media_type"] == "image/png"


# --- thinking and sampling, by a model's generation ----------------------------------------------


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("claude-opus-4-20250514", (4, 0)),
        ("claude-sonnet-4-5", (4, 5)),
        ("claude-sonnet-4-5-20250929", (4, 5)),
        ("claude-opus-4-1@20250805", (4, 1)),
        ("anthropic.claude-opus-4-7-v1:0", (4, 7)),
        ("anthropic/claude-opus-4.8", (4, 8)),
        ("claude-sonnet-5", (5, 0)),
        ("claude-3-5-haiku-20241022", (3, 5)),
        ("claude-3-7-sonnet-latest", (3, 7)),
        ("glm-4.6", None),
        ("my-claude", None),
    ],
)
def test_a_claude_is_known_by_its_name(name: str, known: tuple[int, int] | None) -> None:
    assert version(name) == known


def test_a_new_claude_takes_no_sampling_and_an_older_one_does() -> None:
    said = ask(temperature=0.5, top_k=3)
    assert lost(said, "claude-opus-4-7") == ("temperature", "top_k")
    assert "temperature" not in written(said, "claude-opus-4-7")
    assert written(said, "claude-sonnet-4-5")["temperature"] == 0.5
    assert written(said, "glm-4.6")["temperature"] == 0.5


def test_an_effort_is_a_budget_for_those_who_know_no_effort() -> None:
    said = ask(think=Think(effort="medium"))
    assert written(said, "claude-opus-4-8")["thinking"] == {"type": "adaptive"}
    assert written(said, "claude-opus-4-8")["output_config"] == {"effort": "medium"}
    old = written(said, "claude-sonnet-4-5")
    assert old["thinking"] == {"type": "enabled", "budget_tokens": 8192}
    assert old["max_tokens"] > 8192
    assert "output_config" not in old


def test_a_budget_is_an_effort_for_those_who_take_no_budget() -> None:
    said = ask(think=Think(on=True, budget=9000))
    assert written(said, "claude-sonnet-5")["output_config"] == {"effort": "high"}
    assert lost(said, "claude-sonnet-5") == ("think.budget",)


def test_a_budget_is_always_below_the_limit() -> None:
    said = ask(think=Think(budget=4000), max_output=2000)
    thinking = written(said, "claude-sonnet-4-5")["thinking"]
    assert thinking["budget_tokens"] < 2000
    assert lost(said, "claude-sonnet-4-5") == ("think.budget",)


def test_nobody_is_made_to_think_where_a_tool_is_forced() -> None:
    said = ask(think=Think(effort="high"), tools=(Tool("f"),), tool_choice=ToolChoice("any"))
    assert "thinking" not in written(said)
    assert lost(said) == ("think",)


def test_with_a_budget_nobody_thinks_amid_a_tools_use_whose_thought_is_not_at_hand() -> None:
    call, result = ToolCall("t", "f", "{}"), ToolResult("t", "f", ())
    thought = Reasoning("hm", signature=Signature("anthropic", "abc"))
    bare = (HELLO, Turn("assistant", (call,)), Turn("user", (result,)))
    with_thought = (HELLO, Turn("assistant", (thought, call)), Turn("user", (result,)))
    think = Think(budget=2048)
    assert "thinking" not in written(ask(*bare, think=think), "claude-sonnet-4-5")
    assert lost(ask(*bare, think=think), "claude-sonnet-4-5") == ("think",)
    assert "thinking" in written(ask(*with_thought, think=think), "claude-sonnet-4-5")
    answered = (*bare, Turn("assistant", (Text("done"),)), HELLO)
    assert "thinking" in written(ask(*answered, think=think), "claude-sonnet-4-5")


def test_while_it_thinks_it_takes_no_temperature() -> None:
    said = ask(think=Think(effort="high"), temperature=0.5)
    assert "temperature" not in written(said)
    assert lost(said) == ("temperature",)


def test_no_thinking_is_said_as_such() -> None:
    assert written(ask(think=Think(effort="none")))["thinking"] == {"type": "disabled"}
