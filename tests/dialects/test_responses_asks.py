"""What a client of the Responses API may ask, and what is refused."""

import contextlib
from typing import Any

import msgspec
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
from tollway.dialects.responses.form import FORM


def read(**members: Any) -> Ask:
    body = {"model": "m", "input": "hello", **members}
    return FORM.read_ask(msgspec.json.encode(body), None, None)


def refused(**members: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        read(**members)
    return caught.value


def test_a_text_alone_is_the_users_turn() -> None:
    ask = read()
    assert ask.model == "m"
    assert ask.turns == (Turn("user", (Text("hello"),)),)
    assert ask.unread == ()
    assert not ask.stream
    assert ask.wants_usage


def test_the_paths_model_and_stream_go_before_the_bodys() -> None:
    body = b'{"model":"theirs","input":"hello","stream":false}'
    ask = FORM.read_ask(body, "ours", True)
    assert (ask.model, ask.stream) == ("ours", True)


def test_instructions_and_leading_messages_are_the_system_prompt() -> None:
    ask = read(
        instructions="Be kind.",
        input=[
            {"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
            {"role": "user", "content": "hello"},
            {"role": "developer", "content": "Be loud."},
        ],
    )
    assert ask.system == (Text("Be kind."), Text("Be brief."))
    assert ask.system_speaker == "developer"
    assert ask.turns == (
        Turn("user", (Text("hello"),)),
        Turn("developer", (Text("Be loud."),)),
    )


def test_items_of_one_speaker_are_one_turn() -> None:
    ask = read(
        input=[
            {"role": "user", "content": "weather?"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "xyz"},
            {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
             "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}]},
            {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "b", "name": "g", "arguments": "not json"},
            {"type": "function_call_output", "call_id": "b", "output": "rain"},
            {"type": "function_call_output", "call_id": "a", "output": ""},
            {"role": "user", "content": "And now?"},
        ],
    )  # fmt: skip
    thought = Reasoning(sealed=True, signature=Signature("responses", "xyz"), id="rs_1")
    assert ask.turns == (
        Turn("user", (Text("weather?"),)),
        Turn(
            "assistant",
            (
                thought,
                Text("Let me see."),
                ToolCall("a", "f", "{}"),
                ToolCall("b", "g", "not json"),
            ),
        ),
        Turn(
            "user",
            (ToolResult("b", "g", (Text("rain"),)), ToolResult("a", "f", ()), Text("And now?")),
        ),
    )
    assert ask.unread == ()


def test_messages_in_a_row_stay_apart() -> None:
    items = [{"role": "user", "content": "one"}, {"role": "user", "content": "two"}]
    assert read(input=items).turns == (
        Turn("user", (Text("one"),)),
        Turn("user", (Text("two"),)),
    )


def test_images_files_and_sounds_are_media() -> None:
    content = [
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
        {"type": "input_image", "image_url": "https://host/cat.png", "detail": "low"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,BB"},
        {"type": "input_file", "file_url": "https://host/a.pdf"},
        {"type": "input_file", "file_data": "CCCC"},
        {"type": "input_audio", "input_audio": {"data": "DDDD", "format": "mp3"}},
    ]
    assert read(input=[{"role": "user", "content": content}]).turns[0].parts == (
        Media("image", "image/png", data="AAAA"),
        Media("image", url="https://host/cat.png", detail="low"),
        Media("image", file_id="file-1"),
        Media("file", "application/pdf", data="BB", name="a.pdf"),
        Media("file", url="https://host/a.pdf"),
        Media("file", data="CCCC"),
        Media("audio", "audio/mpeg", data="DDDD"),
    )


def test_a_refusal_is_the_models_own() -> None:
    items = [{"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}]
    assert read(input=items).turns == (Turn("assistant", (Refusal("No."),)),)


def test_a_thought_of_another_engine_is_known_again() -> None:
    thought = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "tollway.anthropic.SIG",
    }
    sealed = {"type": "reasoning", "summary": [], "encrypted_content": "tollway.anthropic.RED"}
    parts = read(input=[thought, sealed]).turns[0].parts
    assert parts == (
        Reasoning("hm", True, signature=Signature("anthropic", "SIG"), id="rs_1"),
        Reasoning(sealed=True, signature=Signature("anthropic", "RED")),
    )


def test_geminis_signature_of_a_call_is_put_back() -> None:
    items = [
        {"type": "reasoning", "summary": [], "encrypted_content": "tollway.gemini.SIG"},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
    ]
    call = ToolCall("a", "f", "{}", signature=Signature("gemini", "SIG"))
    assert read(input=items).turns == (Turn("assistant", (call,)),)


def test_custom_tools_keep_their_free_text() -> None:
    ask = read(
        tools=[{"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "lark"}}],
        input=[
            {"type": "custom_tool_call", "call_id": "a", "name": "p", "input": "*** Begin"},
            {"type": "custom_tool_call_output", "call_id": "a", "output": "done"},
        ],
    )
    assert ask.tools == (Tool("p", custom=True, grammar='{"type":"grammar","syntax":"lark"}'),)
    assert ask.turns == (
        Turn("assistant", (ToolCall("a", "p", "*** Begin", custom=True),)),
        Turn("user", (ToolResult("a", "p", (Text("done"),), custom=True),)),
    )


def test_a_tools_images_are_its_result() -> None:
    output = [
        {"type": "input_text", "text": "here"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA"},
    ]
    items = [{"type": "function_call_output", "call_id": "a", "output": output}]
    (result,) = read(input=items).turns[0].parts
    assert isinstance(result, ToolResult)
    assert result.parts == (Text("here"), Media("image", "image/png", data="AA"))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("any")),
        ({"type": "function", "name": "f"}, ToolChoice("any", ("f",))),
        ({"type": "custom", "name": "f"}, ToolChoice("any", ("f",))),
        (
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "g"}],
            },
            ToolChoice("auto", ("f", "g")),
        ),
    ],
)
def test_tool_choice(said: object, meant: ToolChoice) -> None:
    assert read(tool_choice=said).tool_choice == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, Format()),
        (
            {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True},
            Format('{"type":"object"}', "n", strict=True),
        ),
    ],
)
def test_the_form_of_the_answer(said: object, meant: Format | None) -> None:
    ask = read(text={"format": said, "verbosity": "low"})
    assert (ask.format, ask.verbosity) == (meant, "low")


def test_reasoning_says_how_much_to_think_and_what_to_show() -> None:
    assert read(reasoning={"effort": "high", "summary": "auto"}).think == Think(
        effort="high", shown=True, summary="auto"
    )
    assert read(reasoning={"effort": "none"}).think == Think(effort="none")
    assert read(reasoning={"effort": None, "summary": None}).think is None


def test_a_cache_breakpoint_keeps_its_place() -> None:
    content = [
        {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_text", "text": "b",
         "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
    ]  # fmt: skip
    ask = read(input=[{"role": "user", "content": content}])
    assert ask.turns[0].parts == (Text("a", Cache()), Text("b", Cache("1h")))
    assert ask.unread == ("input[0].content[1].prompt_cache_breakpoint.ttl",)


def test_what_the_api_does_anyway_is_not_said() -> None:
    ask = read(
        background=False,
        include=["reasoning.encrypted_content"],
        max_tool_calls=None,
        parallel_tool_calls=True,
        previous_response_id=None,
        prompt_cache_retention="in_memory",
        service_tier="auto",
        store=False,
        stream_options={"include_obfuscation": False},
        top_logprobs=0,
        truncation="disabled",
    )
    assert ask == read()


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"store": True}, "store"),
        ({"truncation": "auto"}, "truncation"),
        ({"prompt_cache_key": "k"}, "prompt_cache_key"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"max_tool_calls": 3}, "max_tool_calls"),
        ({"include": ["message.output_text.logprobs"]}, "include[0]: message.output_text.logprobs"),
        ({"reasoning": {"context": "all_turns"}}, "reasoning.context"),
        ({"from_tomorrow": 1}, "from_tomorrow"),
        (
            {"input": [{"role": "assistant", "content": "a", "phase": "commentary"}]},
            "input[0].phase",
        ),
        (
            {"tools": [{"type": "function", "name": "f", "defer_loading": True}]},
            "tools[0].defer_loading",
        ),
    ],
)
def test_what_has_no_place_is_listed(members: dict[str, Any], path: str) -> None:
    assert read(**members).unread == (path,)


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"background": True}, "background"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type"),
        ({"input": [{"type": "computer_call"}]}, "input[0].type"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice.type"),
    ],
)
def test_what_only_its_maker_can_do_is_refused(members: dict[str, Any], path: str) -> None:
    fault = refused(**members)
    assert fault.path == path
    assert fault.path.rpartition(".")[2] in fault.message


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"input": [7]}, "input[0]"),
        ({"model": None}, "model"),
        ({"input": [{"role": "robot", "content": "a"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 7}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "x"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
         "input[0].content[0]"),
        ({"input": [{"role": "system", "content": [{"type": "input_file", "file_id": "f"}]}]},
         "input[0].content"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]},
         "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "a", "output": {}}]},
         "input[0].output"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_output_tokens": 1.5}, "max_output_tokens"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"metadata": "a"}, "metadata"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "x"}}, "tool_choice.mode"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_place(members: dict[str, Any], path: str) -> None:
    assert refused(**members).path == path


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b'"a"', b"\xff", b"[" * 9999])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Fault):
        FORM.read_ask(body, None, None)


@pytest.mark.parametrize("depth", [100, 400, 700, 900])
def test_a_deep_nest_is_read_or_refused(depth: int) -> None:
    schema = '{"properties":{"a":' * depth + "{}" + "}}" * depth
    tools = '"tools":[{"type":"function","name":"f","parameters":' + schema + "}]"
    with contextlib.suppress(Fault):
        assert FORM.read_ask(('{"model":"m","input":"a",' + tools + "}").encode(), None, None).tools
