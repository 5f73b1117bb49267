"""What a speed means to people: the figures follow from published constants and counted tokens."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.feel.arithmetic import (
    ATTENTION,
    GIVEN,
    READING,
    SKIMMING,
    Answer,
    enough,
    feeling,
    grasp_of,
    tokens_per_word,
    usual_answer,
    waiting,
)
from tollway.feel.texts import MODES, Mode
from tollway.units import Seconds, TokensPerSecond

MODE = st.sampled_from(MODES)
RATES = st.floats(5.0, 2000.0)


def rate(value: float) -> TokensPerSecond:
    return TokensPerSecond(value)


@pytest.mark.parametrize("name", GIVEN)
def test_every_constant_names_its_publication_or_says_that_it_is_a_judgement(name: str) -> None:
    one = GIVEN[name]
    assert re.search(r"\b(19|20)\d\d\b", one.source) or one.judgement
    assert ("judgement" in one.source) == one.judgement


def test_a_reader_of_238_words_a_minute_reads_four_to_six_tokens_a_second() -> None:
    felt = feeling("text", rate(60.0), Seconds(0.5))
    assert felt.reading == pytest.approx(238 / 60 * tokens_per_word("text"))
    assert 4.0 < felt.reading < 6.0
    assert felt.ahead == pytest.approx(60.0 / felt.reading)


def test_the_reader_is_behind_by_what_is_left_to_read_when_the_stream_ends() -> None:
    felt = feeling("text", rate(100.0), Seconds(0.5), Answer(1000))
    assert felt.behind == pytest.approx(1000 / felt.reading - 10.0)
    assert felt.whole == pytest.approx(10.5)


@given(st.sampled_from(["text", "code"]), RATES, st.floats(0.0, 5.0), st.integers(1, 5000))
def test_who_reads_along_waits_for_the_first_token_alone_once_the_stream_keeps_up(
    mode: Mode, speed: float, ttft: float, count: int
) -> None:
    answer = Answer(count)
    best = enough(mode, ttft, answer)
    assert best is not None
    waited = waiting(mode, speed, ttft, answer)
    if speed >= best:
        assert waited == pytest.approx(ttft)
    else:
        assert waited == pytest.approx(ttft + count / speed - count / best)


@given(st.sampled_from(["think", "agent"]), st.floats(0.05, 5.0), st.integers(10, 5000))
def test_beyond_enough_generating_is_a_tenth_of_the_whole(
    mode: Mode, ttft: float, count: int
) -> None:
    answer = Answer(count, turns=4, pauses=Seconds(7.0))
    best = enough(mode, ttft, answer)
    assert best is not None
    assert count / best == pytest.approx(0.1 * waiting(mode, best, ttft, answer))


def test_speed_never_stops_mattering_where_nothing_else_takes_time() -> None:
    assert enough("think", 0.0, Answer(500)) is None


@given(MODE, RATES, RATES, st.floats(0.0, 5.0))
def test_more_speed_never_makes_anybody_wait_longer(
    mode: Mode, one: float, other: float, ttft: float
) -> None:
    slow, fast = sorted((one, other))
    answer = usual_answer(mode)
    assert waiting(mode, fast, ttft, answer) <= waiting(mode, slow, ttft, answer) + 1e-9


def test_an_agents_answer_begins_after_its_turns_and_their_tools() -> None:
    answer = Answer(tokens=600, before=500, turns=3, pauses=Seconds(9.0))
    felt = feeling("agent", rate(100.0), Seconds(1.0), answer)
    assert felt.first_word == pytest.approx(3 * 1.0 + 9.0 + 5.0)
    assert felt.whole == pytest.approx(18.0)
    assert felt.grasp == "attention is lost"


def test_users_wait_as_often_as_they_ask() -> None:
    felt = feeling("think", rate(50.0), Seconds(1.0), Answer(450, before=400))
    assert felt.waiting == pytest.approx(10.0)
    assert felt.a_day(360) == pytest.approx(3600.0)


def test_a_skimmer_is_faster_than_a_reader_and_waits_have_their_limits() -> None:
    assert SKIMMING.value > READING.value
    named = [grasp_of(it) for it in (0.1, 1.0, ATTENTION.value, 10.1)]
    assert named == ["at once", "in the flow", "attention stays", "attention is lost"]
