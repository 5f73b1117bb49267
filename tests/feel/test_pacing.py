"""When tokens come: the rate is exact in every mode, jitter leaves it, and texts are whole."""

from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.errors import FaultsFound
from tollway.feel.histogram import Histogram, of_values
from tollway.feel.pacing import (
    AWAY,
    BLOCK,
    FASTEST,
    PRESETS,
    SLOWEST,
    Gaps,
    Player,
    Waits,
    jittered,
    rate_of,
    times,
)
from tollway.feel.texts import GENERATED, MODES, Mode, endless, passages
from tollway.feel.tokens import Token, pieces, tokens
from tollway.units import Seconds, TokensPerSecond

RATES = st.floats(SLOWEST, FASTEST)
MODE = st.sampled_from(MODES)
SLACK = 1e-6


def stream(mode: Mode, count: int) -> list[Token]:
    return list(islice(tokens(endless(mode)), count))


def histograms() -> st.SearchStrategy[Histogram]:
    values = st.lists(st.floats(0.001, 5.0), min_size=1, max_size=60)
    return values.map(lambda drawn: of_values(drawn, (0.01, 0.05, 0.1, 0.5, 1.0)))


@settings(max_examples=40, deadline=None)
@given(MODE, RATES, st.integers(2, 3000), st.floats(0.0, 5.0))
def test_the_rate_is_exact_at_any_rate_in_any_mode(
    mode: Mode, rate: float, count: int, ttft: float
) -> None:
    shown = stream(mode, count)
    at = list(times(shown, TokensPerSecond(rate), (Seconds(ttft),)))
    generated = sum(one.generated and not one.opens for one in shown)
    still = sum(one.pause + ttft * one.opens for one in shown)
    assert at[-1] == pytest.approx(generated / rate + still, rel=1e-9, abs=SLACK)
    assert at == sorted(at)


@settings(max_examples=25, deadline=None)
@given(histograms(), st.floats(1.0, 8.0), st.integers(0, 2**32), RATES)
def test_jitter_does_not_change_the_rate(
    gaps: Histogram, each: float, seed: int, rate: float
) -> None:
    shown = list(islice(tokens(endless("text")), 4000))
    bare = [one for one in shown if one.generated and not one.opens]
    drawn = list(jittered(bare, Gaps(gaps, each), Random(seed).random))
    block = int(BLOCK * each)
    whole = len(drawn) // block * block
    took = sum(one.wait for one in drawn[:whole]) / rate
    # A block may end within the tokens of one arrival, and a fraction of a token is carried over.
    longest = max(one.wait for one in drawn) / rate
    assert abs(took - whole / rate) <= longest * (2 + len(drawn) // block) + 2 * each / rate


def test_several_tokens_of_one_arrival_come_at_once() -> None:
    gaps = Gaps(of_values([0.1] * 10, (0.05, 0.2)), tokens=4.0)
    bare = [one for one in stream("code", 400) if one.generated and not one.opens]
    waits = [one.wait for one in jittered(bare, gaps, Random(1).random)]
    assert waits[1:4] == [0.0, 0.0, 0.0]
    assert waits[0] > 0
    assert sum(wait > 0 for wait in waits) == pytest.approx(len(waits) / 4, abs=1)


def test_jitter_keeps_the_shape_that_was_observed() -> None:
    seen = of_values([0.02] * 90 + [0.4] * 10, (0.01, 0.03, 0.1, 0.5))
    bare = [one for one in stream("text", 900) if one.generated and not one.opens]
    waits = [one.wait for one in jittered(bare, Gaps(seen), Random(7).random)]
    long = sum(wait > 3.0 for wait in waits) / len(waits)
    assert long == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("mode", MODES)
def test_the_texts_of_all_tokens_are_the_text(mode: Mode) -> None:
    for answer in passages(mode):
        for segment in answer:
            assert "".join(pieces(segment.text)) == segment.text


def test_half_a_character_shows_nothing_until_the_rest_of_it_comes() -> None:
    parts = pieces("a 🧑‍🚀 b 𓂀")
    assert "" in parts
    assert "�" not in "".join(parts)
    assert "".join(parts) == "a 🧑‍🚀 b 𓂀"


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_lasts_for_minutes_at_800_tokens_a_second(mode: Mode) -> None:
    made = islice((one for one in tokens(endless(mode)) if one.generated), 120 * 800)
    assert sum(1 for _ in made) == 120 * 800


def test_think_shows_its_reasoning_before_its_answer_and_agent_its_tools() -> None:
    for answer in passages("think"):
        assert [one.kind for one in answer] == ["question", "reasoning", "answer"]
    for answer in passages("agent"):
        kinds = [one.kind for one in answer]
        assert kinds.count("call") == kinds.count("result") >= 3
        assert all(one.pause > 0 for one in answer if one.kind == "result")
        assert all(one.pause == 0 for one in answer if one.kind in GENERATED)


@settings(max_examples=30, deadline=None)
@given(MODE, RATES, st.floats(0.001, 0.9), st.integers(0, 1000))
def test_a_player_that_is_late_does_not_make_the_stream_late(
    mode: Mode, rate: float, step: float, seed: int
) -> None:
    player = Player(
        tokens(endless(mode)), TokensPerSecond(rate), Waits(Seconds(0.2)), Random(seed).random
    )
    player.start(Seconds(100.0))
    now, end = 100.0, 104.0
    found: list[Token] = []
    while now < end:
        now = min(end, now + step)
        found += player.due(Seconds(now))
    planned = times(stream(mode, 9000), TokensPerSecond(rate), (Seconds(0.2),))
    due = sum(at <= 4.0 for at in planned)
    assert abs(len(found) - due) <= 1  # a float at the very end
    assert player.shown == sum(one.generated for one in found)


def test_a_nudge_changes_what_comes_from_now_on_and_a_pause_changes_nothing() -> None:
    bare = iter([one for one in stream("text", 3000) if one.generated and not one.opens])
    player = Player(bare, TokensPerSecond(10.0), Waits(Seconds(0.0)), Random(0).random)
    player.start(Seconds(0.0))
    assert len(player.due(Seconds(0.55))) == 5
    player.set_rate(Seconds(0.55), TokensPerSecond(100.0))
    assert player.due_at == pytest.approx(0.555)
    player.hold(Seconds(0.55))
    assert player.due(Seconds(60.0)) == []
    assert player.due_at is None
    player.go_on(Seconds(60.55))
    assert player.due_at == pytest.approx(60.555)
    assert len(player.due(Seconds(61.05))) == 50
    assert player.idle == pytest.approx(60.0)


def test_a_machine_that_slept_does_not_wake_up_to_a_thousand_tokens() -> None:
    player = Player(
        tokens(endless("text")), TokensPerSecond(100.0), Waits(Seconds(0.0)), Random(0).random
    )
    player.start(Seconds(0.0))
    before = len(player.due(Seconds(1.0)))
    assert before >= 99
    assert len(player.due(Seconds(1.0 + 3600.0))) <= 2
    assert len(player.due(Seconds(3602.0 + AWAY / 2))) <= 160


@pytest.mark.parametrize("rate", [4.9, 2001.0, 0.0, -3.0, float("nan")])
def test_a_rate_that_cannot_be_shown_is_refused(rate: float) -> None:
    with pytest.raises(FaultsFound, match=r"--rate is .* Write 5 to 2000"):
        rate_of(rate, "--rate")
    assert all(rate_of(one, "--rate") == one for one in PRESETS)


@settings(max_examples=60, deadline=None)
@given(histograms(), st.integers(1, 200))
def test_values_spread_over_a_histogram_have_its_mean(seen: Histogram, count: int) -> None:
    drawn = seen.spread(count)
    assert sum(drawn) / count == pytest.approx(seen.mean, rel=1e-6)
    assert drawn == sorted(drawn)
    assert seen.at(0.0) <= seen.at(0.5) <= seen.at(1.0)
