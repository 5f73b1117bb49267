"""Reading what was written gives back what was meant."""

from collections.abc import Sequence

import msgspec
from event_streams import events, gathered, read_all, spoken, write_all
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from responses_holds import answers, asks

from tollway.dialects.deltas import Delta
from tollway.dialects.forms import Told
from tollway.dialects.meaning import Answer, Ask, Choice, Part, Reasoning
from tollway.dialects.responses.form import FORM

EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)


def unnamed(answer: Answer) -> Answer:
    """The answer without the ids of its thoughts, which the writer gives."""

    def bare(part: Part) -> Part:
        return msgspec.structs.replace(part, id=None) if isinstance(part, Reasoning) else part

    choices = tuple(
        Choice(tuple(bare(part) for part in choice.parts), choice.stop) for choice in answer.choices
    )
    return msgspec.structs.replace(answer, choices=choices, tier=None)


def told(answer: Answer) -> Told:
    return Told(answer.id, answer.model, 1_700_000_000)


@settings(max_examples=50, deadline=None)
@given(asks())
def test_an_ask_is_read_as_it_was_written(ask: Ask) -> None:
    body, losses = FORM.write_ask(ask, ask.model)
    assert losses == ()
    assert FORM.read_ask(body, None, None) == ask


@settings(max_examples=50, deadline=None)
@given(asks(), answers())
def test_an_answer_is_read_as_it_was_written(ask: Ask, answer: Answer) -> None:
    repeated = msgspec.structs.replace(told(answer), asked=ask)
    body, losses = FORM.write_answer(answer, repeated)
    assert losses == ()
    assert unnamed(FORM.read_answer(body)) == answer
    Response.model_validate_json(body)


@settings(max_examples=50, deadline=None)
@given(answers(), st.integers(1, 4))
def test_a_stream_says_what_the_whole_answer_says(answer: Answer, pieces: int) -> None:
    stream = write_all(FORM.writer(told(answer)), spoken(answer, pieces))
    assert unnamed(gathered(read_all(FORM.reader(), stream))) == answer
    for name, data in events(stream):
        event = EVENT.validate_json(data)
        assert event.type.encode() == name


@settings(max_examples=50, deadline=None)
@given(answers())
def test_deltas_may_come_all_at_once(answer: Answer) -> None:
    deltas: Sequence[Delta] = spoken(answer)
    stream = write_all(FORM.writer(told(answer)), deltas)
    assert FORM.writer(told(answer)).write(deltas) == stream
    assert [msgspec.json.decode(data)["sequence_number"] for _, data in events(stream)] == list(
        range(len(events(stream)))
    )
