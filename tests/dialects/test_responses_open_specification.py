"""The acceptance cases of the public Open Responses specification (openresponses.org, its suite of
April 2026), each with what it asks and what its validators look for.

Rules
1. Every case is put to sources of the three other dialects: the ask can be written there, and the
   answer from there comes back as the specification's ResponseResource.
2. Cases that need a provider's own storage or tools are refused, with the place and the mend.
"""

from typing import Any, get_args

import msgspec
import pytest
from event_streams import events, read_all, spoken, write_all
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tollway.dialects.forms import Told
from tollway.dialects.meaning import (
    Answer,
    Ask,
    Choice,
    Fault,
    Media,
    Part,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tollway.dialects.registry import FORMS
from tollway.dialects.responses.form import FORM
from tollway.fleet.objects import Dialect
from tollway.fleet.usage import Usage

OTHERS: tuple[Dialect, ...] = tuple(it for it in get_args(Dialect) if it != "responses")
EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather for a location",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string", "description": "The city and state"}},
        "required": ["location"],
    },
}
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"


def message(role: str, content: object) -> dict[str, object]:
    return {"type": "message", "role": role, "content": content}


CASES: dict[str, dict[str, Any]] = {
    "basic-response": {"input": [message("user", "Say hello in exactly 3 words.")]},
    "streaming-response": {"input": [message("user", "Count from 1 to 5.")]},
    "system-prompt": {
        "input": [message("system", "You are a pirate."), message("user", "Say hello.")]
    },
    "tool-calling": {"input": [message("user", "Weather in Paris?")], "tools": [WEATHER]},
    "forced-function": {
        "input": "Use the weather tool.",
        "tools": [WEATHER],
        "tool_choice": {"type": "function", "name": "get_weather"},
    },
    "image-input": {
        "input": [
            message(
                "user",
                [
                    {"type": "input_text", "text": "What do you see?"},
                    {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"},
                ],
            )
        ]
    },
    "file-input": {
        "input": [
            message(
                "user",
                [
                    {"type": "input_text", "text": "Answer with its title only."},
                    {
                        "type": "input_file",
                        "filename": "fixture.pdf",
                        "file_data": "data:application/pdf;base64,JVBERi0xLjEK",
                    },
                ],
            )
        ]
    },
    "multi-turn": {
        "input": [
            message("user", "My name is Alice."),
            message("assistant", "Hello Alice! How can I help you?"),
            message("user", "What is my name?"),
        ]
    },
    "function-call-roundtrip": {
        "tools": [WEATHER],
        "input": [
            message("user", "Weather in Paris?"),
            {
                "type": "function_call",
                "call_id": "call_1",
                "name": "get_weather",
                "arguments": '{"location":"Paris"}',
            },
            {
                "type": "function_call_output",
                "call_id": "call_1",
                "output": "64 degrees and clear",
            },
        ],
    },
}

REQUIRED: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "object": str,
    "created_at": int,
    "completed_at": (int, type(None)),
    "status": str,
    "incomplete_details": (dict, type(None)),
    "model": str,
    "previous_response_id": (str, type(None)),
    "instructions": (str, type(None)),
    "output": list,
    "error": (dict, type(None)),
    "tools": list,
    "tool_choice": (str, dict),
    "truncation": str,
    "parallel_tool_calls": bool,
    "text": dict,
    "top_p": (int, float),
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
    "top_logprobs": int,
    "temperature": (int, float),
    "reasoning": (dict, type(None)),
    "usage": (dict, type(None)),
    "max_output_tokens": (int, type(None)),
    "max_tool_calls": (int, type(None)),
    "store": bool,
    "background": bool,
    "service_tier": str,
    "metadata": dict,
    "safety_identifier": (str, type(None)),
    "prompt_cache_key": (str, type(None)),
}
"""The required members of ResponseResource and their types."""
ITEMS: dict[str, tuple[str, ...]] = {
    "message": ("id", "status", "role", "content"),
    "function_call": ("id", "call_id", "name", "arguments", "status"),
    "reasoning": ("id", "summary"),
}
"""The required members of the output items."""


def read(case: str) -> Ask:
    return FORM.read_ask(msgspec.json.encode({"model": "m", **CASES[case]}), None, None)


def answering(ask: Ask) -> Answer:
    """What a source says: it calls a tool where it is given one and has no result yet."""
    results = any(isinstance(part, ToolResult) for turn in ask.turns for part in turn.parts)
    calls = ask.tools and not results
    part: Part = ToolCall("call_1", "get_weather", '{"location":"Paris"}') if calls else Text("Hi!")
    return Answer(
        "x", "theirs", (Choice((part,), "tool_calls" if calls else "stop"),), Usage(5, output=7)
    )


def check_resource(said: dict[str, Any]) -> None:
    for name, kind in REQUIRED.items():
        assert isinstance(said[name], kind), name
    for item in said["output"]:
        assert item.keys() >= {"type", *ITEMS[item["type"]]}
        for content in item.get("content", ()):
            assert content["type"] in ("output_text", "refusal", "reasoning_text")
            assert content["type"] != "output_text" or content["annotations"] == []
    Response.model_validate(said)


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize("case", CASES)
def test_every_case_is_answered_by_a_source_of_another_dialect(case: str, dialect: Dialect) -> None:
    ask = read(case)
    theirs = FORMS[dialect]
    body, _ = theirs.write_ask(ask, "theirs")
    assert body
    told = Told("resp_1", "m", 1_700_000_000, asked=ask)
    source, _ = theirs.write_answer(answering(ask), told)
    answer, losses = FORM.write_answer(theirs.read_answer(source), told)
    assert losses == ()
    said = msgspec.json.decode(answer)
    check_resource(said)
    assert said["status"] == "completed"
    kind = "function_call" if case in ("tool-calling", "forced-function") else "message"
    assert [item["type"] for item in said["output"]] == [kind]
    assert said["store"] is False


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize("case", ["streaming-response", "tool-calling"])
def test_every_case_is_streamed_by_a_source_of_another_dialect(case: str, dialect: Dialect) -> None:
    ask = read(case)
    theirs = FORMS[dialect]
    told = Told("resp_1", "m", 1_700_000_000, asked=ask)
    source = write_all(theirs.writer(told), spoken(answering(ask)))
    stream = write_all(FORM.writer(told), read_all(theirs.reader(), source))
    said = [msgspec.json.decode(data) for _, data in events(stream)]
    for event in said:
        EVENT.validate_python(event)
        if "response" in event:
            check_resource(event["response"])
    assert [event["sequence_number"] for event in said] == list(range(len(said)))
    assert said[-1]["type"] == "response.completed"
    assert said[-1]["response"]["status"] == "completed"
    if case == "tool-calling":
        kinds = [(event["type"], event.get("item", {}).get("type")) for event in said]
        assert ("response.output_item.added", "function_call") in kinds
        assert ("response.function_call_arguments.delta", None) in kinds
        assert ("response.function_call_arguments.done", None) in kinds
        assert ("response.output_item.done", "function_call") in kinds


def test_the_images_and_files_of_a_case_are_kept() -> None:
    assert read("image-input").turns[0].parts[1] == Media("image", "image/png", data=PICTURE)
    assert read("file-input").turns[0].parts[1] == Media(
        "file", "application/pdf", data="JVBERi0xLjEK", name="fixture.pdf"
    )


def test_the_result_of_a_call_is_joined_to_it() -> None:
    assert read("function-call-roundtrip").turns[1:] == (
        Turn("assistant", (ToolCall("call_1", "get_weather", '{"location":"Paris"}'),)),
        Turn("user", (ToolResult("call_1", "get_weather", (Text("64 degrees and clear"),)),)),
    )


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"previous_response_id": "resp_1", "input": "Which word?"}, "previous_response_id"),
        (
            {
                "input": "Search.",
                "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}],
                "tool_choice": {"type": "file_search"},
            },
            "tools[0].type",
        ),
        (
            {
                "input": "Find it.",
                "tools": [{"type": "web_search", "external_web_access": False}],
                "tool_choice": {"type": "web_search"},
            },
            "tools[0].type",
        ),
    ],
)
def test_a_case_that_needs_a_providers_storage_or_tools_is_refused(
    members: dict[str, Any], path: str
) -> None:
    with pytest.raises(Fault) as caught:
        FORM.read_ask(msgspec.json.encode({"model": "m", **members}), None, None)
    assert caught.value.path == path
    assert "Send" in caught.value.message
