"""Answers in Chat Completions, as the many servers that speak it say them."""

import json
from typing import Any

import pytest
from event_streams import gathered, read_all

from tollway.dialects.deltas import Began, Broken, Delta, Done, Opened, Piece, Stopped, Unread, Used
from tollway.dialects.forms import Told
from tollway.dialects.meaning import (
    Answer,
    Choice,
    Reasoning,
    Signature,
    Text,
    ToolCall,
)
from tollway.dialects.openai.form import FORM
from tollway.fleet.usage import Usage

TOLD = Told("id", "m", 0)


def chunk(delta: dict[str, Any], index: int = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": None} | more
    return {"id": "x", "model": "theirs", "choices": [choice]}


def stream(*said: Any) -> list[Delta]:
    """What a stream says."""
    payloads = [it if isinstance(it, str) else json.dumps(it) for it in said]
    return read_all(FORM.reader(), "".join(f"data: {it}\n\n" for it in payloads).encode())


def call(index: int | None, arguments: str = "", **more: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": more.pop("name")} if "name" in more else {})
    return chunk({"tool_calls": [{"index": index, "function": function, **more}]})


def whole(message: dict[str, Any], **more: Any) -> Answer:
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "x", "model": "theirs", "choices": [choice]} | more
    return FORM.read_answer(json.dumps(body).encode())


END = chunk({}, finish_reason="stop")


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_thoughts_and_words_are_parts_of_their_own(key: str) -> None:
    deltas = ({"role": "assistant", key: "h"}, {key: "m"}, {"content": "a"}, {"content": "b"})
    said = stream(*map(chunk, deltas), END, "[DONE]")
    assert gathered(said).choices == (Choice((Reasoning("hm"), Text("ab")), "stop"),)


def test_openrouters_thoughts_said_twice_are_read_once() -> None:
    def twice(text: str) -> dict[str, Any]:
        entry = {"type": "reasoning.text", "text": text, "format": "f", "index": 0}
        return chunk({"reasoning": text, "reasoning_details": [entry]})

    signed = {"type": "reasoning.text", "signature": "abc", "format": "f", "index": 0}
    said = stream(twice("h"), twice("m"), chunk({"reasoning_details": [signed]}), END)
    thought = Reasoning("hm", signature=Signature("openai", "f abc"))
    assert gathered(said).choices == (Choice((thought,), "stop"),)


def test_calls_that_interleave_keep_their_own_arguments() -> None:
    said = stream(
        call(0, id="c0", name="f"),
        call(1, id="c1", name="g"),
        call(0, '{"a":'),
        call(1, "{}"),
        call(0, "1}"),
        chunk({}, finish_reason="tool_calls"),
    )
    calls = (ToolCall("c0", "f", '{"a":1}'), ToolCall("c1", "g", "{}"))
    assert gathered(said).choices == (Choice(calls, "tool_calls"),)


def test_calls_that_all_have_the_number_zero_are_told_apart_by_their_ids() -> None:
    said = stream(call(0, "{}", id="c0", name="f"), call(0, "[]", id="c1", name="g"), END)
    calls = (ToolCall("c0", "f", "{}"), ToolCall("c1", "g", "[]"))
    assert gathered(said).choices == (Choice(calls, "stop"),)


def test_a_call_without_a_number_goes_on_with_the_last_one() -> None:
    said = stream(call(None, "{", id="c0", name="f"), call(None, "}"), END)
    assert gathered(said).choices == (Choice((ToolCall("c0", "f", "{}"),), "stop"),)


def test_a_call_opens_when_its_name_is_known() -> None:
    said = stream(call(0, "{", id="c0"), call(0, "}", name="f"), END)
    assert gathered(said).choices == (Choice((ToolCall("c0", "f", "{}"),), "stop"),)


def test_arguments_may_be_an_object_as_ollama_has_them() -> None:
    message = {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}]}
    assert whole(message).choices[0].parts == (ToolCall("c", "f", '{"a":1}'),)


def test_geminis_signature_of_a_call_is_kept() -> None:
    extra = {"google": {"thought_signature": "abc"}}
    said = stream(call(0, "{}", id="c0", name="f", extra_content=extra), END)
    (part,) = gathered(said).choices[0].parts
    assert part == ToolCall("c0", "f", "{}", signature=Signature("openai", "abc"))


def test_choices_keep_their_own_parts() -> None:
    said = stream(chunk({"content": "a"}), chunk({"content": "b"}, 1), chunk({"content": "c"}),
                  END, chunk({}, 1, finish_reason="length"), "[DONE]")  # fmt: skip
    assert gathered(said).choices == (
        Choice((Text("ac"),), "stop"),
        Choice((Text("b"),), "length"),
    )


def test_azures_first_event_says_nothing() -> None:
    first = {"id": "", "model": "", "choices": [], "prompt_filter_results": []}
    said = stream(first, chunk({"content": "a"}), END)
    assert said[0] == Began("x", "theirs")


def test_usage_may_come_with_every_event() -> None:
    said = stream(*(chunk({"content": "a"}) | {"usage": usage(at)} for at in (1, 2)), END)
    assert [d.usage.output for d in said if isinstance(d, Used)] == [1, 2]
    assert gathered(said).usage == Usage(input=3, output=2)


def usage(output: int) -> dict[str, int]:
    return {"prompt_tokens": 3, "completion_tokens": output}


def test_a_stream_without_an_end_marker_is_ended_once() -> None:
    reader = FORM.reader()
    said = list(reader.read(b"", json.dumps(chunk({"content": "a"})).encode()))
    said += reader.finish()
    assert said[-2:] == [Stopped(0, None), Done()]
    assert list(reader.finish()) == []


def test_an_end_marker_after_a_stop_says_only_that() -> None:
    reader = FORM.reader()
    reader.read(b"", json.dumps(END).encode())
    assert list(reader.read(b"", b"[DONE]")) == [Done()]


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"error": {"message": "no", "code": 429}}, 429),
        ({"object": "error", "message": "no", "code": 400}, 400),
        ({"type": "error", "message": "no"}, None),
        ({"error": {"message": "no", "type": "rate_limit_error"}}, 429),
    ],
)
def test_an_error_in_a_stream_breaks_it(event: dict[str, Any], status: int | None) -> None:
    assert list(FORM.reader().read(b"", json.dumps(event).encode())) == [Broken("no", status)]


def test_what_has_no_meaning_is_said_once() -> None:
    odd = {"content": "a", "annotations": [{"type": "url_citation"}]}
    said = stream(chunk(odd, logprobs={"content": []}), chunk(odd, logprobs={"content": []}), END)
    assert [delta.path for delta in said if isinstance(delta, Unread)] == [
        "choices[0].message.annotations",
        "choices[0].logprobs",
    ]
    answer = whole({"content": "a", "annotations": [{"type": "url_citation"}]})
    assert answer.unread == ("choices[0].message.annotations",)


@pytest.mark.parametrize(
    ("ended", "stop", "sequence"),
    [
        ({"finish_reason": "stop", "stop_reason": "END"}, "stop_sequence", "END"),
        ({"finish_reason": "stop", "matched_stop": "END"}, "stop_sequence", "END"),
        ({"finish_reason": "stop", "stop_reason": 151645}, "stop", None),
        ({"finish_reason": "content_filter"}, "filter", None),
        ({"finish_reason": "brand_new"}, None, None),
    ],
)
def test_why_it_stopped_is_read_as_each_server_says_it(
    ended: dict[str, Any], stop: str | None, sequence: str | None
) -> None:
    said = stream(chunk({"content": "a"}, **ended))
    assert Stopped(0, stop, sequence) in said  # pyright: ignore[reportArgumentType]


def test_a_content_of_parts_is_read_as_mistral_has_it() -> None:
    said = stream(chunk({"content": [{"type": "text", "text": "a"}]}), END)
    assert gathered(said).choices == (Choice((Text("a"),), "stop"),)


def test_a_whole_answer_that_is_an_error_is_none() -> None:
    with pytest.raises(ValueError, match="overloaded"):
        FORM.read_answer(b'{"error":{"message":"overloaded"}}')
    with pytest.raises(ValueError, match="choices"):
        FORM.read_answer(b'{"id":"x"}')


def test_a_call_without_an_id_is_given_one() -> None:
    answer = Answer("x", "m", (Choice((ToolCall("", "f", "{}"),), "tool_calls"),))
    body = json.loads(FORM.write_answer(answer, TOLD)[0])
    assert body["choices"][0]["message"]["tool_calls"][0]["id"] == "call_id_0_0"
    opened = FORM.writer(TOLD).write([Opened(0, 0, "tool_call", "", "f")])
    assert b'"id":"call_id_0_0"' in opened


def test_usage_is_told_to_those_alone_who_asked() -> None:
    deltas = [
        Opened(0, 0, "text"),
        Piece(0, 0, "a"),
        Stopped(0, "stop"),
        Used(Usage(1, 0, 0, 1, 0)),
    ]
    quiet = FORM.writer(Told("id", "m", 0, wants_usage=False)).write([*deltas, Done()])
    assert b"usage" not in quiet
    assert b'"prompt_tokens":1' in FORM.writer(TOLD).write([*deltas, Done()])
