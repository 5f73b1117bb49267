"""What is malformed is refused in the contract's own words, in each dialect."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from event_streams import events, spoken, write_all
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from meanings import answers, asks

from tollway.dialects.forms import Told
from tollway.dialects.meaning import Answer, Ask, Choice, Fault, Text
from tollway.dialects.registry import FORMS
from tollway.fleet.objects import Dialect

TOLD = Told("id", "m", 0)
THOROUGH = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-1, 1) | st.sampled_from("ab")
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)
NOT_JSON = (b"", b"{", b"\xff", b"[" * 5000 + b"]" * 5000, b'{"a":1}{', b"1e999")


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each member and item of a value, as what holds it and where."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def spoilt(body: bytes, data: st.DataObject) -> bytes:
    """The body with one value in it changed, or left out."""
    value = json.loads(body)
    holder, key = data.draw(st.sampled_from(list(places(value))))
    if data.draw(st.booleans()):
        del holder[key]
    else:
        holder[key] = data.draw(JSON)
    return json.dumps(value).encode()


@pytest.mark.parametrize("dialect", FORMS)
@THOROUGH
@given(ask=asks(), data=st.data())
def test_a_spoilt_question_is_read_or_is_a_fault(
    dialect: Dialect, ask: Ask, data: st.DataObject
) -> None:
    form = FORMS[dialect]
    try:
        body = form.write_ask(ask, "m")[0]
    except Fault:
        return
    try:
        again = form.read_ask(spoilt(body, data), "m", False)
    except Fault:
        return
    for target in FORMS.values():  # what was read can be written, or is refused
        try:
            json.loads(target.write_ask(again, "m")[0])
        except Fault:
            continue


@pytest.mark.parametrize("dialect", FORMS)
@pytest.mark.parametrize("body", NOT_JSON)
def test_what_is_no_json_is_no_question_and_no_answer(dialect: Dialect, body: bytes) -> None:
    form = FORMS[dialect]
    with pytest.raises(Fault):
        form.read_ask(body, "m", False)
    with pytest.raises(ValueError, match=r"."):
        form.read_answer(body)
    with pytest.raises(ValueError, match=r"."):
        form.reader().read(b"", body)


@pytest.mark.parametrize("dialect", FORMS)
@THOROUGH
@given(answer=answers(), data=st.data())
def test_a_spoilt_answer_is_read_or_is_a_value_error(
    dialect: Dialect, answer: Answer, data: st.DataObject
) -> None:
    form = FORMS[dialect]
    body = spoilt(form.write_answer(answer, TOLD)[0], data)
    try:
        again = form.read_answer(body)
    except ValueError:
        return
    for client in FORMS.values():
        json.loads(client.write_answer(again, TOLD)[0])


@pytest.mark.parametrize("dialect", FORMS)
@THOROUGH
@given(answer=answers(), data=st.data())
def test_a_spoilt_stream_is_read_or_is_a_value_error(
    dialect: Dialect, answer: Answer, data: st.DataObject
) -> None:
    form = FORMS[dialect]
    stream = events(write_all(form.writer(TOLD), spoken(answer)))
    at = data.draw(st.integers(0, len(stream) - 1))
    reader = form.reader()
    writers = [client.writer(TOLD) for client in FORMS.values()]
    try:
        for place, (name, payload) in enumerate(stream):
            said = payload
            if place == at and payload.startswith(b"{"):
                said = spoilt(payload, data)
            deltas = reader.read(name, said)
            for writer in writers:
                writer.write(deltas)
        reader.finish()
    except ValueError:
        return


@pytest.mark.parametrize("dialect", FORMS)
@THOROUGH
@given(value=JSON)
@example(value={"choices": [{"delta": {"tool_calls": [{}]}}]})
@example(value={"type": "content_block_delta", "index": 7, "delta": {"text": "lost"}})
@example(value={"type": "response.output_text.delta"})
def test_any_json_is_an_event_or_a_value_error(dialect: Dialect, value: Any) -> None:
    reader = FORMS[dialect].reader()
    try:
        reader.read(b"", json.dumps(value).encode())
        reader.finish()
    except ValueError:
        return


@pytest.mark.parametrize("dialect", FORMS)
def test_half_a_surrogate_pair_and_nan_in_an_answer_are_read_all_the_same(
    dialect: Dialect,
) -> None:
    form = FORMS[dialect]
    plain = form.write_answer(Answer("id", "m", (Choice((Text("hi"),)),)), TOLD)[0]
    odd = plain.replace(b'"hi"', b'"hi \\ud83d"')
    assert odd != plain
    read = form.read_answer(odd)
    assert "hi" in str(read.choices[0].parts)
    for client in FORMS.values():
        client.write_answer(read, TOLD)
