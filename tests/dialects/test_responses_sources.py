"""What a source that speaks the Responses API is asked, and what it could not be told."""

from typing import Any

import msgspec
import pytest
from openai.types.responses import ResponseInputItem
from openai.types.responses import Tool as SdkTool
from openai.types.responses.response_format_text_config import ResponseFormatTextConfig
from pydantic import TypeAdapter

from tollway.dialects.meaning import (
    Ask,
    Cache,
    Fault,
    Format,
    Loss,
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

HELLO = (Turn("user", (Text("hello"),)),)
ITEMS: TypeAdapter[list[ResponseInputItem]] = TypeAdapter(list[ResponseInputItem])


def written(turns: tuple[Turn, ...] = HELLO, **said: Any) -> dict[str, Any]:
    return msgspec.json.decode(FORM.write_ask(Ask("m", turns, **said), "theirs")[0])


def lost(turns: tuple[Turn, ...] = HELLO, **said: Any) -> tuple[str, ...]:
    losses: tuple[Loss, ...] = FORM.write_ask(Ask("m", turns, **said), "theirs")[1]
    assert all(loss.why for loss in losses)
    return tuple(loss.path for loss in losses)


def refused(turns: tuple[Turn, ...] = HELLO, **said: Any) -> str:
    with pytest.raises(Fault) as caught:
        written(turns, **said)
    return caught.value.path


def test_nothing_is_stored_and_the_model_is_the_sources() -> None:
    said = written()
    assert said == {
        "model": "theirs",
        "store": False,
        "stream": False,
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "hello"}],
            }
        ],
    }


def test_one_system_text_is_instructions_and_several_are_a_message() -> None:
    assert written(system=(Text("Be kind."),))["instructions"] == "Be kind."
    said = written(system=(Text("Be kind."), Text("Be brief.")))
    assert "instructions" not in said
    assert said["input"][0]["role"] == "system"
    assert len(said["input"][0]["content"]) == 2
    said = written(system=(Text("Be kind."),), system_speaker="developer")
    assert said["input"][0]["role"] == "developer"


def test_a_conversation_is_what_the_sdk_would_send() -> None:
    said = written(
        (
            Turn("user", (Text("q"), Media("image", "image/png", data="AA"))),
            Turn(
                "assistant",
                (
                    Reasoning("s", True, True, Signature("responses", "enc"), "rs_1"),
                    Text("Let me see."),
                    ToolCall("a", "f", "{}"),
                    ToolCall("b", "p", "free text", custom=True),
                ),
            ),
            Turn(
                "user",
                (
                    ToolResult("a", "f", (Text("rain"), Media("image", url="https://host/a.png"))),
                    ToolResult("b", "p", (), custom=True),
                    Media("file", "application/pdf", data="BB", name="a.pdf"),
                ),
            ),
        )
    )
    assert [item["type"] for item in said["input"]] == [
        "message",
        "reasoning",
        "message",
        "function_call",
        "custom_tool_call",
        "function_call_output",
        "custom_tool_call_output",
        "message",
    ]
    ITEMS.validate_python(said["input"])


def test_tools_and_formats_are_as_the_sdk_has_them() -> None:
    said = written(
        tools=(
            Tool("f", "does f", '{"type":"object"}', strict=True),
            Tool("g"),
            Tool("p", custom=True, grammar='{"type":"text"}'),
        ),
        tool_choice=ToolChoice("any", ("p",)),
        format=Format('{"type":"object"}'),
    )
    TypeAdapter(list[SdkTool]).validate_python(said["tools"])
    TypeAdapter(ResponseFormatTextConfig).validate_python(said["text"]["format"])
    assert said["tools"][1]["strict"] is False  # the API's own default is true
    assert said["tool_choice"] == {"type": "custom", "name": "p"}


def test_several_allowed_tools_are_a_list() -> None:
    tools = (Tool("f"), Tool("g"))
    said = written(tools=tools, tool_choice=ToolChoice("any", ("f", "g")))
    assert said["tool_choice"] == {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}],
    }


@pytest.mark.parametrize(
    ("think", "reasoning", "losses"),
    [
        (Think(effort="high"), {"effort": "high"}, ()),
        (Think(on=False), {"effort": "none"}, ()),
        (Think(on=True), None, ("think.on",)),
        (Think(shown=True), {"summary": "auto"}, ()),
        (Think(on=True, budget=1000), {"effort": "low"}, ("think.budget",)),
        (Think(on=True, budget=8000), {"effort": "medium"}, ("think.budget",)),
        (Think(on=True, budget=20000), {"effort": "high"}, ("think.budget",)),
    ],
)
def test_thinking_in_words(
    think: Think, reasoning: dict[str, str] | None, losses: tuple[str, ...]
) -> None:
    assert written(think=think).get("reasoning") == reasoning
    assert lost(think=think) == losses


def test_thoughts_are_asked_for_encrypted_where_there_are_some() -> None:
    assert "include" not in written()
    assert "include" not in written(think=Think(on=False))
    assert written(think=Think(effort="low"))["include"] == ["reasoning.encrypted_content"]
    thought = Reasoning(sealed=True, signature=Signature("responses", "enc"))
    assert "include" in written((*HELLO, Turn("assistant", (thought,))))


def test_thoughts_that_it_did_not_encrypt_are_left_out() -> None:
    thoughts = (
        Reasoning("a", signature=Signature("anthropic", "SIG")),
        Reasoning("b"),
        Reasoning(sealed=True, signature=Signature("gemini", "SIG")),
        Text("so"),
    )
    turns = (*HELLO, Turn("assistant", thoughts))
    left_out = ("turns[1].parts[0]", "turns[1].parts[1]", "turns[1].parts[2]")
    assert lost((*turns, *HELLO)) == left_out
    assert [item["type"] for item in written(turns)["input"]] == ["message", "message"]


def test_summaries_ahead_of_an_encryption_are_its_items() -> None:
    thoughts = (Reasoning("a", True), Reasoning("b", True, True, Signature("responses", "enc")))
    item = written((*HELLO, Turn("assistant", thoughts)))["input"][1]
    assert item == {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
        "encrypted_content": "enc",
    }


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"top_k": 5}, "top_k"),
        ({"stop": ("x",)}, "stop"),
        ({"seed": 1}, "seed"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"tier": "standard_only"}, "tier"),
        ({"user": "u" * 65}, "user"),
        ({"system": (Text("a", Cache()),)}, "system[0].cache"),
        ({"tools": (Tool("f", cache=Cache()),)}, "tools[0].cache"),
    ],
)
def test_what_it_has_no_place_for_is_a_loss(said: dict[str, Any], path: str) -> None:
    assert lost(**said) == (path,)


def test_what_stands_in_turns_and_has_no_place_is_a_loss() -> None:
    turns = (
        Turn("user", (Text("a", Cache("5m")),), name="Ann"),
        Turn(
            "assistant",
            (
                Text("b", signature=Signature("gemini", "S")),
                ToolCall("c", "f", "{}", signature=Signature("gemini", "S")),
            ),
        ),
        Turn("user", (ToolResult("c", "f", (Text("no", Cache()),), failed=True, cache=Cache()),)),
    )
    assert lost(turns) == (
        "turns[0].name",
        "turns[0].parts[0].cache",
        "turns[1].parts[0].signature",
        "turns[1].parts[1].signature",
        "turns[2].parts[0].cache",
        "turns[2].parts[0].failed",
        "turns[2].parts[0].parts[0].cache",
    )


def test_penalties_of_zero_are_no_loss() -> None:
    assert lost(frequency_penalty=0.0, presence_penalty=0) == ()


def test_what_cannot_be_said_is_refused() -> None:
    assert refused(choices=2) == "choices"
    sound = Turn("user", (Media("audio", "audio/wav", data="AA"),))
    assert refused((sound,)) == "turns[0].parts[0]"
    untyped = Turn("user", (Media("image", data="AA"),))
    assert refused((untyped,)) == "turns[0].parts[0]"
    drawn = Turn("assistant", (Media("image", "image/png", data="AA"),))
    assert refused((*HELLO, drawn)) == "turns[1].parts[0]"


def test_words_that_are_to_be_continued_are_a_loss() -> None:
    assert lost((*HELLO, Turn("assistant", (Text("I am"),)))) == ("turns[1].open",)


def test_a_long_users_name_is_stood_for() -> None:
    said = written(user="u" * 65)["safety_identifier"]
    assert len(said) == 64
    assert said == written(user="u" * 65)["safety_identifier"] != written(user="v" * 65)


def test_a_refusal_is_said_again() -> None:
    said = written((*HELLO, Turn("assistant", (Refusal("No."),))))
    assert said["input"][1]["content"] == [{"type": "refusal", "refusal": "No."}]


def test_a_file_without_a_name_gets_one() -> None:
    said = written((Turn("user", (Media("file", "application/pdf", data="AA"),)),))
    assert said["input"][0]["content"][0]["filename"] == "unnamed.pdf"
    again = FORM.read_ask(msgspec.json.encode(said), None, None)
    assert again.turns[0].parts == (Media("file", "application/pdf", data="AA"),)
