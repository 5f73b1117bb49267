"""Answers in Anthropic's Messages, read from sources and written for clients."""

import json
from typing import Any

import pytest
from event_streams import events, gathered, read_all, spoken, write_all

from tollway.dialects.anthropic.form import FORM
from tollway.dialects.deltas import (
    Broken,
    Closed,
    Delta,
    Done,
    Opened,
    Piece,
    Signed,
    Stopped,
    Used,
)
from tollway.dialects.forms import Told
from tollway.dialects.meaning import (
    Answer,
    Choice,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
)
from tollway.fleet.usage import Usage

TOLD = Told("id", "m", 0)
BEGUN = {
    "type": "message_start",
    "message": {"id": "x", "model": "theirs", "usage": {"input_tokens": 5, "output_tokens": 1}},
}
ENDED = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn"},
    "usage": {"output_tokens": 9},
}
OVER = {"type": "message_stop"}


def stream(*said: dict[str, Any]) -> list[Delta]:
    """What a stream says."""
    return read_all(FORM.reader(), "".join(f"data: {json.dumps(it)}\n\n" for it in said).encode())


def block(index: int, kind: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": kind},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def whole(*blocks: dict[str, Any], **more: Any) -> Answer:
    body = {"id": "x", "type": "message", "model": "theirs", "content": list(blocks)} | more
    return FORM.read_answer(json.dumps(body).encode())


def blocks(*deltas: Delta) -> list[dict[str, Any]]:
    """The blocks that a client's stream ends up with."""
    found: dict[int, dict[str, Any]] = {}
    order: list[tuple[str, int]] = []
    for name, data in events(FORM.writer(TOLD).write(deltas)):
        event = json.loads(data)
        if name == b"content_block_start":
            found[event["index"]] = event["content_block"] | {"said": ""}
        elif name == b"content_block_delta":
            delta = event["delta"]
            words = delta.get("text") or delta.get("partial_json") or delta.get("thinking") or ""
            found[event["index"]]["said"] += words
        if name.startswith(b"content_block"):
            order.append((name.decode(), event["index"]))
    indexes = [index for _, index in order]
    assert indexes == sorted(indexes), "blocks come one after another"
    return list(found.values())


def test_counts_of_a_stream_are_totals_so_far() -> None:
    words = block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "a"})
    said = stream(BEGUN, *words, ENDED, OVER)
    assert [d.usage for d in said if isinstance(d, Used)] == [
        Usage(input=5, output=1),
        Usage(input=5, output=9),
    ]
    assert gathered(said) == Answer(
        "x", "theirs", (Choice((Text("a"),), "stop"),), Usage(input=5, output=9)
    )


def test_input_includes_what_the_cache_read_and_wrote() -> None:
    usage = {
        "input_tokens": 1,
        "cache_read_input_tokens": 10,
        "cache_creation_input_tokens": 100,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 3},
        "service_tier": "standard",
    }
    answer = whole({"type": "text", "text": "a"}, usage=usage)
    assert answer.usage == Usage(111, 10, 100, 7, 3)
    assert answer.tier == "default"
    written = json.loads(FORM.write_answer(answer, TOLD)[0])["usage"]
    assert written == usage


def test_arguments_may_come_in_pieces_or_whole_or_not_at_all() -> None:
    def tool(number: int, **more: Any) -> dict[str, Any]:
        return {"type": "tool_use", "id": f"t{number}", "name": "f", "input": {}} | more

    def piece(text: str) -> dict[str, Any]:
        return {"type": "input_json_delta", "partial_json": text}

    said = stream(
        BEGUN,
        *block(0, tool(0), piece(""), piece('{"a"'), piece(":1}")),
        *block(1, tool(1, input={"b": 2})),
        *block(2, tool(2)),
        ENDED,
        OVER,
    )
    parts = gathered(said).choices[0].parts
    arguments = [part.arguments for part in parts if isinstance(part, ToolCall)]
    assert arguments == ['{"a":1}', '{"b":2}', "{}"]


def test_sealed_and_signed_thoughts_are_read() -> None:
    said = stream(
        BEGUN,
        *block(0, {"type": "thinking", "thinking": "", "signature": ""},
               {"type": "thinking_delta", "thinking": "hm"},
               {"type": "signature_delta", "signature": "abc"}),
        *block(1, {"type": "redacted_thinking", "data": "xyz"}),
        ENDED, OVER,
    )  # fmt: skip
    assert gathered(said).choices[0].parts == (
        Reasoning("hm", signature=Signature("anthropic", "abc")),
        Reasoning(sealed=True, signature=Signature("anthropic", "xyz")),
    )


def test_blocks_without_a_meaning_here_are_unread_and_harm_nothing() -> None:
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    said = stream(BEGUN, *block(0, search, {"type": "input_json_delta", "partial_json": "{}"}),
                  *block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "a"},
                         {"type": "citations_delta", "citation": {}}),
                  {"type": "ping"}, {"type": "brand_new"}, ENDED, OVER)  # fmt: skip
    answer = gathered(said)
    assert answer.choices[0].parts == (Text("a"),)
    assert answer.unread == ("content[0]", "content[1].citations")
    assert whole(search, {"type": "text", "text": "a"}).unread == ("content[0]",)


@pytest.mark.parametrize(
    ("kind", "status"), [("overloaded_error", 529), ("rate_limit_error", 429), ("new_error", None)]
)
def test_an_error_breaks_the_stream_with_its_status(kind: str, status: int | None) -> None:
    event = {"type": "error", "error": {"type": kind, "message": "no"}}
    assert list(FORM.reader().read(b"error", json.dumps(event).encode())) == [Broken("no", status)]


def test_a_stream_that_just_closes_is_ended() -> None:
    said = stream(BEGUN, block(0, {"type": "text", "text": "a"})[0])
    assert said[-3:] == [Closed(0, 0), Stopped(0, None), Done()]


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("refusal", "refusal"),
        ("brand_new", None),
    ],
)
def test_why_it_stopped_is_read(reason: str, stop: str | None) -> None:
    assert whole(stop_reason=reason).choices[0].stop == stop


# --- writing -------------------------------------------------------------------------------------


def test_calls_that_interleave_are_said_one_after_another() -> None:
    said = blocks(
        Opened(0, 0, "tool_call", "c0", "f"),
        Piece(0, 0, '{"a":'),
        Opened(0, 1, "tool_call", "c1", "g"),
        Piece(0, 1, "{}"),
        Piece(0, 0, "1}"),
        Closed(0, 1),
        Closed(0, 0),
        Stopped(0, "tool_calls"),
        Done(),
    )
    assert [(it["name"], it["said"]) for it in said] == [("f", '{"a":1}'), ("g", "{}")]


def test_a_signature_of_a_call_goes_ahead_of_it() -> None:
    signature = Signature("gemini", "abc")
    said = blocks(Opened(0, 0, "tool_call", "c", "f"), Signed(0, 0, signature), Closed(0, 0))
    assert [it["type"] for it in said] == ["redacted_thinking", "tool_use"]
    assert said[0]["data"] == "tollway.gemini.abc"


def test_a_signature_that_comes_late_is_said_behind_its_block() -> None:
    signature = Signature("gemini", "abc")
    said = blocks(
        Opened(0, 0, "text"), Piece(0, 0, "a"), Signed(0, 0, signature), Closed(0, 0),
        Opened(0, 1, "text"), Piece(0, 1, "b"), Closed(0, 1),
    )  # fmt: skip
    assert [it["type"] for it in said] == ["text", "redacted_thinking", "text"]


def test_an_empty_part_is_not_said() -> None:
    assert blocks(Opened(0, 0, "text"), Closed(0, 0), Opened(0, 1, "reasoning"), Closed(0, 1)) == []


def test_a_refusal_is_text_and_the_reason_why_it_stopped() -> None:
    answer = Answer("x", "m", (Choice((Refusal("no"),), "stop"),))
    body = json.loads(FORM.write_answer(answer, TOLD)[0])
    assert (body["content"], body["stop_reason"]) == ([{"type": "text", "text": "no"}], "refusal")
    stream = write_all(FORM.writer(TOLD), spoken(answer))
    assert b'"stop_reason":"refusal"' in stream


def test_what_the_source_counted_first_stands_at_the_beginning() -> None:
    written = FORM.writer(TOLD).write(
        [Used(Usage(input=7)), Opened(0, 0, "text"), Piece(0, 0, "a")]
    )
    start = json.loads(events(written)[0][1])
    assert start["message"]["usage"]["input_tokens"] == 7


def test_a_call_without_an_id_is_given_one_in_the_letters_that_are_taken() -> None:
    answer = Answer("x", "m", (Choice((ToolCall("", "f", "{}"),), "tool_calls"),))
    told = Told("chat.1", "m", 0)
    body = json.loads(FORM.write_answer(answer, told)[0])
    assert body["content"][0]["id"] == "toolu_chat_1_0"
    written = FORM.writer(told).write([Opened(0, 0, "tool_call", "", "f"), Closed(0, 0)])
    assert b'"id":"toolu_chat_1_0"' in written


def test_other_choices_are_not_mixed_in() -> None:
    said = blocks(
        Opened(0, 0, "text"), Opened(1, 0, "text"), Piece(1, 0, "b"), Piece(0, 0, "a"),
        Closed(0, 0), Closed(1, 0),
    )  # fmt: skip
    assert [it["said"] for it in said] == ["a"]
