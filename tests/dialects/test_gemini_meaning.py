"""Reading what was written gives back what was meant."""

from event_streams import events, gathered, read_all, spoken, write_all
from gemini_holds import answers, asks, merged
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.dialects.forms import Told
from tollway.dialects.gemini.form import FORM
from tollway.dialects.meaning import Answer, Ask


def told(answer: Answer) -> Told:
    return Told(answer.id, answer.model, 1_700_000_000)


@settings(max_examples=50, deadline=None)
@given(asks(levels=True) | asks(levels=False))
def test_an_ask_is_read_as_it_was_written(ask: Ask) -> None:
    body, losses = FORM.write_ask(ask, ask.model)
    assert losses == ()
    assert FORM.read_ask(body, ask.model, ask.stream) == ask


@settings(max_examples=50, deadline=None)
@given(answers())
def test_an_answer_is_read_as_it_was_written(answer: Answer) -> None:
    body, losses = FORM.write_answer(answer, told(answer))
    assert losses == ()
    assert FORM.read_answer(body) == answer
    types.GenerateContentResponse.model_validate_json(body)


@settings(max_examples=50, deadline=None)
@given(answers(), st.integers(1, 4))
def test_a_stream_says_what_the_whole_answer_says(answer: Answer, pieces: int) -> None:
    deltas = spoken(answer, pieces)
    stream = write_all(FORM.writer(told(answer)), deltas)
    assert gathered(read_all(FORM.reader(), stream)) == merged(answer)
    assert FORM.writer(told(answer)).write(deltas) == stream
    for name, data in events(stream):
        assert name == b""
        types.GenerateContentResponse.model_validate_json(data)
