"""Questions in Chat Completions: what clients say, and what sources are told."""

import json
from typing import Any

import pytest

from tollway.dialects.meaning import (
    Ask,
    Cache,
    Fault,
    Format,
    Media,
    Reasoning,
    Refusal,
    Signature,
    Text,
    Think,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from tollway.dialects.openai.form import FORM

HELLO = {"role": "user", "content": "hello"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
FUNCTION = {"type": "function", "function": {"name": "f"}}


def read(**said: Any) -> Ask:
    """What a body means that says `said` beside the least."""
    return FORM.read_ask(
        json.dumps({"model": "m", "messages": [HELLO]} | said).encode(), None, None
    )


def turns(*messages: dict[str, Any]) -> tuple[Turn, ...]:
    return read(messages=list(messages)).turns


def refused(**said: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        read(**said)
    return caught.value


def written(ask: Ask) -> dict[str, Any]:
    return json.loads(FORM.write_ask(ask, "theirs")[0])


def lost(ask: Ask) -> tuple[str, ...]:
    return tuple(loss.path for loss in FORM.write_ask(ask, "theirs")[1])


def asked(*parts: Any, speaker: Any = "assistant") -> Ask:
    return Ask("m", (Turn("user", (Text("hello"),)), Turn(speaker, parts)))


# --- reading -------------------------------------------------------------------------------------


def test_what_has_no_meaning_here_is_listed_by_its_path() -> None:
    part = {"type": "text", "text": "a", "odd": 1}
    ask = read(
        logit_bias={"1": 2},
        min_p=0.1,
        messages=[{"role": "user", "content": [part], "audio": {"id": "a"}}],
        tools=[{"type": "function", "function": {"name": "f", "cost": 3}}],
    )
    assert set(ask.unread) == {
        "logit_bias",
        "min_p",
        "messages[0].content[0].odd",
        "messages[0].audio",
        "tools[0].function.cost",
    }


def test_a_null_and_a_documented_default_say_nothing() -> None:
    plain = read()
    assert plain.unread == ()
    defaults = {
        "frequency_penalty": 0,
        "presence_penalty": 0.0,
        "parallel_tool_calls": True,
        "n": 1,
        "store": False,
        "logprobs": False,
        "logit_bias": {},
        "modalities": ["text"],
        "service_tier": "auto",
        "response_format": {"type": "text"},
        "verbosity": "medium",
        "temperature": None,
        "audio": None,
    }
    assert read(**defaults) == plain


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]},
         "messages[0].content[0].type"),
        ({"messages": [{"role": "oracle", "content": "a"}]}, "messages[0].role"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages[0].tool_call_id"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"stop": [1]}, "stop"),
        ({"tool_choice": {"type": "mood"}}, "tool_choice.type"),
        ({"model": None}, "model"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_place(said: dict[str, Any], path: str) -> None:
    fault = refused(**said)
    assert fault.path == path
    assert path in fault.message


def test_the_system_prompt_is_what_comes_before_the_conversation() -> None:
    ask = read(
        messages=[
            {"role": "developer", "content": [{"type": "text", "text": "a"}]},
            {"role": "system", "content": "b"},
            HELLO,
            {"role": "system", "content": "c"},
        ]
    )
    assert ask.system == (Text("a"), Text("b"))
    assert ask.system_speaker == "developer"
    assert [turn.speaker for turn in ask.turns] == ["user", "system"]


def test_results_of_parallel_calls_are_one_turn_and_know_their_tools_names() -> None:
    other = {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "words"}}
    found = turns(
        HELLO,
        {"role": "assistant", "content": None, "tool_calls": [CALL, other]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "2"}]},
        HELLO,
    )
    assert found[1].parts == (
        ToolCall("c1", "f", "{}"),
        ToolCall("c2", "g", "words", custom=True),
    )
    assert found[2] == Turn(
        "user",
        (ToolResult("c1", "f", (Text("1"),)), ToolResult("c2", "g", (Text("2"),), custom=True)),
    )
    assert len(found) == 4


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_thoughts_are_read_under_both_names(key: str) -> None:
    message = {"role": "assistant", "content": "hi", key: "hm"}
    assert turns(message)[0].parts == (Reasoning("hm"), Text("hi"))


def test_thoughts_said_twice_are_one_and_keep_their_signature_and_format() -> None:
    entry = {"type": "reasoning.text", "index": 0}
    message = {
        "role": "assistant",
        "content": "hi",
        "reasoning": "hm",
        "reasoning_details": [
            entry | {"text": "hm", "format": "anthropic-claude-v1"},
            entry | {"signature": "abc", "format": "anthropic-claude-v1"},
            {"type": "reasoning.encrypted", "data": "xyz", "id": "rs_1", "index": 1},
        ],
    }
    parts = turns(message)[0].parts
    assert parts == (
        Reasoning("hm", signature=Signature("openai", "anthropic-claude-v1 abc")),
        Reasoning(sealed=True, signature=Signature("openai", "xyz"), id="rs_1"),
        Text("hi"),
    )
    details = written(Ask("m", (Turn("assistant", parts),)))["messages"][0]["reasoning_details"]
    assert details[1] == entry | {"signature": "abc", "format": "anthropic-claude-v1"}


def test_a_signature_of_another_engine_is_known_again_by_its_prefix() -> None:
    details = [{"type": "reasoning.text", "text": "hm", "signature": "tollway.anthropic.abc"}]
    message = {"role": "assistant", "content": "hi", "reasoning_details": details}
    assert turns(message)[0].parts[0] == Reasoning("hm", signature=Signature("anthropic", "abc"))


def test_media_of_every_kind_are_read() -> None:
    content = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "auto"}},
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD",
                                  "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "video_url", "video_url": {"url": "https://a/b.mp4"}},
    ]  # fmt: skip
    assert turns({"role": "user", "content": content})[0].parts == (
        Media("image", "image/png", data="QUJD", detail="low"),
        Media("image", url="https://a/b.png"),
        Media("audio", "audio/wav", data="QUJD"),
        Media("file", "application/pdf", data="QUJD", name="a.pdf"),
        Media("file", file_id="file-1"),
        Media("video", url="https://a/b.mp4"),
    )


@pytest.mark.parametrize(
    "mark",
    [
        {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "1h"}},
    ],
)
def test_cache_breakpoints_are_read_as_openrouter_and_as_openai_have_them(
    mark: dict[str, Any],
) -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "a"} | mark]}
    ask = read(messages=[message])
    assert ask.turns[0].parts == (Text("a", cache=Cache("1h")),)
    assert ask.unread == ()


def test_of_two_limits_the_larger_counts() -> None:
    assert read(max_tokens=5, max_completion_tokens=7).max_output == 7
    assert read(max_tokens=5).max_output == 5


def test_one_stop_sequence_may_be_bare() -> None:
    assert read(stop="END").stop == ("END",)
    assert read(stop=["a", "b"]).stop == ("a", "b")


def test_tool_choices_are_read_in_all_their_forms() -> None:
    def choice(said: Any) -> ToolChoice | None:
        return read(tools=[FUNCTION], tool_choice=said).tool_choice

    assert choice("required") == ToolChoice("any")
    assert choice("none") == ToolChoice("none")
    assert choice(FUNCTION) == ToolChoice("any", ("f",))
    allowed = {"mode": "auto", "tools": [FUNCTION]}
    assert choice({"type": "allowed_tools", "allowed_tools": allowed}) == ToolChoice("auto", ("f",))


def test_how_much_to_think_is_read_as_openai_and_as_openrouter_say_it() -> None:
    assert read(reasoning_effort="high").think == Think(effort="high")
    assert read(reasoning={"max_tokens": 2000, "exclude": True}).think == Think(
        budget=2000, shown=False
    )
    assert read(reasoning={"enabled": True}).think == Think(on=True)


def test_formats_are_read() -> None:
    schema = {"name": "n", "schema": {"type": "object"}, "strict": True}
    form = read(response_format={"type": "json_schema", "json_schema": schema}).format
    assert form == Format('{"type":"object"}', "n", strict=True)
    assert read(response_format={"type": "json_object"}).format == Format()


def test_the_newer_name_of_the_user_wins_and_the_other_is_listed() -> None:
    ask = read(user="a", safety_identifier="b")
    assert ask.user == "b"
    assert ask.unread == ("user",)


# --- writing -------------------------------------------------------------------------------------


def test_a_stream_is_always_asked_to_count() -> None:
    said = written(Ask("m", (), stream=True))
    assert said["stream_options"] == {"include_usage": True}
    assert "stream_options" not in written(Ask("m", ()))


def test_the_model_is_named_as_the_source_knows_it() -> None:
    assert written(Ask("m", ()))["model"] == "theirs"


def test_thoughts_that_nobody_signed_go_back_for_the_servers_that_want_them() -> None:
    ask = asked(Reasoning("hm"), ToolCall("c1", "f", "{}"))
    assert written(ask)["messages"][1]["reasoning_content"] == "hm"


def test_thoughts_of_other_engines_are_left_out_and_listed() -> None:
    ask = asked(Reasoning("hm", signature=Signature("anthropic", "abc")), Text("hi"))
    ask = Ask("m", (*ask.turns, Turn("user", (Text("and"),))))
    assert written(ask)["messages"][1] == {"role": "assistant", "content": "hi"}
    assert lost(ask) == ("turns[1].parts[0]",)


def test_results_come_before_what_the_user_says_with_them() -> None:
    image = Media("image", "image/png", data="QUJD")
    result = ToolResult("c1", "f", (Text("see"), image), failed=True)
    ask = asked(result, Text("go on"), speaker="user")
    tool, user = written(ask)["messages"][1:]
    assert tool == {"role": "tool", "tool_call_id": "c1", "content": "see"}
    assert [part["type"] for part in user["content"]] == ["image_url", "text"]
    assert lost(ask) == ("turns[1].parts[0].failed", "turns[1].parts[0].parts[1]")


def test_a_tool_that_gave_an_image_alone_still_says_something() -> None:
    image = Media("image", "image/png", data="QUJD")
    ask = asked(ToolResult("c1", "f", (image,)), speaker="user")
    assert written(ask)["messages"][1]["content"]


def test_a_refusal_of_the_assistants_stays_apart() -> None:
    assert written(asked(Refusal("no")))["messages"][1]["refusal"] == "no"


def test_a_long_name_of_a_user_stays_one_user() -> None:
    one, two = (Ask("m", (), user=name * 65) for name in "ab")
    assert len(written(one)["user"]) == 64
    assert written(one)["user"] == written(one)["user"] != written(two)["user"]
    assert lost(one) == ("user",)


@pytest.mark.parametrize(
    "part",
    [
        Media("file", url="https://a/b.pdf"),
        Media("file", file_id="file_of_anthropic"),
        Media("image", file_id="file-1"),
    ],
)
def test_what_cannot_be_said_and_not_be_left_out_is_refused(part: Media) -> None:
    with pytest.raises(Fault) as caught:
        written(asked(part, speaker="user"))
    assert caught.value.path == "turns[1].parts[0]"


def test_allowed_tools_name_custom_ones_as_such() -> None:
    tools = (Tool("f"), Tool("g", custom=True))
    said = written(Ask("m", (), tools=tools, tool_choice=ToolChoice("any", ("f", "g"))))
    assert said["tool_choice"]["allowed_tools"] == {
        "mode": "required",
        "tools": [
            {"type": "function", "function": {"name": "f"}},
            {"type": "custom", "custom": {"name": "g"}},
        ],
    }
