"""Whole answers of generateContent, and its errors."""

from typing import Any

import msgspec
import pytest
from google.genai import types

from tollway.dialects.forms import Told
from tollway.dialects.gemini.form import FORM
from tollway.dialects.meaning import (
    Answer,
    Choice,
    Media,
    Reasoning,
    Refusal,
    Signature,
    Stop,
    Text,
    ToolCall,
)
from tollway.fleet.usage import Usage

TOLD = Told("id1", "ours", 1_700_000_000)


def response(*parts: dict[str, Any], **candidate: Any) -> bytes:
    said = {"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", **candidate}
    return msgspec.json.encode({"candidates": [said], "modelVersion": "m", "responseId": "r"})


def written(answer: Answer) -> dict[str, Any]:
    body = FORM.write_answer(answer, TOLD)[0]
    types.GenerateContentResponse.model_validate_json(body)
    return msgspec.json.decode(body)


def of(*parts: Any, stop: Stop | None = "stop") -> Answer:
    return Answer("x", "m", (Choice(parts, stop),))


def test_an_answer_with_all_there_is() -> None:
    body = msgspec.json.encode(
        {
            "candidates": [
                {
                    "content": {
                        "role": "model",
                        "parts": [
                            {"text": "hm", "thought": True},
                            {"text": "Hi"},
                            {"functionCall": {"name": "f", "args": {"a": 1}},
                             "thoughtSignature": "U0lH"},
                            {"functionCall": {"id": "own", "name": "g"}},
                            {"inlineData": {"mimeType": "image/png", "data": "-_8="}},
                            {"executableCode": {"code": "1"}},
                            {"text": ""},
                        ],
                    },
                    "finishReason": "STOP",
                    "citationMetadata": {"citations": [1]},
                    "safetyRatings": [],
                },
                {"content": {"parts": [{"text": "Ho"}]}, "finishReason": "MAX_TOKENS", "index": 1},
            ],
            "usageMetadata": {
                "promptTokenCount": 10,
                "cachedContentTokenCount": 4,
                "candidatesTokenCount": 5,
                "thoughtsTokenCount": 3,
                "toolUsePromptTokenCount": 2,
                "totalTokenCount": 20,
                "trafficType": "ON_DEMAND",
            },
            "modelVersion": "gemini-3-pro",
            "responseId": "r",
        }
    )  # fmt: skip
    assert FORM.read_answer(body) == Answer(
        "r",
        "gemini-3-pro",
        (
            Choice(
                (
                    Reasoning("hm", True),
                    Text("Hi"),
                    ToolCall("call_r_0_2", "f", '{"a":1}', signature=Signature("gemini", "U0lH")),
                    ToolCall("own", "g", "{}"),
                    Media("image", "image/png", "+/8="),
                ),
                "tool_calls",
            ),
            Choice((Text("Ho"),), "length"),
        ),
        Usage(input=12, cached_input=4, output=8, reasoning=3),
        unread=("candidates[0].citationMetadata", "candidates[0].content.parts[5]"),
    )


@pytest.mark.parametrize(
    ("reason", "stop", "unread"),
    [
        ("STOP", "stop", ()),
        ("MAX_TOKENS", "length", ()),
        ("SAFETY", "filter", ()),
        ("PROHIBITED_CONTENT", "filter", ()),
        ("FINISH_REASON_UNSPECIFIED", None, ()),
        (None, None, ()),
        (
            "MALFORMED_FUNCTION_CALL",
            None,
            ("candidates[0].finishReason: MALFORMED_FUNCTION_CALL",),
        ),
        ("FROM_TOMORROW", None, ("candidates[0].finishReason: FROM_TOMORROW",)),
    ],
)
def test_why_it_ended(reason: str | None, stop: Stop | None, unread: tuple[str, ...]) -> None:
    answer = FORM.read_answer(response({"text": "a"}, finishReason=reason))
    assert answer.choices[0].stop == stop
    assert answer.unread == unread


def test_a_refused_prompt_is_a_filters() -> None:
    body = b'{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3}}'
    assert FORM.read_answer(body) == Answer("", "", (Choice((), "filter"),), Usage(3))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"candidates":7}',
        b'{"candidates":[{"content":{"parts":[{"text":7}]}}]}',
        b'{"error":{"code":400,"message":"bad"}}',
    ],
)
def test_what_is_no_answer_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        FORM.read_answer(body)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("stop", "STOP"),
        ("tool_calls", "STOP"),
        ("stop_sequence", "STOP"),
        (None, "STOP"),
        ("length", "MAX_TOKENS"),
        ("filter", "SAFETY"),
        ("refusal", "SAFETY"),
        ("pause", "OTHER"),
    ],
)
def test_how_an_end_is_said(stop: Stop | None, reason: str) -> None:
    assert written(of(Text("a"), stop=stop))["candidates"][0]["finishReason"] == reason


def test_the_sdk_reads_what_is_written() -> None:
    answer = Answer(
        "x",
        "m",
        (
            Choice(
                (
                    Reasoning("hm", True, signature=Signature("anthropic", "SIG")),
                    Reasoning("", True, True, Signature("openai", "ENC")),
                    Text("Hi"),
                    ToolCall("a", "f", '{"a":1}', signature=Signature("gemini", "U0lH")),
                ),
                "tool_calls",
            ),
        ),
        Usage(10, 4, 0, 8, 3),
    )
    said = types.GenerateContentResponse.model_validate_json(FORM.write_answer(answer, TOLD)[0])
    assert said.text == "Hi"
    assert said.function_calls is not None
    assert (said.function_calls[0].id, said.function_calls[0].args) == ("a", {"a": 1})
    assert said.usage_metadata is not None
    assert said.usage_metadata.candidates_token_count == 5
    assert said.usage_metadata.thoughts_token_count == 3
    assert said.usage_metadata.total_token_count == 18
    assert (said.model_version, said.response_id) == ("ours", "id1")
    # What the SDK keeps of an answer, a client sends back in the next turn.
    assert said.candidates is not None
    assert said.candidates[0].content is not None
    content = said.candidates[0].content.model_dump(mode="json", exclude_none=True, by_alias=True)
    again = FORM.read_ask(msgspec.json.encode({"contents": [content]}), "m", None)
    assert again.turns[0].parts == answer.choices[0].parts


def test_arguments_that_are_no_object_are_given_as_one_text() -> None:
    answer = of(ToolCall("a", "f", "not json"))
    part = written(answer)["candidates"][0]["content"]["parts"][0]
    assert part["functionCall"]["args"] == {"arguments": "not json"}
    losses = FORM.write_answer(answer, TOLD)[1]
    assert [loss.path for loss in losses] == ["choices[0].parts[0].arguments"]


def test_what_an_answer_loses_is_listed() -> None:
    answer = Answer(
        "x",
        "m",
        (
            Choice((Refusal("No."),), "refusal"),
            Choice((Media("image", url="https://host/a.png"),), "stop_sequence", "END"),
        ),
        Usage(5, cache_write=3),
        tier="flex",
    )
    assert [loss.path for loss in FORM.write_answer(answer, TOLD)[1]] == [
        "choices[0].stop",
        "choices[0].parts[0]",
        "choices[1].stop_sequence",
        "choices[1].parts[0]",
        "usage.cache_write",
        "tier",
    ]


@pytest.mark.parametrize(
    ("status", "known"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (422, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (502, "INTERNAL"),
        (503, "UNAVAILABLE"),
    ],
)
def test_an_error_is_worded_as_google_does(status: int, known: str) -> None:
    error = msgspec.json.decode(FORM.write_error(status, "the_code", "what", "contents[0]"))[
        "error"
    ]
    assert (error["code"], error["status"], error["message"]) == (status, known, "what")
    assert error["details"][0]["reason"] == "the_code"
    assert error["details"][1]["fieldViolations"][0]["field"] == "contents[0]"
