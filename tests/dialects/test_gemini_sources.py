"""What a source that speaks generateContent is asked, and what it could not be told."""

from typing import Any

import msgspec
import pytest
from google.genai import types

from tollway.dialects.gemini.form import FORM
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

HELLO = (Turn("user", (Text("hello"),)),)
GEMINI = Signature("gemini", "U0lH")
OWN_FILE = "https://generativelanguage.googleapis.com/v1beta/files/abc"


def written(
    turns: tuple[Turn, ...] = HELLO, model: str = "gemini-3-pro", **said: Any
) -> dict[str, Any]:
    """The body, which Google's own types accept: they forbid what they don't know."""
    body = msgspec.json.decode(FORM.write_ask(Ask("m", turns, **said), model)[0])
    for content in body["contents"]:
        types.Content.model_validate(content)
    for tool in body.get("tools", ()):
        types.Tool.model_validate(tool)
    types.GenerationConfig.model_validate(body.get("generationConfig", {}))
    types.ToolConfig.model_validate(body.get("toolConfig", {}))
    return body


def lost(turns: tuple[Turn, ...] = HELLO, **said: Any) -> tuple[str, ...]:
    losses: tuple[Loss, ...] = FORM.write_ask(Ask("m", turns, **said), "gemini-3-pro")[1]
    assert all(loss.why for loss in losses)
    return tuple(loss.path for loss in losses)


def refused(turns: tuple[Turn, ...] = HELLO, **said: Any) -> str:
    with pytest.raises(Fault) as caught:
        written(turns, **said)
    return caught.value.path


def test_the_model_and_whether_to_stream_stand_in_the_path() -> None:
    assert written(stream=True) == {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


def test_all_that_there_is_stands_where_google_has_it() -> None:
    assert written(
        system=(Text("a"), Text("b")),
        tools=(Tool("f", "does f", '{"type":"object"}'), Tool("g")),
        tool_choice=ToolChoice("any", ("f",)),
        max_output=9,
        temperature=0.5,
        top_p=0.9,
        top_k=4,
        stop=("END",),
        seed=7,
        choices=2,
        format=Format('{"type":"object"}'),
        tier="flex",
    ) == {
        "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
        "systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}]},
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "f",
                        "description": "does f",
                        "parametersJsonSchema": {"type": "object"},
                    },
                    {"name": "g"},
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {
            "maxOutputTokens": 9,
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 4,
            "stopSequences": ["END"],
            "seed": 7,
            "candidateCount": 2,
            "responseMimeType": "application/json",
            "responseJsonSchema": {"type": "object"},
        },
        "serviceTier": "flex",
    }


def test_allowed_tools_that_need_not_be_called_are_validated() -> None:
    said = written(tools=(Tool("f"), Tool("g")), tool_choice=ToolChoice("auto", ("f",)))
    assert said["toolConfig"]["functionCallingConfig"] == {
        "mode": "VALIDATED",
        "allowedFunctionNames": ["f"],
    }


def test_a_conversation_with_tools_keeps_its_order() -> None:
    said = written(
        (
            *HELLO,
            Turn(
                "assistant",
                (
                    Reasoning("hm", True, signature=GEMINI),
                    ToolCall("a", "f", '{"x":1}', signature=GEMINI),
                    ToolCall("b", "g", ""),
                ),
            ),
            Turn(
                "user",
                (
                    ToolResult("a", "f", (Text("one"), Media("image", "image/png", data="AA=="))),
                    ToolResult("b", "g", (Text("no"),), failed=True),
                    Text("And?"),
                ),
            ),
        )
    )
    assert said["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "hm", "thought": True, "thoughtSignature": "U0lH"},
                {
                    "functionCall": {"id": "a", "name": "f", "args": {"x": 1}},
                    "thoughtSignature": "U0lH",
                },
                {"functionCall": {"id": "b", "name": "g", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "id": "a",
                        "name": "f",
                        "response": {"output": "one"},
                        "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}],
                    }
                },
                {"functionResponse": {"id": "b", "name": "g", "response": {"error": "no"}}},
                {"text": "And?"},
            ],
        },
    ]


def test_since_gemini_3_the_first_call_that_nobody_signed_says_so() -> None:
    calls = Turn("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}")))
    parts = written((*HELLO, calls))["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == [
        "skip_thought_signature_validator",
        None,
    ]
    parts = written((*HELLO, calls), model="gemini-2.5-flash")["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == [None, None]


def test_a_signature_that_came_apart_from_its_call_is_put_back() -> None:
    turn = Turn("assistant", (Reasoning(sealed=True, signature=GEMINI), ToolCall("a", "f", "{}")))
    parts = written((*HELLO, turn))["contents"][1]["parts"]
    assert [part["thoughtSignature"] for part in parts] == ["U0lH"]


def test_other_engines_signatures_are_left_out() -> None:
    made = Signature("anthropic", "SIG")
    turn = Turn(
        "assistant",
        (Reasoning("hm", signature=made), Reasoning(sealed=True, signature=made), Text("so")),
    )
    assert lost((*HELLO, turn)) == ("turns[1].parts[0].signature", "turns[1].parts[1]")
    assert written((*HELLO, turn))["contents"][1]["parts"] == [
        {"text": "hm", "thought": True},
        {"text": "so"},
    ]


def test_media_by_data_url_and_own_file() -> None:
    media = (
        Media("image", "image/png", data="AA=="),
        Media("image", url="https://host/cat.JPG?size=1"),
        Media("file", "application/pdf", file_id=OWN_FILE),
        Media("file", url="https://host/thing"),
    )
    assert written((Turn("user", media),))["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"fileData": {"fileUri": "https://host/cat.JPG?size=1", "mimeType": "image/jpeg"}},
        {"fileData": {"fileUri": OWN_FILE, "mimeType": "application/pdf"}},
        {"fileData": {"fileUri": "https://host/thing"}},
    ]


@pytest.mark.parametrize(
    ("think", "model", "said", "losses"),
    [
        (Think(on=False), "gemini-2.5-flash", {"thinkingBudget": 0}, ()),
        (Think(effort="none"), "gemini-2.5-flash", {"thinkingBudget": 0}, ()),
        (Think(on=True), "gemini-2.5-flash", {"thinkingBudget": -1}, ()),
        (Think(on=True), "gemini-3-pro", None, ("think.on",)),
        (Think(on=True, budget=999), "gemini-2.5-pro", {"thinkingBudget": 999}, ()),
        (Think(on=True, budget=999), "gemini-3-pro", {"thinkingBudget": 999}, ()),
        (Think(effort="medium"), "gemini-2.5-pro", {"thinkingBudget": 8192}, ("think.effort",)),
        (Think(effort="low"), "gemini-3-pro", {"thinkingLevel": "LOW"}, ()),
        (Think(effort="high"), "models/gemini-4-pro", {"thinkingLevel": "HIGH"}, ()),
        (Think(effort="max"), "gemini-3-pro", {"thinkingLevel": "HIGH"}, ("think.effort",)),
        (Think(on=False), "gemini-3-flash", {"thinkingLevel": "MINIMAL"}, ("think.on",)),
        (Think(on=False), "gemini-3-pro", {"thinkingLevel": "LOW"}, ("think.on",)),
        (Think(shown=True, summary="auto"), "gemini-3-pro", {"includeThoughts": True}, ()),
        (Think(shown=True, summary="detailed"), "gemini-3-pro", {"includeThoughts": True},
         ("think.summary",)),
    ],
)  # fmt: skip
def test_thinking_as_each_generation_takes_it(
    think: Think, model: str, said: dict[str, Any] | None, losses: tuple[str, ...]
) -> None:
    config = written(model=model, think=think).get("generationConfig", {})
    assert config.get("thinkingConfig") == said
    found = FORM.write_ask(Ask("m", HELLO, think=think), model)[1]
    assert tuple(loss.path for loss in found) == losses


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"parallel_tools": False}, "parallel_tools"),
        ({"user": "u"}, "user"),
        ({"verbosity": "low"}, "verbosity"),
        ({"metadata": (("a", "b"),)}, "metadata"),
        ({"tier": "ultrafast"}, "tier"),
        ({"system": (Text("a", Cache()),)}, "system[0].cache"),
        ({"tools": (Tool("f", strict=True),)}, "tools[0].strict"),
        ({"tools": (Tool("f", cache=Cache()),)}, "tools[0].cache"),
        ({"format": Format("{}", name="n")}, "format.name"),
        ({"format": Format("{}", description="d")}, "format.description"),
    ],
)
def test_what_it_has_no_place_for_is_a_loss(said: dict[str, Any], path: str) -> None:
    assert lost(**said) == (path,)


def test_what_stands_in_turns_and_has_no_place_is_a_loss() -> None:
    turns = (
        Turn("user", (Text("a", Cache()),), name="Ann"),
        Turn("system", (Text("Be loud."),)),
        Turn("assistant", (Refusal("No."), ToolCall("a", "f", "not json"))),
        Turn("user", (ToolResult("a", "f", (), cache=Cache()),)),
        Turn("user", (Media("file", "application/pdf", data="AA==", name="a.pdf", detail="low"),)),
    )
    assert lost(turns) == (
        "turns[0].name",
        "turns[0].parts[0].cache",
        "turns[1]",
        "turns[2].parts[0]",
        "turns[2].parts[1].arguments",
        "turns[3].parts[0].cache",
        "turns[4].parts[0].name",
        "turns[4].parts[0].detail",
    )
    parts = written(turns)["contents"][2]["parts"]
    assert parts[1]["functionCall"]["args"] == {"arguments": "not json"}


@pytest.mark.parametrize("arguments", ["[1]", "7", "null", '{"a":', "nan"])
def test_arguments_that_are_no_object_are_sent_as_one_text(arguments: str) -> None:
    turns = (*HELLO, Turn("assistant", (ToolCall("a", "f", arguments),)))
    call = written(turns)["contents"][1]["parts"][0]["functionCall"]
    assert call["args"] == {"arguments": arguments}


def test_what_cannot_be_said_is_refused() -> None:
    assert refused(tools=(Tool("p", custom=True),)) == "tools[0]"
    call = Turn("assistant", (ToolCall("a", "p", "x", custom=True),))
    assert refused((*HELLO, call)) == "turns[1].parts[0]"
    result = Turn("user", (ToolResult("a", "p", (), custom=True),))
    assert refused((result,)) == "turns[0].parts[0]"
    assert refused((Turn("user", (Media("image", file_id="file-1"),)),)) == "turns[0].parts[0]"
    assert refused((Turn("user", (Media("image", data="AA"),)),)) == "turns[0].parts[0]"
