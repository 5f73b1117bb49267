"""Streams of generateContent, as Google sends them and as its SDK reads them."""

from typing import Any

import msgspec
import pytest
from event_streams import events, read_all, spoken, write_all
from google.genai import types

from tollway.dialects.deltas import (
    Began,
    Broken,
    Closed,
    Delta,
    Done,
    Opened,
    Piece,
    Signed,
    Stopped,
    Unread,
    Used,
)
from tollway.dialects.forms import Told
from tollway.dialects.gemini.form import FORM
from tollway.dialects.meaning import Answer, Choice, Reasoning, Refusal, Signature, Text, ToolCall
from tollway.fleet.usage import Usage

TOLD = Told("id1", "ours", 1_700_000_000)
GEMINI = Signature("gemini", "U0lH")


def chunk(*parts: dict[str, Any], index: int = 0, **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": index}
    said.update({name: more.pop(name) for name in ("finishReason",) if name in more})
    return {"candidates": [said], "modelVersion": "m", "responseId": "r", **more}


def read(*chunks: dict[str, Any]) -> list[Delta]:
    """The deltas behind `Began`, to the end."""
    reader = FORM.reader()
    deltas: list[Delta] = []
    for said in chunks:
        deltas.extend(reader.read(b"", msgspec.json.encode(said)))
    assert isinstance(deltas[0], Began)
    return [*deltas[1:], *reader.finish()]


def written(*deltas: Delta) -> list[types.GenerateContentResponse]:
    stream = write_all(FORM.writer(TOLD), deltas)
    return [types.GenerateContentResponse.model_validate_json(data) for _, data in events(stream)]


def test_words_in_a_row_are_one_part() -> None:
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2}
    assert read(
        chunk({"text": "hm", "thought": True}),
        chunk({"text": " hm", "thought": True}, {"text": "He"}),
        chunk({"text": "llo"}),
        chunk({"text": ""}, finishReason="STOP", usageMetadata=usage),
    ) == [
        Opened(0, 0, "reasoning", summary=True),
        Piece(0, 0, "hm"),
        Piece(0, 0, " hm"),
        Closed(0, 0),
        Opened(0, 1, "text"),
        Piece(0, 1, "He"),
        Piece(0, 1, "llo"),
        Closed(0, 1),
        Stopped(0, "stop"),
        Used(Usage(3, output=2)),
        Done(),
    ]


def test_a_call_comes_whole_and_its_signature_ahead_of_its_words() -> None:
    assert read(
        chunk({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "U0lH"}),
        chunk({"functionCall": {"id": "own", "name": "g"}}, finishReason="STOP"),
    ) == [
        Opened(0, 0, "tool_call", "call_r_0_0", "f"),
        Signed(0, 0, GEMINI),
        Piece(0, 0, '{"a":1}'),
        Closed(0, 0),
        Opened(0, 1, "tool_call", "own", "g"),
        Piece(0, 1, "{}"),
        Closed(0, 1),
        Stopped(0, "tool_calls"),
        Done(),
    ]


def test_a_signed_text_is_a_part_of_its_own() -> None:
    assert read(chunk({"text": "He"}), chunk({"text": "", "thoughtSignature": "U0lH"})) == [
        Opened(0, 0, "text"),
        Piece(0, 0, "He"),
        Closed(0, 0),
        Opened(0, 1, "text"),
        Signed(0, 1, GEMINI),
        Closed(0, 1),
        Stopped(0, None),
        Done(),
    ]


def test_a_signature_ends_the_thought_that_it_is_of() -> None:
    assert read(
        chunk({"text": "hm", "thought": True}),
        chunk({"text": "", "thought": True, "thoughtSignature": "U0lH"}),
    )[:4] == [
        Opened(0, 0, "reasoning", summary=True),
        Piece(0, 0, "hm"),
        Signed(0, 0, GEMINI),
        Closed(0, 0),
    ]


def test_candidates_may_interleave() -> None:
    deltas = read(
        chunk({"text": "a"}),
        chunk({"text": "b"}, index=1),
        chunk({"text": "c"}),
        chunk({"text": "d"}, index=1, finishReason="STOP"),
        chunk(finishReason="MAX_TOKENS"),
    )
    assert [it for it in deltas if isinstance(it, Piece | Stopped)] == [
        Piece(0, 0, "a"),
        Piece(1, 0, "b"),
        Piece(0, 0, "c"),
        Piece(1, 0, "d"),
        Stopped(1, "stop"),
        Stopped(0, "length"),
    ]


def test_the_last_usage_counts_wherever_it_stands() -> None:
    assert read(
        chunk({"text": "a"}, usageMetadata={"promptTokenCount": 3}),
        chunk(finishReason="STOP"),
        {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1,
                           "toolUsePromptTokenCount": 2, "thoughtsTokenCount": 4}},
    )[-2:] == [Used(Usage(5, output=5, reasoning=4)), Done()]  # fmt: skip


def test_a_refused_prompt_is_a_filters() -> None:
    assert read({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}) == [
        Stopped(0, "filter"),
        Done(),
    ]


def test_an_error_breaks_the_stream() -> None:
    reader = FORM.reader()
    said = b'{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}'
    assert reader.read(b"", said) == (Broken("overloaded", 503),)
    assert reader.finish() == ()


def test_what_has_no_place_is_said_once() -> None:
    deltas = read(
        chunk({"executableCode": {"code": "1"}}),
        chunk({"codeExecutionResult": {"output": "1"}}, {"inlineData": {"mimeType": "image/png"}}),
        chunk(finishReason="OTHER"),
    )
    assert [it.path for it in deltas if isinstance(it, Unread)] == [
        "candidates[0].content.parts",
        "candidates[0].finishReason: OTHER",
    ]


def test_unknown_members_say_nothing() -> None:
    deltas = read({**chunk({"text": "a", "fromTomorrow": {"x": 1}}), "new": [1]}, {"new": 1})
    assert [it for it in deltas if isinstance(it, Piece)] == [Piece(0, 0, "a")]


@pytest.mark.parametrize("payload", [b"{", b"", b"7", b"[]", b'{"candidates":[{"content":7}]}'])
def test_what_is_not_of_the_dialect_is_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        FORM.reader().read(b"", payload)


def test_the_sdk_reads_each_chunk() -> None:
    answer = Answer(
        "x",
        "m",
        (
            Choice(
                (
                    Reasoning("hmm", True, signature=Signature("anthropic", "SIG")),
                    Text("Hello"),
                    ToolCall("a", "f", '{"a": 1}', signature=GEMINI),
                ),
                "tool_calls",
            ),
        ),
        Usage(10, 4, 0, 8, 3),
    )
    said = written(*spoken(answer))
    words = "".join(
        part.text or ""
        for one in said
        for part in (one.candidates or [])[0].content.parts or []  # pyright: ignore[reportOptionalMemberAccess]
        if not part.thought
    )
    assert words == "Hello"
    calls = [call for one in said for call in one.function_calls or ()]
    assert [(call.id, call.name, call.args) for call in calls] == [("a", "f", {"a": 1})]
    last = said[-1]
    assert last.candidates is not None
    assert last.candidates[0].finish_reason == types.FinishReason.STOP
    assert last.usage_metadata is not None
    assert last.usage_metadata.total_token_count == 18
    assert all(one.response_id == "id1" and one.model_version == "ours" for one in said)
    # The SDK keeps a chat's history only where every chunk has a part.
    assert all((one.candidates or [])[0].content is not None for one in said)


def test_a_call_waits_for_all_its_arguments() -> None:
    writer = FORM.writer(TOLD)
    writer.write([Began("x", "m"), Opened(0, 0, "tool_call", "a", "f")])
    assert writer.write([Piece(0, 0, '{"a"')]) == b""
    assert writer.write([Piece(0, 0, ":1}")]) == b""
    (only,) = events(writer.write([Closed(0, 0)]))
    part = msgspec.json.decode(only[1])["candidates"][0]["content"]["parts"][0]
    assert part == {"functionCall": {"id": "a", "name": "f", "args": {"a": 1}}}


def test_parallel_calls_may_interleave() -> None:
    said = written(
        Opened(0, 0, "tool_call", "a", "f"),
        Opened(0, 1, "tool_call", "b", "g"),
        Piece(0, 1, "{}"),
        Piece(0, 0, '{"x":1}'),
        Closed(0, 0),
        Closed(0, 1),
        Stopped(0, "tool_calls"),
        Done(),
    )
    calls = [call for one in said for call in one.function_calls or ()]
    assert [(call.name, call.args) for call in calls] == [("f", {"x": 1}), ("g", {})]


def test_words_of_refusal_are_words() -> None:
    answer = Answer("x", "m", (Choice((Refusal("No."),), "refusal"),))
    said = written(*spoken(answer, 1))
    assert said[0].text == "No."
    assert said[-1].candidates is not None
    assert said[-1].candidates[0].finish_reason == types.FinishReason.SAFETY


def test_several_choices_end_in_one_chunk() -> None:
    answer = Answer("x", "m", (Choice((Text("a"),), "stop"), Choice((Text("b"),), "length")))
    last = written(*spoken(answer))[-1]
    assert last.candidates is not None
    assert [it.finish_reason for it in last.candidates] == ["STOP", "MAX_TOKENS"]
    assert [it.index for it in last.candidates] == [0, 1]


def test_a_stream_that_breaks_ends_in_an_error() -> None:
    writer = FORM.writer(TOLD)
    writer.write([Began("x", "m"), Opened(0, 0, "text"), Piece(0, 0, "hi")])
    stream = writer.broken(503, "upstream_error", "it broke")
    assert read_all(FORM.reader(), stream) == [Broken("it broke", 503)]
