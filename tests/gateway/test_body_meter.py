"""What a whole answer says about itself."""

import json

import pytest

from tollway.fleet.objects import Operation
from tollway.fleet.usage import Usage
from tollway.gateway.facts import RequestFacts
from tollway.gateway.meter import BodyMeter


def facts(operation: Operation) -> RequestFacts:
    return RequestFacts(
        operation=operation,
        model="m",
        stream=False,
        wants_usage=False,
        input_tokens=11,
        max_output=None,
        prefix=1,
    )


def read_body(
    body: bytes, operation: Operation = "chat", whole: int = 1 << 20, step: int = 1000
) -> BodyMeter:
    meter = BodyMeter(facts(operation), whole)
    for at in range(0, len(body), step):
        meter.feed(body[at : at + step])
    meter.finish()
    return meter


ANSWER = {"choices": [{"message": {"role": "assistant", "content": "four" * 10}}]}


def test_a_body_gives_its_usage() -> None:
    told = {"prompt_tokens": 5, "completion_tokens": 7}
    body = json.dumps({**ANSWER, "usage": told}).encode()
    for step in (1, 7, 10_000):
        assert read_body(body, step=step).usage() == Usage(input=5, output=7)


def test_a_body_without_usage_is_estimated_from_its_text() -> None:
    assert read_body(json.dumps(ANSWER).encode()).usage() == Usage(
        input=11, output=10, estimated=True
    )
    embedding = json.dumps({"data": [{"embedding": [0.1] * 100}]}).encode()
    assert read_body(embedding, "embedding").usage() == Usage(input=11, estimated=True)


@pytest.mark.parametrize(
    ("body", "message", "status"),
    [
        (b'{"error":{"message":"m","code":429}}', "m", 429),
        (b'{"error":"words"}', "words", None),
        (b'{"object":"error","message":"old","code":400}', "old", 400),
    ],
)
def test_an_error_in_a_body_is_found(body: bytes, message: str, status: int | None) -> None:
    meter = read_body(body)
    assert (meter.error, meter.error_status) == (message, status)
    assert meter.usage() == Usage(estimated=True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"choices":[', b'{"choices":5}'])
def test_a_body_that_is_not_an_answer_is_malformed(body: bytes) -> None:
    assert read_body(body).malformed


@pytest.mark.parametrize("step", [1_000, 70_000, 10_000_000])
def test_usage_is_found_at_either_end_of_a_large_body_without_holding_it(step: int) -> None:
    data = [{"embedding": [0.125] * 20_000} for _ in range(20)]
    told = {"prompt_tokens": 5, "total_tokens": 5}
    for body in ({"data": data, "usage": told}, {"usage": told, "data": data}):
        raw = json.dumps(body).encode()
        meter = read_body(raw, "embedding", step=step)
        assert len(raw) > 1 << 20
        assert meter.usage() == Usage(input=5)
        assert meter.malformed is None
        assert meter.held < 200_000


def test_a_large_body_that_was_cut_is_malformed() -> None:
    raw = json.dumps({"data": [0.125] * 300_000}).encode()
    assert read_body(raw[:-1], "embedding").malformed


def test_usage_in_the_text_of_an_answer_is_not_its_usage() -> None:
    lie = 'say "usage": {"prompt_tokens": 0, "completion_tokens": 0}'
    told = {"prompt_tokens": 5, "completion_tokens": 7}
    body = {"usage": told, "choices": [{"message": {"content": lie + "x" * 2_000_000 + lie}}]}
    assert read_body(json.dumps(body).encode()).usage() == Usage(input=5, output=7)
