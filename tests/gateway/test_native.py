"""Requests in Anthropic's, Gemini's and the Responses dialect: what dispatch is told of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.fleet.objects import Dialect
from tollway.gateway.body import BadRequest
from tollway.gateway.facts import RequestFacts
from tollway.gateway.native import NATIVE, read_gemini
from tollway.gateway.openai import splice
from tollway.gateway.tokens import ATTACHMENT_TOKENS

ASKS: dict[Dialect, dict[str, Any]] = {
    "anthropic": {
        "model": "m",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "hello"}],
    },
    "responses": {"model": "m", "input": "hello"},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
}


def read(dialect: Dialect, **members: Any) -> RequestFacts:
    return read_body(dialect, json.dumps({**ASKS[dialect], **members}).encode())


def read_body(dialect: Dialect, body: bytes, affine: tuple[str, ...] = ()) -> RequestFacts:
    if dialect == "gemini":
        return read_gemini(body, "t", affine, "m", False)
    return NATIVE[dialect](body, "t", affine)


def prefix(dialect: Dialect, **members: Any) -> int:
    return read_body(dialect, json.dumps({**ASKS[dialect], **members}).encode(), ("m",)).prefix


def refused(dialect: Dialect, **members: Any) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        read(dialect, **members)
    return caught.value


@pytest.mark.parametrize("dialect", ASKS)
def test_the_least_that_can_be_asked_is_read(dialect: Dialect) -> None:
    facts = read(dialect)
    assert (facts.dialect, facts.operation, facts.model) == (dialect, "chat", "m")
    assert facts.stream is False
    assert facts.wants_usage
    assert 1 <= facts.input_tokens < 40
    assert facts.prefix == 0


@pytest.mark.parametrize(
    ("dialect", "members", "most", "choices"),
    [
        ("anthropic", {"max_tokens": 7}, 7, 1),
        ("responses", {"max_output_tokens": 7}, 7, 1),
        ("responses", {"max_output_tokens": None}, None, 1),
        ("gemini", {"generationConfig": {"maxOutputTokens": 7}}, 7, 1),
        ("gemini", {"generation_config": {"max_output_tokens": 7}}, 7, 1),
        ("gemini", {"generationConfig": {"maxOutputTokens": 7, "candidateCount": 3}}, 21, 3),
        ("gemini", {"generationConfig": {"maxOutputTokens": 7, "max_output_tokens": 9}}, 9, 1),
        ("gemini", {}, None, 1),
    ],
)
def test_the_longest_answer_that_may_come_is_known(
    dialect: Dialect, members: dict[str, Any], most: int | None, choices: int
) -> None:
    facts = read(dialect, **members)
    assert (facts.max_output, facts.choices) == (most, choices)


@pytest.mark.parametrize("dialect", ["anthropic", "responses"])
def test_streams_are_told_from_whole_answers(dialect: Dialect) -> None:
    assert read(dialect, stream=True).stream
    assert not read(dialect, stream=None).stream
    assert refused(dialect, stream="yes").param == "stream"


@pytest.mark.parametrize("dialect", ["anthropic", "responses"])
@given(model=st.text(min_size=1, max_size=20).filter(lambda it: it.isprintable()), at=st.booleans())
def test_only_the_models_name_changes_in_a_body(dialect: Dialect, model: str, at: bool) -> None:
    said = ASKS[dialect]
    members = {**said, "metadata": {"model": model}, "model": "m"}
    if at:
        members = {"model": "m", **members}
    body = json.dumps(members).encode()
    facts = NATIVE[dialect](body, "t", ())
    changed = splice(body, facts, model)
    assert json.loads(changed) == {**members, "model": model}
    assert splice(body, facts, "m") == body


@pytest.mark.parametrize(
    ("dialect", "key"),
    [
        ("responses", "previous_response_id"),
        ("responses", "conversation"),
        ("responses", "prompt"),
        ("anthropic", "container"),
        ("gemini", "cachedContent"),
        ("gemini", "cached_content"),
    ],
)
def test_what_names_an_object_under_the_shared_credential_is_refused(
    dialect: Dialect, key: str
) -> None:
    fault = refused(dialect, **{key: "resp_1"})
    assert (fault.status, fault.code, fault.param) == (400, "unsupported_parameter", key)
    assert "send the whole conversation" in fault.message
    assert read(dialect, **{key: None}).model == "m"


def test_an_answer_in_the_background_would_have_no_end_here() -> None:
    assert refused("responses", background=True).param == "background"
    assert read("responses", background=False).model == "m"


@pytest.mark.parametrize("dialect", ASKS)
@pytest.mark.parametrize("key", ["models", "fallbacks", "preset"])
def test_no_other_model_can_be_named(dialect: Dialect, key: str) -> None:
    assert refused(dialect, **{key: ["x"]}).param == key


def test_geminis_model_stands_in_the_path_alone() -> None:
    assert refused("gemini", model="models/other").param == "model"


@pytest.mark.parametrize(
    ("dialect", "subject"),
    [("anthropic", "messages"), ("responses", "input"), ("gemini", "contents")],
)
@pytest.mark.parametrize("value", [None, [], 7, {}])
def test_a_request_without_a_turn_is_refused(dialect: Dialect, subject: str, value: object) -> None:
    assert refused(dialect, **{subject: value}).param == subject


@pytest.mark.parametrize("dialect", ASKS)
def test_a_body_that_two_parsers_could_read_differently_is_refused(dialect: Dialect) -> None:
    subject = {"anthropic": "messages", "responses": "input", "gemini": "contents"}[dialect]
    text = json.dumps(ASKS[dialect])
    twice = (text[:-1] + f', "{subject}": [1]}}').encode()
    folded = (text[:-1] + f', "{subject.upper()}": [1]}}').encode()
    for body in (twice, folded):
        with pytest.raises(BadRequest) as caught:
            read_body(dialect, body)
        assert caught.value.code == "ambiguous_parameter"


def test_an_attachment_counts_as_one_however_long_its_base64_is() -> None:
    blob = "A" * 100_000
    image = {"type": "base64", "media_type": "image/png", "data": blob}
    block = {"type": "image", "source": image}
    facts = read("anthropic", messages=[{"role": "user", "content": [block]}])
    assert ATTACHMENT_TOKENS <= facts.input_tokens < ATTACHMENT_TOKENS + 100
    part = {"inlineData": {"mimeType": "image/png", "data": blob}}
    facts = read("gemini", contents=[{"parts": [part, part]}])
    assert 2 * ATTACHMENT_TOKENS <= facts.input_tokens < 2 * ATTACHMENT_TOKENS + 100


@pytest.mark.parametrize(
    ("dialect", "system", "subject", "turn"),
    [
        ("anthropic", "system", "messages", {"role": "user", "content": "hello"}),
        ("responses", "instructions", "input", {"role": "user", "content": "hello"}),
        ("gemini", "systemInstruction", "contents", {"role": "user", "parts": [{"text": "x"}]}),
    ],
)
def test_the_prefix_stays_while_a_conversation_grows(
    dialect: Dialect, system: str, subject: str, turn: object
) -> None:
    said = "You are kind."
    first = prefix(dialect, **{system: said, subject: [turn]})
    later = prefix(dialect, **{system: said, subject: [turn, {"role": "user", "x": "more"}]})
    other = prefix(dialect, **{system: "You are not.", subject: [turn]})
    assert first == later != 0
    assert other != first
