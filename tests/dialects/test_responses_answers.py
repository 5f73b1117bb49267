"""Whole answers of the Responses API, and its errors."""

from typing import Any

import msgspec
import pytest
from openai.types.responses import Response

from tollway.dialects.forms import Told
from tollway.dialects.meaning import (
    Answer,
    Ask,
    Choice,
    Media,
    Reasoning,
    Refusal,
    Signature,
    Stop,
    Text,
    Tool,
    ToolCall,
)
from tollway.dialects.responses.form import FORM
from tollway.fleet.usage import Usage

TOLD = Told("resp_1", "ours", 1_700_000_000)


def response(**members: Any) -> bytes:
    said = {"id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": []}
    return msgspec.json.encode({**said, **members})


def written(answer: Answer, told: Told = TOLD) -> dict[str, Any]:
    body = FORM.write_answer(answer, told)[0]
    Response.model_validate_json(body)
    return msgspec.json.decode(body)


def of(*parts: Any, stop: Stop | None = "stop") -> Answer:
    return Answer("x", "m", (Choice(parts, stop),))


def test_an_answer_with_all_there_is() -> None:
    body = response(
        output=[
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "s"}],
             "encrypted_content": "enc"},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": "hi", "annotations": [{"type": "x"}]}]},
            {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "f",
             "arguments": "{}", "status": "completed"},
            {"type": "custom_tool_call", "call_id": "b", "name": "p", "input": "text"},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        ],
        usage={
            "input_tokens": 10,
            "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 3},
            "total_tokens": 17,
        },
        service_tier="flex",
    )  # fmt: skip
    assert FORM.read_answer(body) == Answer(
        "resp_1",
        "m",
        (
            Choice(
                (
                    Reasoning("s", True, True, Signature("responses", "enc"), "rs_1"),
                    Text("hi"),
                    ToolCall("a", "f", "{}"),
                    ToolCall("b", "p", "text", custom=True),
                ),
                "tool_calls",
            ),
        ),
        Usage(10, 4, 2, 7, 3),
        "flex",
        ("output[1].content[0].annotations", "output[4]: web_search_call"),
    )


@pytest.mark.parametrize(
    ("members", "stop"),
    [
        ({}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "filter"),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, None),
        ({"status": "incomplete", "incomplete_details": None}, None),
    ],
)
def test_why_it_ended(members: dict[str, Any], stop: Stop | None) -> None:
    assert FORM.read_answer(response(**members)).choices[0].stop == stop


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"id"',
        response(status="failed", error={"code": "server_error", "message": "it broke"}),
        response(status="in_progress"),
        response(output=[{"type": "message", "content": [{"type": "output_text"}]}]),
        response(output=[{"type": "function_call", "name": "f"}]),
        response(usage={"input_tokens": "many"}),
        response(output={}),
    ],
)
def test_what_is_no_answer_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        FORM.read_answer(body)


def test_a_failed_response_says_why() -> None:
    body = response(status="failed", error={"code": "server_error", "message": "it broke"})
    with pytest.raises(ValueError, match="it broke"):
        FORM.read_answer(body)


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        ("stop", "completed", None),
        (None, "completed", None),
        ("tool_calls", "completed", None),
        ("stop_sequence", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("filter", "incomplete", "content_filter"),
        ("refusal", "incomplete", "content_filter"),
        ("pause", "incomplete", None),
    ],
)
def test_how_an_end_is_said(stop: Stop | None, status: str, reason: str | None) -> None:
    said = written(of(Text("hi"), stop=stop))
    assert said["status"] == status
    details = said["incomplete_details"]
    assert (details or {}).get("reason") == reason


def test_words_of_refusal_are_a_whole_answer() -> None:
    said = written(of(Refusal("No."), stop="refusal"))
    assert said["status"] == "completed"
    assert said["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]


def test_another_engines_signature_is_the_encrypted_content() -> None:
    said = written(
        of(
            Reasoning("t", signature=Signature("anthropic", "SIG")),
            ToolCall("a", "f", "{}", signature=Signature("gemini", "G")),
        )
    )
    kinds = [(item["type"], item.get("encrypted_content")) for item in said["output"]]
    assert kinds == [
        ("reasoning", "tollway.anthropic.SIG"),
        ("reasoning", "tollway.gemini.G"),
        ("function_call", None),
    ]
    assert said["output"][0]["content"] == [{"type": "reasoning_text", "text": "t"}]


def test_what_was_asked_is_repeated_and_nothing_is_stored() -> None:
    ask = Ask(
        "ours",
        (),
        (Text("Be kind."),),
        tools=(Tool("f", "does f", '{"type":"object"}'),),
        temperature=0.5,
        max_output=9,
        metadata=(("k", "v"),),
    )
    said = written(of(Text("hi")), msgspec.structs.replace(TOLD, asked=ask))
    assert said["store"] is False
    assert said["instructions"] == "Be kind."
    assert said["tools"][0]["name"] == "f"
    assert (said["temperature"], said["max_output_tokens"]) == (0.5, 9)
    assert said["metadata"] == {"k": "v"}
    assert said["model"] == "ours"


def test_what_an_answer_loses_is_listed() -> None:
    answer = Answer(
        "x",
        "m",
        (
            Choice((Text("a"), Media("image", "image/png", data="AA")), "stop_sequence", "END"),
            Choice((Text("b"),), "stop"),
        ),
    )
    losses = FORM.write_answer(answer, TOLD)[1]
    assert [loss.path for loss in losses] == ["choices[1]", "stop_sequence", "parts[1]"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (429, "rate_limit_error"),
        (502, "server_error"),
    ],
)
def test_an_error_is_worded_as_openai_does(status: int, kind: str) -> None:
    said = msgspec.json.decode(FORM.write_error(status, "the_code", "what", "input[0]"))
    assert said == {
        "error": {"message": "what", "type": kind, "param": "input[0]", "code": "the_code"}
    }
