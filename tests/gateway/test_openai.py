"""OpenAI's dialect: requests read, errors and lists written."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.fleet.objects import Operation
from tollway.gateway.body import MAX_CHOICES, MAX_MODEL, MAX_OUTPUT, BadRequest
from tollway.gateway.facts import RequestFacts
from tollway.gateway.listing import models_body
from tollway.gateway.openai import (
    error_body,
    error_event,
    read_request,
)
from tollway.gateway.tokens import ATTACHMENT_TOKENS

HELLO = [{"role": "user", "content": "hello"}]


def read(operation: Operation = "chat", **members: Any) -> RequestFacts:
    subject = {"chat": "messages", "completion": "prompt", "embedding": "input"}[operation]
    body = {"model": "m", subject: HELLO if operation == "chat" else "hello", **members}
    return read_request(operation, json.dumps(body).encode(), "t", {"m", "gpt"})


def refused(body: bytes | dict[str, Any], operation: Operation = "chat") -> BadRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(BadRequest) as caught:
        read_request(operation, raw, "t", ())
    assert caught.value.status == 400
    return caught.value


def test_the_facts_of_a_plain_request() -> None:
    facts = read()
    assert (facts.model, facts.stream, facts.wants_usage) == ("m", False, False)
    assert (facts.max_output, facts.choices, facts.tier) == (None, 1, None)
    assert facts.operation == "chat"
    assert 0 <= facts.prefix < 2**64


def test_null_is_absent() -> None:
    names = ("stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "best_of")
    one, other = read(**dict.fromkeys((*names, "service_tier"))), read(**dict.fromkeys(names))
    for fact in ("stream", "wants_usage", "max_output", "choices", "tier", "usage_edit"):
        assert getattr(one, fact) == getattr(other, fact)
    assert read(**dict.fromkeys(names)).max_output is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"nonsense",
        b'{"model":"m","messages":[1]}x',
        b'{"model":"m","messages":[1],}',
        b'\xef\xbb\xbf{"model":"m","messages":[1]}',
        b'{"model":"m","messages":[1],"x":"\xff"}',
        b'{"model":"m","messages":[1],"\xff":1}',
        b'{"model":"m","messages":[1],"x":NaN}',
        '{"model":"m","messages":[1]}'.encode("utf-16"),
        b'{"model":"m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_body_that_is_not_a_json_object_is_refused(body: bytes) -> None:
    assert refused(body).code == "invalid_json"


@given(st.binary(max_size=60) | st.text('{}[]":,\\ 01tn\n', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    for body in (noise, b'{"model":"m","messages":[' + noise + b"]}"):
        try:
            read_request("chat", body, "t", ())
        except BadRequest as fault:
            json.loads(error_body(fault.status, fault.code, fault.message, fault.param))


@pytest.mark.parametrize(
    "key", ["model", "stream", "stream_options", "max_tokens", "messages", "n"]
)
def test_a_member_given_twice_is_refused(key: str) -> None:
    fault = refused(f'{{"model":"m","messages":[1],"{key}":null,"{key}":null}}'.encode())
    assert (fault.code, fault.param) == ("ambiguous_parameter", key)


def test_include_usage_given_twice_is_refused() -> None:
    options = b'{"include_usage":true,"include_usage":false}'
    body = b'{"model":"m","messages":[1],"stream":true,"stream_options":' + options + b"}"
    assert refused(body).param == "stream_options"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": "x" * 257}, "model"),
        ({"model": 3}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": {}}, "messages"),
        ({"stream": "true"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream": True, "stream_options": []}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "include_usage"),
        ({"stream": True, "stream_options": {"Include_Usage": True}}, "stream_options"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 2**31}, "max_tokens"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"best_of": 0}, "best_of"),
        ({"service_tier": 5}, "service_tier"),
    ],
)
def test_a_bad_member_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    fault = refused({"model": "m", "messages": HELLO, **members})
    assert fault.param == param
    assert param in fault.message


@pytest.mark.parametrize("operation", ["completion", "embedding"])
@pytest.mark.parametrize("subject", [None, [], {}, 5])
def test_a_prompt_must_be_text_or_a_list(operation: Operation, subject: object) -> None:
    param = "prompt" if operation == "completion" else "input"
    assert refused({"model": "m", param: subject}, operation).param == param


def test_a_long_model_name_of_256_characters_is_taken() -> None:
    assert read(model="é" * 256).model == "é" * 256


def test_a_name_with_escapes_is_read_as_what_it_means() -> None:
    body = b'{"\\u006dodel":"g\\u0070t","messages":[1]}'
    assert read_request("chat", body, "t", ()).model == "gpt"


def test_the_reserved_output_counts_every_answer_asked_for() -> None:
    assert read(max_tokens=10).max_output == 10
    assert read(max_tokens=10, max_completion_tokens=30).max_output == 30
    assert read(max_tokens=10, n=3).max_output == 30
    assert read("completion", max_tokens=10, n=2, best_of=5).max_output == 50
    assert read("completion", max_tokens=10, prompt=["a", "b"], n=2).max_output == 40
    assert read("completion", max_tokens=10, prompt=[1, 2, 3]).max_output == 10
    assert read("completion", max_tokens=10, prompt=[[1, 2], [3]]).max_output == 20


def test_an_embedding_never_streams() -> None:
    facts = read("embedding", stream=True)
    assert not facts.stream
    assert facts.usage_edit is None


def test_the_service_tier_of_the_body_is_a_fact() -> None:
    assert read(service_tier="priority").tier == "priority"
    assert read(service_tier="default").tier == "standard"
    assert read(service_tier="auto").tier is None


def test_token_ids_are_counted_and_text_is_estimated() -> None:
    assert read("embedding", input=[1, 2, 3]).input_tokens == 3
    assert read("embedding", input=[[1, 2], [3]]).input_tokens == 3
    assert 250 <= read("embedding", input="word" * 250).input_tokens <= 260
    assert read(tools=[{"x": "y" * 400}]).input_tokens > read().input_tokens + 100


def part(kind: str, value: object) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": kind, kind: value}]}]


@pytest.mark.parametrize(
    "messages",
    [
        part("image_url", {"url": "data:image/png;base64," + "QUJD" * 100_000}),
        part("input_audio", {"data": "QUJD" * 100_000, "format": "wav"}),
        part("file", {"file_data": "data:application/pdf;base64," + "QUJD" * 100_000}),
        part("image_url", {"url": "https://example.com/a.png"}),
    ],
)
def test_an_attachment_counts_a_constant_however_large(messages: list[Any]) -> None:
    tokens = read(messages=messages).input_tokens
    assert ATTACHMENT_TOKENS < tokens < ATTACHMENT_TOKENS + 60


def test_two_attachments_count_twice() -> None:
    one = part("image_url", {"url": "data:image/png;base64," + "QUJD" * 1000})
    tokens = read(messages=one + one).input_tokens
    assert 2 * ATTACHMENT_TOKENS < tokens < 2 * ATTACHMENT_TOKENS + 120


turns = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "tool"]), "content": st.text()}
    ),
    min_size=1,
    max_size=4,
)


@given(turns, turns, st.text(max_size=3000))
def test_the_prefix_stays_while_a_conversation_grows(
    first: list[Any], more: list[Any], system: str
) -> None:
    start = [{"role": "system", "content": system}, *first]
    assert read(messages=start).prefix == read(messages=start + more).prefix


def test_the_prefix_tells_tenants_and_openings_apart() -> None:
    def prefix(system: str, user: str, tenant: str = "t", **members: Any) -> int:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        body = json.dumps({"model": "m", "messages": messages, **members}).encode()
        return read_request("chat", body, tenant, ("m",)).prefix

    assert prefix("a", "b") == prefix("a", "b")
    assert prefix("a", "b", model="other") == 0
    assert prefix("a", "b") != prefix("a", "b", tenant="u")
    assert prefix("a", "b") != prefix("a", "c")
    assert prefix("a", "b") != prefix("c", "b")
    assert prefix("a", "b") != prefix("a", "b", tools=[{"type": "function"}])
    long = "x" * 3000
    assert prefix(long, "b") == prefix(long, "c")


def test_errors_have_openais_shape() -> None:
    error = json.loads(error_body(429, "rate_limited", "slow down", "model"))["error"]
    assert error == {
        "message": "slow down",
        "type": "rate_limit_error",
        "param": "model",
        "code": "rate_limited",
    }
    kinds = {
        status: json.loads(error_body(status, "c", "m"))["error"]["type"]
        for status in (400, 401, 402, 503)
    }
    assert kinds == {
        400: "invalid_request_error",
        401: "invalid_request_error",
        402: "insufficient_quota",
        503: "server_error",
    }


def test_an_error_event_is_one_event_without_an_end_marker() -> None:
    event = error_event("upstream_cut", 'it said "x"\n\nand left')
    assert event.startswith(b"data: {")
    assert event.index(b"\n") == len(event) - 2
    assert b"[DONE]" not in event
    assert json.loads(event[6:])["error"]["code"] == "upstream_cut"


def test_the_list_of_models() -> None:
    listed = json.loads(models_body("openai", ["b", "a"], 5))
    assert [model["id"] for model in listed["data"]] == ["b", "a"]
    assert listed["object"] == "list"
    assert listed["data"][0] == {"id": "b", "object": "model", "created": 5, "owned_by": "tollway"}


def test_the_reference_shows_what_is_really_sent() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "http-api.md").read_text()
    fault = refused({"model": "m", "messages": HELLO, "max_tokens": 0})
    body = error_body(fault.status, fault.code, fault.message, fault.param)
    assert body.decode() in page
    event = error_event("upstream_cut", 'Source "h200" ended its answer early.')
    assert event.decode().strip() in page
    for bound in (MAX_MODEL, MAX_CHOICES, MAX_OUTPUT, ATTACHMENT_TOKENS):
        assert str(bound) in page
