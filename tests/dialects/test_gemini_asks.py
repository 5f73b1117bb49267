"""What a client of generateContent may ask, and what is refused."""

import contextlib
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from tollway.dialects.gemini.form import FORM
from tollway.dialects.meaning import (
    Ask,
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

HELLO = [{"role": "user", "parts": [{"text": "hello"}]}]


def read(**members: Any) -> Ask:
    body = {"contents": HELLO, **members}
    return FORM.read_ask(msgspec.json.encode(body), "m", True)


def parts(*said: dict[str, Any], role: str = "user") -> tuple[Any, ...]:
    return read(contents=[{"role": role, "parts": said}]).turns[0].parts


def config(**members: Any) -> Ask:
    return read(generationConfig=members)


def refused(**members: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        read(**members)
    return caught.value


def test_the_path_says_the_model_and_whether_to_stream() -> None:
    ask = read()
    assert (ask.model, ask.stream) == ("m", True)
    assert ask.turns == (Turn("user", (Text("hello"),)),)
    assert ask.unread == ()
    body = msgspec.json.encode({"model": "models/gemini-3-pro", "contents": HELLO})
    assert FORM.read_ask(body, None, None).model == "gemini-3-pro"


def test_one_object_will_do_where_a_list_belongs() -> None:
    assert read(contents={"parts": {"text": "hello"}}) == read()


def test_the_system_instruction_keeps_its_texts() -> None:
    said = {"role": "user", "parts": [{"text": "Be kind."}, {"text": "Be brief."}]}
    assert read(systemInstruction=said).system == (Text("Be kind."), Text("Be brief."))
    assert read(system_instruction={"parts": {"text": "a"}}).system == (Text("a"),)
    assert read(systemInstruction="Be kind.").system == (Text("Be kind."),)


def test_both_spellings_are_read() -> None:
    camel = {
        "generationConfig": {"maxOutputTokens": 9, "thinkingConfig": {"includeThoughts": True}},
        "toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["f"], "mode": "ANY"}},
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
    }
    snake = {
        "generation_config": {
            "max_output_tokens": 9,
            "thinking_config": {"include_thoughts": True},
        },
        "tool_config": {
            "function_calling_config": {"allowed_function_names": ["f"], "mode": "ANY"}
        },
        "tools": [{"function_declarations": [{"name": "f"}]}],
    }
    assert read(**camel) == read(**snake)
    assert read(**camel).unread == ()


def test_names_that_are_the_clients_own_keep_their_spelling() -> None:
    (call,) = parts({"function_call": {"name": "f", "args": {"a_b": {"c_d": 1}}}}, role="model")
    assert call.arguments == '{"a_b":{"c_d":1}}'
    schema = {"type": "OBJECT", "properties": {"a_b": {"type": "STRING", "min_length": "2"}}}
    tool = {"functionDeclarations": [{"name": "f", "parameters": schema}]}
    assert read(tools=[tool]).tools[0].parameters == (
        '{"type":"object","properties":{"a_b":{"type":"string","minLength":2}}}'
    )


def test_calls_and_results_with_ids() -> None:
    ask = read(
        contents=[
            *HELLO,
            {
                "role": "model",
                "parts": [
                    {"functionCall": {"id": "x", "name": "f", "args": {"a": 1}},
                     "thoughtSignature": "U0lH"},
                    {"functionCall": {"id": "y", "name": "f"}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"id": "y", "name": "f", "response": {"output": "two"}}},
                    {"functionResponse": {"id": "x", "name": "f", "response": {"result": "one"}}},
                ],
            },
        ]
    )  # fmt: skip
    assert ask.turns[1].parts == (
        ToolCall("x", "f", '{"a":1}', signature=Signature("gemini", "U0lH")),
        ToolCall("y", "f", "{}"),
    )
    assert ask.turns[2].parts == (
        ToolResult("y", "f", (Text("two"),)),
        ToolResult("x", "f", (Text("one"),)),
    )


def test_calls_without_ids_are_answered_in_their_order() -> None:
    def said(name: str, answer: str) -> dict[str, Any]:
        return {"functionResponse": {"name": name, "response": {"output": answer}}}

    ask = read(
        contents=[
            {"role": "model", "parts": [{"functionCall": {"name": name}} for name in "fgf"]},
            {"role": "function", "parts": [said("f", "1"), said("f", "3"), said("g", "2")]},
            {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
            {"role": "user", "parts": [said("f", "4")]},
        ]
    )
    calls = [
        part.id for turn in ask.turns[::2] for part in turn.parts if isinstance(part, ToolCall)
    ]
    assert len(set(calls)) == 4
    results = {
        part.id: part.parts[0].text
        for turn in ask.turns[1::2]
        for part in turn.parts
        if isinstance(part, ToolResult) and isinstance(part.parts[0], Text)
    }
    assert [results[call] for call in calls] == ["1", "2", "3", "4"]


def test_a_clients_own_id_of_a_result_finds_the_call_that_had_none() -> None:
    ask = read(
        contents=[
            {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
            {"role": "user", "parts": [{"functionResponse": {"id": "own", "name": "f"}}]},
        ]
    )
    (call,), (result,) = ask.turns[0].parts, ask.turns[1].parts
    assert isinstance(call, ToolCall)
    assert result == ToolResult(call.id, "f", ())


@pytest.mark.parametrize(
    ("response", "text", "failed"),
    [
        ({"output": "rain"}, "rain", False),
        ({"result": "rain"}, "rain", False),
        ({"error": "no such city"}, "no such city", True),
        ({"output": {"degrees": 7}}, '{"degrees":7}', False),
        ({"degrees": 7, "sky": "grey"}, '{"degrees":7,"sky":"grey"}', False),
        ({"degrees": 7}, '{"degrees":7}', False),
    ],
)
def test_what_a_tool_gave(response: dict[str, Any], text: str, failed: bool) -> None:
    said = {"functionResponse": {"id": "a", "name": "f", "response": response}}
    assert parts(said) == (ToolResult("a", "f", (Text(text),), failed),)


def test_a_tools_images_are_its_result() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    said = {"functionResponse": {"id": "a", "name": "f", "response": {}, "parts": [image]}}
    assert parts(said) == (ToolResult("a", "f", (Media("image", "image/png", "AAAA"),)),)


def test_images_sounds_films_and_files_are_media() -> None:
    own = "https://generativelanguage.googleapis.com/v1beta/files/abc"
    assert parts(
        {"inlineData": {"mimeType": "image/png", "data": "-_8"}},
        {"inline_data": {"mime_type": "audio/wav", "data": "AAAA"}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "https://host/a.mp4"}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": own}},
        {"fileData": {"mimeType": "text/plain", "fileUri": "gs://bucket/a.txt"}},
    ) == (
        Media("image", "image/png", data="+/8="),
        Media("audio", "audio/wav", data="AAAA"),
        Media("video", "video/mp4", url="https://host/a.mp4"),
        Media("file", "application/pdf", file_id=own),
        Media("file", "text/plain", file_id="gs://bucket/a.txt"),
    )


def test_thoughts_and_signatures() -> None:
    assert parts(
        {"text": "hm", "thought": True},
        {"text": "so", "thought": True, "thoughtSignature": "QQ=="},
        {"text": "words", "thoughtSignature": "Qg=="},
        {"text": "", "thought_signature": "Qw=="},
        {"thoughtSignature": "RA=="},
        role="model",
    ) == (
        Reasoning("hm", True),
        Reasoning("so", True, signature=Signature("gemini", "QQ==")),
        Text("words", signature=Signature("gemini", "Qg==")),
        Text("", signature=Signature("gemini", "Qw==")),
        Text("", signature=Signature("gemini", "RA==")),
    )


@pytest.mark.parametrize("urlsafe", [False, True])
def test_another_engines_signature_is_known_again(urlsafe: bool) -> None:
    text = b64encode(b"tollway.anthropic.SIG?>~").decode()
    assert "/" in text or "+" in text
    if urlsafe:
        text = text.replace("+", "-").replace("/", "_").rstrip("=")
    made = Signature("anthropic", "SIG?>~")
    said = ({"text": "", "thought": True, "thoughtSignature": text},
            {"thought": True, "thoughtSignature": text})  # fmt: skip
    assert parts(*said, role="model") == (
        Reasoning("", True, signature=made),
        Reasoning("", True, sealed=True, signature=made),
    )


def test_the_word_that_stands_for_a_signature_is_none() -> None:
    said = {
        "functionCall": {"id": "a", "name": "f"},
        "thoughtSignature": "skip_thought_signature_validator",
    }
    assert parts(said, role="model") == (ToolCall("a", "f", "{}"),)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"mode": "AUTO"}, ToolChoice("auto")),
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": "ANY"}, ToolChoice("any")),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice("any", ("f",))),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, ToolChoice("auto", ("f",))),
        ({"mode": "MODE_UNSPECIFIED"}, None),
        ({}, None),
    ],
)
def test_tool_choice(said: dict[str, Any], meant: ToolChoice | None) -> None:
    ask = read(toolConfig={"functionCallingConfig": said})
    assert ask.tool_choice == meant
    assert ask.unread == ()


def test_tools_take_both_kinds_of_schema() -> None:
    declared = [
        {
            "name": "f",
            "description": "does f",
            "parameters": {
                "type": "OBJECT",
                "properties": {
                    "b": {"type": "STRING", "nullable": True, "format": "enum", "enum": ["x"]},
                    "a": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "1"},
                    "c": {"anyOf": [{"type": "NUMBER"}, {"type": "BOOLEAN"}], "example": 1},
                },
                "propertyOrdering": ["a", "b"],
                "required": ["a"],
            },
        },
        {"name": "g", "parametersJsonSchema": {"type": "object", "$defs": {"a_b": {}}}},
    ]
    assert read(tools=[{"functionDeclarations": declared}]).tools == (
        Tool(
            "f",
            "does f",
            '{"type":"object","required":["a"],"properties":{'
            '"a":{"type":"array","minItems":1,"items":{"type":"integer"}},'
            '"b":{"type":["string","null"],"enum":["x"]},'
            '"c":{"examples":[1],"anyOf":[{"type":"number"},{"type":"boolean"}]}}}',
        ),
        Tool("g", None, '{"type":"object","$defs":{"a_b":{}}}'),
    )


def test_the_generation_config() -> None:
    ask = config(
        temperature=0.5,
        topP=0.9,
        topK=40.0,
        candidateCount=2,
        maxOutputTokens=99,
        stopSequences=["END"],
        presencePenalty=0.1,
        frequencyPenalty=0.2,
        seed=7,
        responseModalities=["TEXT"],
        responseLogprobs=False,
    )
    assert (ask.temperature, ask.top_p, ask.top_k, ask.choices) == (0.5, 0.9, 40, 2)
    assert (ask.max_output, ask.stop, ask.seed) == (99, ("END",), 7)
    assert (ask.presence_penalty, ask.frequency_penalty) == (0.1, 0.2)
    assert ask.unread == ()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"thinkingBudget": 0}, Think(on=False)),
        ({"thinkingBudget": -1}, Think(on=True)),
        ({"thinkingBudget": 2048, "includeThoughts": True}, Think(True, budget=2048, shown=True)),
        ({"thinkingLevel": "HIGH"}, Think(effort="high")),
        ({"thinkingLevel": "low", "includeThoughts": False}, Think(effort="low", shown=False)),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, None),
        ({}, None),
    ],
)
def test_thinking(said: dict[str, Any], meant: Think | None) -> None:
    ask = config(thinkingConfig=said)
    assert ask.think == meant
    assert ask.unread == ()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"responseMimeType": "text/plain"}, None),
        ({"responseMimeType": "application/json"}, Format()),
        (
            {
                "responseMimeType": "application/json",
                "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
            },
            Format('{"type":"object","properties":{"a":{"type":"string"}}}'),
        ),
        (
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
            Format('{"type":"object"}'),
        ),
    ],
)
def test_the_form_of_the_answer(said: dict[str, Any], meant: Format | None) -> None:
    ask = config(**said)
    assert ask.format == meant
    assert ask.unread == ()


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"safetySettings": [{"category": "x", "threshold": "y"}]}, "safetySettings"),
        ({"store": True}, "store"),
        ({"from_tomorrow": 1}, "fromTomorrow"),
        ({"generationConfig": {"responseLogprobs": True}}, "generationConfig.responseLogprobs"),
        ({"generationConfig": {"responseModalities": ["IMAGE"]}},
         "generationConfig.responseModalities"),
        ({"generationConfig": {"responseMimeType": "text/x.enum"}},
         "generationConfig.responseMimeType: text/x.enum"),
        ({"toolConfig": {"retrievalConfig": {"languageCode": "en"}}}, "toolConfig.retrievalConfig"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}},
         "toolConfig.functionCallingConfig.mode: VALIDATED"),
        ({"contents": [{"parts": [{"text": "a", "videoMetadata": {"fps": 2}}]}]},
         "contents[0].parts[0].videoMetadata"),
        ({"tools": [{"functionDeclarations": [{"name": "f", "response": {"type": "STRING"}}]}]},
         "tools[0].functionDeclarations[0].response"),
    ],
)  # fmt: skip
def test_what_has_no_place_is_listed(members: dict[str, Any], path: str) -> None:
    assert read(**members).unread == (path,)


def test_labels_and_the_service_tier() -> None:
    ask = read(labels={"team_a": "x"}, serviceTier="standard")
    assert (ask.metadata, ask.tier) == ((("team_a", "x"),), "default")
    assert read(serviceTier="unspecified").tier is None


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"cachedContent": "cachedContents/1"}, "cachedContent"),
        ({"cached_content": "cachedContents/1"}, "cachedContent"),
        ({"tools": [{"googleSearch": {}}]}, "tools[0].googleSearch"),
        ({"tools": [{"code_execution": {}}]}, "tools[0].codeExecution"),
        ({"contents": [{"parts": [{"executableCode": {"code": "1"}}]}]},
         "contents[0].parts[0].executableCode"),
        ({"contents": [{"parts": [{}]}]}, "contents[0].parts[0]"),
    ],
)  # fmt: skip
def test_what_only_google_can_do_is_refused(members: dict[str, Any], path: str) -> None:
    assert refused(**members).path == path


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"contents": None}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": "hello"}, "contents"),
        ({"contents": [7]}, "contents[0]"),
        ({"contents": [{"role": "robot", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": [{"text": 7}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"inlineData": {"data": "A"}}]}]},
         "contents[0].parts[0].inlineData.mimeType"),
        ({"contents": [{"parts": [{"functionCall": {}}]}]},
         "contents[0].parts[0].functionCall.name"),
        ({"contents": [{"parts": [{"functionCall": {"name": "f", "args": []}}]}]},
         "contents[0].parts[0].functionCall.args"),
        ({"contents": [{"parts": [{"functionResponse": {"name": "f", "response": "x"}}]}]},
         "contents[0].parts[0].functionResponse.response"),
        ({"generationConfig": 7}, "generationConfig"),
        ({"generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"generationConfig": {"thinkingConfig": {"thinkingBudget": "x"}}},
         "generationConfig.thinkingConfig.thinkingBudget"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "PERHAPS"}}},
         "toolConfig.functionCallingConfig.mode"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        ({"tools": [{"functionDeclarations": [{"name": "f", "parameters": "x"}]}]},
         "tools[0].functionDeclarations[0].parameters"),
        ({"labels": {"a": 1}}, "labels"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_place(members: dict[str, Any], path: str) -> None:
    assert refused(**members).path == path


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b'"a"', b"\xff", b"[" * 9999])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Fault):
        FORM.read_ask(body, "m", None)


@pytest.mark.parametrize("depth", [100, 250, 400, 700, 900])
def test_a_deep_nest_is_read_or_refused(depth: int) -> None:
    schema = '{"type":"OBJECT","properties":{"a":' * depth + "{}" + "}}" * depth
    tools = '"tools":[{"functionDeclarations":[{"name":"f","parameters":' + schema + "}]}]"
    body = '{"contents":[{"parts":[{"text":"a"}]}],' + tools + "}"
    with contextlib.suppress(Fault):
        assert FORM.read_ask(body.encode(), "m", None).tools
