"""Streams of the Responses API, as OpenAI sends them and as its SDK gathers them."""

from typing import Any

import msgspec
import pytest
from event_streams import events, gathered, read_all, spoken, write_all
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseIncompleteEvent,
    ResponseStreamEvent,
)
from pydantic import TypeAdapter

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
from tollway.dialects.meaning import Answer, Choice, Reasoning, Refusal, Signature, Text, ToolCall
from tollway.dialects.responses.form import FORM
from tollway.fleet.usage import Usage

TOLD = Told("resp_1", "ours", 1_700_000_000)
EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
ANSWER = Answer(
    "resp_1",
    "ours",
    (
        Choice(
            (
                Reasoning("hmm", True, signature=Signature("anthropic", "SIG")),
                Reasoning("in full"),
                Text("Let me see."),
                ToolCall("a", "f", '{"x": 1}', signature=Signature("gemini", "G")),
                ToolCall("b", "p", "free text", custom=True),
            ),
            "tool_calls",
        ),
    ),
    Usage(10, 4, 2, 7, 3),
)


def read(*said: dict[str, Any], named: bool = True) -> list[Delta]:
    reader = FORM.reader()
    deltas: list[Delta] = []
    for event in said:
        name = event["type"].encode() if named else b""
        deltas.extend(reader.read(name, msgspec.json.encode(event)))
    return deltas


def accumulated(stream: bytes) -> Response:
    """What OpenAI's own SDK makes of a stream."""
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    final = None
    for _, data in events(stream):
        for event in state.handle_event(EVENT.validate_json(data)):
            if isinstance(event, ResponseCompletedEvent | ResponseIncompleteEvent):
                final = event.response
    assert final is not None
    return final


def test_the_sdk_gathers_the_whole_answer() -> None:
    stream = write_all(FORM.writer(TOLD), spoken(ANSWER))
    final = accumulated(stream)
    assert final.output_text == "Let me see."
    assert [item.type for item in final.output] == [
        "reasoning",
        "reasoning",
        "message",
        "reasoning",
        "function_call",
        "custom_tool_call",
    ]
    assert final.usage is not None
    assert final.usage.total_tokens == 17


def test_the_end_repeats_what_the_unstreamed_answer_says() -> None:
    stream = write_all(FORM.writer(TOLD), spoken(ANSWER))
    end = msgspec.json.decode(events(stream)[-1][1])["response"]
    assert end == msgspec.json.decode(FORM.write_answer(ANSWER, TOLD)[0])


def test_every_event_stands_in_its_order() -> None:
    answer = Answer("x", "m", (Choice((Text("hello"),), "stop"),))
    stream = write_all(FORM.writer(TOLD), spoken(answer))
    assert [name.decode() for name, _ in events(stream)] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


def test_parallel_calls_may_interleave() -> None:
    deltas: list[Delta] = [
        Began("x", "m"),
        Opened(0, 0, "tool_call", "a", "f"),
        Piece(0, 0, '{"x"'),
        Opened(0, 1, "tool_call", "b", "g"),
        Piece(0, 1, "{"),
        Piece(0, 0, ":1}"),
        Piece(0, 1, "}"),
        Closed(0, 0),
        Closed(0, 1),
        Stopped(0, "tool_calls"),
        Done(),
    ]
    final = accumulated(write_all(FORM.writer(TOLD), deltas))
    said = [(it.name, it.arguments) for it in final.output if it.type == "function_call"]
    assert said == [("f", '{"x":1}'), ("g", "{}")]


def test_an_answer_cut_short_is_incomplete() -> None:
    answer = Answer("x", "m", (Choice((Text("hel"),), "length"),))
    stream = write_all(FORM.writer(TOLD), spoken(answer))
    name, data = events(stream)[-1]
    assert name == b"response.incomplete"
    said = msgspec.json.decode(data)["response"]
    assert said["incomplete_details"] == {"reason": "max_output_tokens"}


def test_a_part_that_was_left_open_is_closed_at_the_end() -> None:
    deltas = [Began("x", "m"), Opened(0, 0, "text"), Piece(0, 0, "hi"), Stopped(0, "stop"), Done()]
    assert accumulated(write_all(FORM.writer(TOLD), deltas)).output_text == "hi"


def test_a_stream_that_breaks_ends_in_an_error_and_a_failed_response() -> None:
    writer = FORM.writer(TOLD)
    writer.write([Began("x", "m"), Opened(0, 0, "text"), Piece(0, 0, "hi"), Closed(0, 0)])
    (first, data), (second, whole) = events(writer.broken(502, "upstream_error", "it broke"))
    assert (first, second) == (b"error", b"response.failed")
    error = EVENT.validate_json(data)
    assert error.type == "error"
    assert (error.code, error.message) == ("upstream_error", "it broke")
    failed = EVENT.validate_json(whole)
    assert failed.type == "response.failed"
    assert failed.response.error is not None
    assert failed.response.error.code == "server_error"
    assert failed.response.output[0].type == "message"
    assert failed.sequence_number == error.sequence_number + 1


def test_a_sources_own_stream_that_breaks_ends_in_an_error_alone() -> None:
    writer = FORM.writer(TOLD)
    stream = writer.broken(429, "rate_limit_exceeded", "slow down")
    assert [name for name, _ in events(stream)] == [b"error"]
    assert read_all(FORM.reader(), stream) == [Broken("slow down", 429)]


def test_a_failed_response_alone_is_broken() -> None:
    error = {"code": "server_error", "message": "it broke"}
    assert read({"type": "response.failed", "response": {"error": error}}) == [
        Broken("it broke", 500)
    ]


def test_summaries_and_their_encryption() -> None:
    deltas = read(
        {"type": "response.created", "response": {"id": "r", "model": "m"}},
        {"type": "response.output_item.added", "item": {"type": "reasoning", "id": "rs_1"}},
        {"type": "response.reasoning_summary_part.added", "summary_index": 0},
        {"type": "response.reasoning_summary_text.delta", "summary_index": 0, "delta": "a"},
        {"type": "response.reasoning_summary_text.done", "summary_index": 0, "text": "a"},
        {"type": "response.reasoning_summary_part.done", "summary_index": 0},
        {"type": "response.reasoning_summary_part.added", "summary_index": 1},
        {"type": "response.reasoning_summary_text.delta", "summary_index": 1, "delta": "b"},
        {
            "type": "response.output_item.done",
            "item": {"type": "reasoning", "id": "rs_1", "encrypted_content": "enc"},
        },
        {"type": "response.completed", "response": {"status": "completed"}},
    )
    made = Signature("responses", "enc")
    assert gathered(deltas).choices[0].parts == (
        Reasoning("a", True, id="rs_1"),
        Reasoning("b", True, True, made, "rs_1"),
    )


def test_an_encryption_alone_is_a_sealed_thought() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": []}
    deltas = read(
        {"type": "response.output_item.added", "item": item},
        {"type": "response.output_item.done", "item": {**item, "encrypted_content": "enc"}},
    )
    assert deltas == [
        Opened(0, 0, "reasoning", "rs_1"),
        Signed(0, 0, Signature("responses", "enc"), sealed=True),
        Closed(0, 0),
    ]


def test_a_thought_stays_open_whatever_its_part_is_called_at_the_end() -> None:
    deltas = read(
        {"type": "response.content_part.added", "part": {"type": "reasoning_text"}},
        {"type": "response.reasoning_text.delta", "delta": "hm"},
        {"type": "response.content_part.done", "part": {}},
        {
            "type": "response.output_item.done",
            "item": {"type": "reasoning", "encrypted_content": "tollway.gemini.SIG"},
        },
    )
    assert deltas == [
        Opened(0, 0, "reasoning"),
        Piece(0, 0, "hm"),
        Signed(0, 0, Signature("gemini", "SIG")),
        Closed(0, 0),
    ]


def test_open_responses_own_name_for_thoughts_is_read() -> None:
    deltas = read({"type": "response.reasoning.delta", "delta": "hm"})
    assert deltas == [Opened(0, 0, "reasoning"), Piece(0, 0, "hm")]


def test_events_that_only_say_all_at_the_end_are_enough() -> None:
    call = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
    deltas = read(
        {"type": "response.output_text.done", "output_index": 0, "text": "hi"},
        {"type": "response.output_item.done", "output_index": 0, "item": {"type": "message"}},
        {"type": "response.output_item.done", "output_index": 1, "item": call},
        {"type": "response.completed", "response": {}},
    )
    assert deltas == [
        Opened(0, 0, "text"),
        Piece(0, 0, "hi"),
        Closed(0, 0),
        Opened(0, 1, "tool_call", "a", "f"),
        Piece(0, 1, "{}"),
        Closed(0, 1),
        Stopped(0, "tool_calls"),
        Done(),
    ]


def test_a_refusal_is_read_as_one() -> None:
    deltas = read(
        {"type": "response.content_part.added", "part": {"type": "refusal", "refusal": ""}},
        {"type": "response.refusal.delta", "delta": "No."},
        {"type": "response.refusal.done", "refusal": "No."},
        {"type": "response.content_part.done", "part": {"type": "refusal"}},
        {"type": "response.completed", "response": {"usage": {"input_tokens": 3}}},
    )
    assert deltas == [
        Opened(0, 0, "refusal"),
        Piece(0, 0, "No."),
        Closed(0, 0),
        Stopped(0, "refusal"),
        Used(Usage(3)),
        Done(),
    ]


def test_unknown_events_say_nothing() -> None:
    unknown = {"type": "response.tomorrow.delta", "delta": {"a": 1}, "item": 7}
    assert read(unknown) == []
    assert read(unknown, named=False) == []
    assert FORM.reader().read(b"", b'{"no":"type"}') == ()
    assert FORM.reader().read(b"keepalive", b"not even JSON") == ()


def test_unknown_members_say_nothing() -> None:
    event = {"type": "response.output_text.delta", "delta": "a", "obfuscation": "xx", "new": [1]}
    assert read(event) == [Opened(0, 0, "text"), Piece(0, 0, "a")]


def test_what_has_no_place_is_said_once() -> None:
    delta = {"type": "response.output_text.delta", "delta": "a", "logprobs": [{"token": "a"}]}
    deltas = read(
        delta,
        delta,
        {"type": "response.output_text.annotation.added", "annotation": {}},
        {"type": "response.output_item.added", "output_index": 1, "item": {"type": "mcp_call"}},
    )
    assert [it.path for it in deltas if isinstance(it, Unread)] == [
        "logprobs",
        "output[0].content[0].annotations",
        "output[1]: mcp_call",
    ]


@pytest.mark.parametrize(
    "payload",
    [b"{", b"", b"7", b'{"type":"response.output_text.delta","delta":7}'],
)
def test_what_is_not_of_the_dialect_is_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        FORM.reader().read(b"response.output_text.delta", payload)


def test_a_source_that_just_closes_has_ended() -> None:
    reader = FORM.reader()
    reader.read(b"response.output_text.delta", b'{"type":"response.output_text.delta","delta":"a"}')
    assert reader.finish() == [Closed(0, 0), Stopped(0, None), Done()]
    assert reader.finish() == ()


def test_a_refusal_part_is_written_as_one() -> None:
    answer = Answer("x", "m", (Choice((Refusal("No."),), "refusal"),))
    final = accumulated(write_all(FORM.writer(TOLD), spoken(answer)))
    assert final.status == "completed"
    assert final.output[0].type == "message"
