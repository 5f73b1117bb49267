"""Reading what was written, in each dialect: all of it comes again, or a loss says what not."""

from collections.abc import Sequence
from typing import Any

import pytest
from event_streams import gathered, read_all, spoken
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from keeping import kept
from meanings import answers, asks, comparable

from tollway.dialects.deltas import Closed, Delta, Done, Opened, Piece, Signed, Stopped, Used
from tollway.dialects.forms import Told
from tollway.dialects.meaning import Answer, Ask, Fault
from tollway.dialects.registry import FORMS
from tollway.fleet.objects import Dialect

OURS: tuple[Dialect, ...] = ("openai", "anthropic")
TOLD = Told("id", "m", 1_700_000_000)
THOROUGH = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def interleaved(deltas: Sequence[Delta]) -> list[Delta]:
    """The same stream, all calls open at once: their pieces come in turns, as a source may."""
    calls = {d.index for d in deltas if isinstance(d, Opened) and d.kind == "tool_call"}
    queues: dict[int, list[Any]] = {index: [] for index in calls}
    rest: list[Delta] = []
    end: list[Delta] = []
    for delta in deltas:
        if isinstance(delta, Opened | Piece | Signed | Closed) and delta.index in calls:
            queues[delta.index].append(delta)
        elif isinstance(delta, Stopped | Used | Done):
            end.append(delta)
        else:
            rest.append(delta)
    while any(queues.values()):
        rest += [queue.pop(0) for queue in queues.values() if queue]
    return rest + end


@pytest.mark.parametrize("dialect", FORMS)
@THOROUGH
@given(ask=asks())
def test_what_a_dialect_does_not_keep_of_a_question_is_a_loss(dialect: Dialect, ask: Ask) -> None:
    form = FORMS[dialect]
    try:
        body, losses = form.write_ask(ask, "m")
    except Fault:
        assume(False)
        raise
    path = ("m", ask.stream) if dialect == "gemini" else (None, None)
    again = form.read_ask(body, *path)
    assert kept(ask, again, losses) == [], (body, losses)
    assert again.unread == ()


@pytest.mark.parametrize("dialect", OURS)
@THOROUGH
@given(answer=answers())
def test_an_answer_comes_again_as_it_was(dialect: Dialect, answer: Answer) -> None:
    form = FORMS[dialect]
    body, losses = form.write_answer(answer, TOLD)
    assert losses == ()
    assert comparable(form.read_answer(body)) == comparable(answer)


@pytest.mark.parametrize("dialect", OURS)
@THOROUGH
@given(answer=answers(), pieces=st.integers(1, 4), mixed=st.booleans())
def test_a_stream_says_what_the_whole_answer_says(
    dialect: Dialect, answer: Answer, pieces: int, mixed: bool
) -> None:
    form = FORMS[dialect]
    deltas = spoken(answer, pieces)
    writer = form.writer(TOLD)
    said = [writer.write([delta]) for delta in (interleaved(deltas) if mixed else deltas)]
    streamed = gathered(read_all(form.reader(), b"".join(said)))
    assert all(event.endswith(b"\n\n") for event in said if event)
    whole = form.read_answer(form.write_answer(answer, TOLD)[0])
    assert comparable(streamed) == comparable(whole)
