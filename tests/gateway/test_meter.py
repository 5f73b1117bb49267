"""What a streamed and a whole answer say about themselves."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.fleet.objects import Operation
from tollway.fleet.usage import Usage
from tollway.gateway.facts import RequestFacts
from tollway.gateway.meter import StreamMeter

DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"


def facts(
    wants_usage: bool = False, operation: Operation = "chat", choices: int = 1
) -> RequestFacts:
    return RequestFacts(
        operation=operation,
        model="m",
        stream=True,
        wants_usage=wants_usage,
        input_tokens=11,
        max_output=None,
        prefix=1,
        choices=choices,
    )


def sse(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: Any = None, **members: Any) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": members.pop("finish", None)}
    return sse({"id": "c", "choices": [choice], **members})


def usage_event(given_tokens: int = 5, output: int = 7, **more: Any) -> bytes:
    told = {"prompt_tokens": given_tokens, "completion_tokens": output, **more}
    return sse({"id": "c", "choices": [], "usage": told})


ROLE = chunk({"role": "assistant", "content": ""})
HI = chunk({"content": "Hi"}, usage=None)
STOP = chunk(finish="stop")
WHOLE = ROLE + HI + STOP + usage_event() + DONE


def run(
    pieces: list[bytes], wants_usage: bool = False, cap: int = 1 << 20
) -> tuple[bytes, StreamMeter]:
    meter = StreamMeter(facts(wants_usage), 0.0, cap)
    out = b"".join(meter.feed(piece, float(at)) for at, piece in enumerate(pieces, 1))
    return out + meter.finish(float(len(pieces) + 1)), meter


def known(meter: StreamMeter) -> tuple[Any, ...]:
    """Everything a meter says, but for times."""
    return (
        meter.started,
        meter.finished,
        meter.ended,
        meter.error,
        meter.error_status,
        meter.malformed,
        meter.output_tokens,
        meter.usage(),
    )


def cut(data: bytes, at: list[int]) -> list[bytes]:
    places = sorted({place % (len(data) + 1) for place in at})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


EVENTS = (
    ROLE,
    HI,
    HI,
    STOP,
    DONE,
    PING,
    usage_event(),
    chunk({"content": "é\U0001f600"}),
    chunk({"reasoning_content": "hm"}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}),
    chunk({"content": "x"}, usage={"prompt_tokens": 3, "completion_tokens": 1}),
    HI.replace(b"\n", b"\r\n"),
    DONE.replace(b"\n", b"\r\n"),
    b"event: message\ndata: {}\n\n",
    b"data: {\ndata: }\n\n",
    b"data: " + b'{"choices":[],\n"error":{}}\n\n',
    sse({"error": {"message": "broken", "code": 503}}),
    b"event: error\ndata: oops\n\n",
    b"data: nonsense\n\n",
    b"data: {\n\n",
    b"data: []\n\n",
    b'data: {"x":1,\r"y":2}\n\n',
    b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
    b'data: {"choices":5}\n\n',
    b"data: " + b'{"x":"' + b"y" * 300 + b'"}\n\n',
    b"\n\n",
    b"\r\n",
    b"data:\n\n",
    b"id: 1\n",
)
streams = st.lists(st.sampled_from(EVENTS), max_size=12).map(b"".join)


@settings(max_examples=300)
@given(
    streams,
    st.lists(st.integers(0, 4000), max_size=10),
    st.booleans(),
    st.sampled_from([250, 1 << 20]),
)
def test_what_is_relayed_and_known_does_not_depend_on_where_the_stream_is_cut(
    stream: bytes, at: list[int], wants_usage: bool, cap: int
) -> None:
    whole, meter = run([stream], wants_usage, cap)
    for pieces in (cut(stream, at), [stream[i : i + 1] for i in range(len(stream))]):
        relayed, other = run(pieces, wants_usage, cap)
        assert known(other) == known(meter)
        assert relayed == whole


@given(st.lists(st.sampled_from(EVENTS), max_size=12), st.sampled_from([250, 1 << 20]))
def test_a_stream_fed_event_by_event_comes_out_as_one_fed_whole(
    events: list[bytes], cap: int
) -> None:
    whole, meter = run([HI + b"".join(events)], cap=cap)
    relayed, other = run([HI, *events], cap=cap)
    assert (relayed, known(other)) == (whole, known(meter))


def test_a_plain_event_is_handed_on_as_the_same_object() -> None:
    meter = StreamMeter(facts(), 0.0)
    meter.feed(ROLE + HI, 1.0)
    for event in (HI, chunk({"content": "é"}), chunk({"reasoning": "x"}), PING, HI + HI, STOP):
        assert meter.feed(event, 2.0) is event


def test_nothing_goes_out_before_the_first_content_and_then_all_of_it() -> None:
    meter = StreamMeter(facts(), 0.0)
    assert meter.feed(ROLE, 1.0) == b""
    assert meter.feed(PING, 2.0) == b""
    assert not meter.started
    assert meter.feed(HI[:20], 3.0) == b""
    assert meter.feed(HI[20:], 4.0) == ROLE + PING + HI
    assert meter.started
    assert meter.first_at == 4.0


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x"},
        {"content": [{"type": "text", "text": "x"}]},
        {"reasoning": "x"},
        {"reasoning_content": "x"},
        {"tool_calls": [{"index": 0}]},
        {"function_call": {"name": "x"}},
        {"refusal": "no"},
        {"audio": {"id": "a"}},
    ],
)
def test_these_are_content(delta: dict[str, Any]) -> None:
    assert run([chunk(delta)])[1].started


def test_the_text_of_a_completion_is_content() -> None:
    assert not run([sse({"choices": [{"text": ""}]})])[1].started
    assert run([sse({"choices": [{"text": "x"}]})])[1].started


@pytest.mark.parametrize(
    "event",
    [
        ROLE,
        PING,
        STOP,
        usage_event(),
        chunk({"content": None, "tool_calls": [], "refusal": None, "reasoning_content": ""}),
        sse({"choices": [], "prompt_filter_results": [{}]}),
        sse({"choices": None}),
        b"data:\n\n",
    ],
)
def test_these_are_not_content(event: bytes) -> None:
    _, meter = run([event])
    assert not meter.started
    assert meter.first_at is None
    assert meter.malformed is None


def test_an_answer_without_content_goes_out_at_its_end() -> None:
    out, meter = run([ROLE, STOP, DONE])
    assert out == ROLE + STOP + DONE
    assert meter.ended
    assert not meter.started


def test_a_usage_event_that_was_not_asked_for_is_taken_out() -> None:
    out, meter = run([WHOLE])
    assert out == ROLE + HI + STOP + DONE
    assert meter.usage() == Usage(input=5, output=7)
    assert b'"usage": null' in out


def test_a_usage_event_that_was_asked_for_stays() -> None:
    assert run([WHOLE], wants_usage=True)[0] == WHOLE


def test_usage_beside_a_choice_stays() -> None:
    event = chunk({"content": "x"}, usage={"prompt_tokens": 3, "completion_tokens": 1})
    out, meter = run([event, DONE])
    assert out == event + DONE
    assert meter.usage() == Usage(input=3, output=1)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"prompt_tokens": -5, "completion_tokens": 1},
        {"prompt_tokens": 10**30, "completion_tokens": 1},
        {"prompt_tokens": "5", "completion_tokens": 1},
        5,
        [],
        "x",
    ],
)
def test_usage_that_cannot_be_is_estimated_and_taken_out_all_the_same(told: object) -> None:
    out, meter = run([HI, sse({"choices": [], "usage": told}), DONE])
    assert out == HI + DONE
    assert meter.usage() == Usage(input=11, output=1, estimated=True)


def test_without_usage_output_is_events_or_a_quarter_of_the_bytes() -> None:
    assert run([HI] * 9)[1].usage() == Usage(input=11, output=9, estimated=True)
    assert run([chunk({"content": "abcd" * 50})])[1].usage().output == 50
    assert run([chunk({"content": "é" * 100})])[1].usage().output == 50
    arguments = [{"id": "x" * 100, "function": {"name": "f", "arguments": "abc" * 9}}]
    assert run([chunk({"tool_calls": arguments})])[1].usage().output == 7


def test_usage_that_content_came_after_is_a_floor() -> None:
    first = chunk({"role": "assistant"}, usage={"prompt_tokens": 90, "completion_tokens": 1})
    _, meter = run([first, HI, HI, HI])
    assert meter.usage() == Usage(input=90, output=3, estimated=True)


def test_an_error_before_content_goes_nowhere_and_costs_nothing() -> None:
    out, meter = run([ROLE + sse({"error": {"message": "busy", "code": 503}}) + HI])
    assert out == b""
    assert (meter.error, meter.error_status, meter.started) == ("busy", 503, False)
    assert meter.usage() == Usage(estimated=True)


def test_what_came_before_an_error_goes_out_and_nothing_after() -> None:
    out, meter = run([HI + HI + sse({"error": "broken"}) + HI + DONE, HI])
    assert out == HI + HI
    assert (meter.error, meter.ended) == ("broken", False)
    assert meter.usage().output == 2
    out, meter = run([HI, sse({"error": "broken"}), HI])
    assert (out, meter.error) == (HI, "broken")


@pytest.mark.parametrize(
    ("event", "message", "status"),
    [
        (sse({"error": {"message": "m", "code": "429"}}), "m", 429),
        (sse({"error": {"message": "m", "status": 500, "code": "x"}}), "m", 500),
        (sse({"error": {"message": "m", "type": "rate_limit_error"}}), "m", 429),
        (sse({"error": {"type": "overloaded"}}), "overloaded", None),
        (sse({"error": True}), "True", None),
        (sse({"object": "error", "message": "old", "code": 400}), "old", 400),
        (sse({"type": "error", "error": {"message": "m"}}), "m", None),
        (b'event: error\ndata: {"message":"m"}\n\n', "m", None),
        (b"event: error\ndata: plain words\n\n", "plain words", None),
        (b"event: error\n\n", "error", None),
        (chunk({"content": "x"}, error={"message": "m"}), "m", None),
    ],
)
def test_an_error_event_is_known_in_every_shape(
    event: bytes, message: str, status: int | None
) -> None:
    out, meter = run([HI, event, HI])
    assert (out, meter.error, meter.error_status) == (HI, message, status)


def test_a_null_error_is_none() -> None:
    event = chunk({"content": "x"}, error=None)
    assert run([event, event])[0] == event + event


@pytest.mark.parametrize(
    "bad",
    [
        b"data: nonsense\n\n",
        b"data: {\n\n",
        b"data: []\n\n",
        b"data: 5\n\n",
        b'data: {"choices":{}}\n\n',
        b'data: {"choices":[5]}\n\n',
        b'data: {"choices":[{"delta":"x"}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n',
        b'data: {"a":1,\r"b":2}\n\n',
        b"data: " + b"[" * 100_000 + b"\n\n",
        b"<html>\n\ndata: nope\n\n",
    ],
)
def test_what_is_not_this_dialect_is_malformed(bad: bytes) -> None:
    for before in (b"", HI):
        out, meter = run([before, bad, HI] if before else [bad, HI])
        assert out in (before, before + b"<html>\n\n")
        assert meter.malformed
        assert not meter.ended
    assert run([bad])[1].usage() == Usage(estimated=True)


def test_half_a_surrogate_pair_is_relayed_as_it_came() -> None:
    halves = [
        b'data: {"choices":[{"delta":{"content":"\\u%s"}}]}\n\n' % half
        for half in (b"d83d", b"de00")
    ]
    out, meter = run([HI, *halves])
    assert out == HI + b"".join(halves)
    assert meter.malformed is None


def test_an_event_over_the_cap_is_malformed_however_it_comes() -> None:
    event = chunk({"content": "x" * 500})
    for pieces in ([HI, event], [HI + event], [HI, event[:300], event[300:]]):
        out, meter = run(pieces, cap=len(event) - 1)
        assert out == HI
        assert "longer than" in str(meter.malformed)
        out, meter = run([piece.replace(b"\n", b"\r\n") for piece in pieces], cap=len(event) + 1)
        assert out == HI.replace(b"\n", b"\r\n")
        assert "longer than" in str(meter.malformed)
    assert run([HI, event], cap=len(event))[0] == HI + event


def test_too_much_before_any_content_is_malformed() -> None:
    _, meter = run([PING] * 100, cap=200)
    assert "before any content" in str(meter.malformed)


def test_nothing_goes_out_after_the_end_marker() -> None:
    out, meter = run([HI + DONE + HI + b"data: {", b"junk", HI])
    assert out == HI + DONE
    assert meter.ended
    assert meter.usage().output == 1


def test_the_end_marker_text_inside_content_is_not_the_end() -> None:
    event = chunk({"content": "data: [DONE]\n\n"})
    out, meter = run([event, HI])
    assert out == event + HI
    assert not meter.ended


def test_a_cut_stream_has_not_ended() -> None:
    out, meter = run([ROLE + HI, HI[:30]])
    assert out == ROLE + HI
    assert not meter.ended


def test_a_last_event_without_its_empty_line_counts_when_the_source_closes_in_order() -> None:
    for end in (b"", b"\n", b"\r\n"):
        out, meter = run([HI, b"data: [DONE]" + end])
        assert out == HI + DONE
        assert meter.ended


def test_a_finished_stream_that_closes_without_a_marker_has_ended() -> None:
    out, meter = run([HI, STOP])
    assert out == HI + STOP
    assert meter.ended


def test_a_stream_of_two_choices_is_finished_when_both_are() -> None:
    meter = StreamMeter(facts(choices=2), 0.0)
    meter.feed(HI + STOP, 1.0)
    assert not meter.finished
    meter.feed(STOP, 2.0)
    assert meter.finished


def test_content_nested_without_end_is_only_looked_into_so_far() -> None:
    nested = b'{"a":' * 300 + b"1" + b"}" * 300
    event = b'data: {"choices":[{"delta":{"content":' + nested + b"}}]}\n\n"
    out, meter = run([HI, event])
    assert out == HI + event
    assert meter.output_tokens == 2


def test_a_comment_is_no_life() -> None:
    meter = StreamMeter(facts(), 0.0)
    meter.feed(HI, 1.0)
    assert meter.feed(PING, 9.0) == PING
    assert meter.last_at == 1.0
    assert meter.output_tokens == 1


def test_gaps_are_between_arrivals_of_content() -> None:
    meter = StreamMeter(facts(), 0.0)
    for at, event in ((1.0, HI), (1.004, HI), (1.5, PING), (1.604, HI + HI), (30.0, HI)):
        meter.feed(event, at)
    assert sum(meter.gaps) == 3
    assert (meter.gaps[0], meter.gaps[-1]) == (1, 1)
    assert meter.gap_sum == pytest.approx(29.0)
    assert meter.speed == pytest.approx(4 / 29)
