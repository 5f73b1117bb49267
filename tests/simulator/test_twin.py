"""A source's day played again: what is predicted, of which requests, and what cannot be."""

from dataclasses import replace

import pytest

from tollway.engine.fitted import constants
from tollway.engine.intervals import Interval
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.simulator.scores import ENOUGH, Figure, Learned, Score, Served, digest_of
from tollway.simulator.twin import DAY, Made, Site, StoppedError, figures, scored, site_of

MODEL = "llama-3.1-8b"
TODAY = 20_000
MADE = Made("1.2.3", 5.0, {})
FLEET = """
version = 1
[models."llama-3.1-8b"]
[models.other]
[sources.own]
kind = "server"
url = "http://own.test:8000/v1"
chip = "h100"
slots = 64
[sources.own.serves."llama-3.1-8b"]
context = 16000
[sources.own.serves.other]
[sources.api]
kind = "api"
url = "https://api.test/v1"
[sources.api.serves."llama-3.1-8b"]
[routes.chat]
model = "llama-3.1-8b"
candidates = ["own"]
[tenants.team]
"""


def fleet(text: str = FLEET) -> Fleet:
    return parse({"fleet.toml": text}, "fleet.toml")


def site(text: str = FLEET, learned: Learned | None = None) -> Site:
    declared = fleet(text)
    found, _ = site_of(declared, declared.sources["own"], learned or Learned())
    assert found is not None
    return found


def day_of(count: int = 200, every: float = 3.0, **changes: object) -> list[Served]:
    """Requests of 500 tokens, each answered by 101 tokens at 100 a second after 50 ms."""
    one = Served("own", MODEL, 0.0, 0.05, 1.05, 500, 0, 101, known=True)
    one = replace(one, **changes)  # pyright: ignore[reportArgumentType]
    return [replace(one, sent=TODAY * DAY + 7.0 + every * n) for n in range(count)]


def only(rows: list[Served], of: Site | None = None, made: Made = MADE) -> Score:
    found, _ = scored(of or site(), TODAY, rows, made)
    [one] = found
    return one


def of(one: Score, name: str) -> Figure:
    found = one.figure(name)
    assert found is not None
    return found


def test_a_figure_is_of_both_sides_and_its_interval_is_of_the_prediction():
    observed = [0.1 * n for n in range(1, 101)]
    p50, p90 = figures("ttft", observed, [[0.2] * 99 + [1.0]], Interval(0.5, 2.0))
    assert (p50.name, p50.observed, p50.predicted) == ("ttft_p50", 5.0, 0.2)
    assert (p50.low, p50.high) == (0.1, 0.4)
    assert p90.observed == pytest.approx(9.0)
    assert p50.error == pytest.approx(0.2 / 5.0 - 1.0)


def test_near_the_knee_the_interval_reaches_to_both_ends_of_the_pace():
    played = [[1.0], [0.2], [9.0]]
    p50, _ = figures("ttft", [1.0] * ENOUGH, played, Interval(0.5, 2.0))
    assert (p50.predicted, p50.low, p50.high) == (1.0, 0.2, 9.0)


def test_a_day_is_predicted_by_the_engine_model_and_held_against_what_was():
    one = only(day_of())
    assert (one.day, one.source, one.model, one.requests) == (TODAY, "own", MODEL, 200)
    assert (one.version, one.made, one.emulated) == ("1.2.3", 5.0, False)
    assert one.claim.chip == "h100"
    assert one.claim.constants == digest_of(None)
    tpot, ttft = of(one, "tpot_p50"), of(one, "ttft_p50")
    assert tpot.observed == pytest.approx(0.01)
    # A single stream on an H100 reads 16 GB a token.
    assert 0.005 < tpot.predicted < 0.010
    assert 0.015 < ttft.predicted < 0.080
    assert tpot.low < tpot.predicted < tpot.high


def test_more_at_a_time_are_predicted_to_be_slower():
    alone, many = only(day_of()), only(day_of(every=0.02, count=2000))
    assert of(many, "tpot_p50").predicted > 1.2 * of(alone, "tpot_p50").predicted


def test_slots_make_those_wait_in_the_prediction_who_waited_at_the_gateway():
    few = site(FLEET.replace("slots = 64", "slots = 1"))
    rows = day_of(every=0.5, count=400)
    assert of(only(rows, few), "ttft_p50").predicted > 10 * of(only(rows), "ttft_p50").predicted


def test_what_was_cached_then_is_cached_in_the_prediction():
    long = day_of(input=8000)
    cached = day_of(input=8000, cached=7900)
    assert of(only(cached), "ttft_p50").predicted < 0.6 * of(only(long), "ttft_p50").predicted


def test_a_day_does_not_begin_with_an_empty_engine():
    rows = day_of(count=100, every=0.2)
    before = [replace(one, sent=TODAY * DAY - 9.0, output=8000) for one in day_of(count=50)]
    cold, warm = only(rows), only([*before, *rows])
    assert warm.requests == cold.requests == 100
    assert of(warm, "tpot_p50").requests == 100
    assert of(warm, "tpot_p50").predicted > of(cold, "tpot_p50").predicted


def test_answers_that_say_nothing_of_time_are_load_and_no_sample():
    plain = day_of(count=150, ttft=1.05)
    one = only([*day_of(), *plain])
    assert of(one, "ttft_p50").requests == 200
    assert one.requests == 350
    short = [*day_of(), *day_of(output=8)]
    assert of(only(short), "ttft_p50").requests == 400
    assert of(only(short), "tpot_p50").requests == 200


def test_too_few_requests_are_no_score_and_the_reason_says_how_many():
    found, refused = scored(site(), TODAY, day_of(count=ENOUGH - 1), MADE)
    assert not found
    assert refused[MODEL] == "had 99 streamed requests with stated tokens of 99; 100 are needed"
    _, refused = scored(site(), TODAY, [], MADE)
    assert refused[MODEL] == "had no requests"


def test_models_and_sources_that_cannot_be_predicted_say_why():
    declared = fleet()
    _, refused = site_of(declared, declared.sources["own"], Learned())
    assert "other" in refused["other"]
    found, refused = site_of(declared, declared.sources["api"], Learned())
    assert found is None
    assert "says on no chips it runs" in refused[MODEL]


def test_constants_of_ones_own_predict_and_what_they_were_fitted_on_is_told():
    trio = (MODEL, "h100", "vllm")
    slow = replace(constants(), weight_read=constants().weight_read / 2)
    own = site(learned=Learned(own={trio: slow}))
    one = only(day_of(), own, replace(MADE, fitted={trio: TODAY}))
    assert one.provenance == "measured here"
    assert one.claim.constants == digest_of(slow)
    assert one.fitted_later
    assert of(one, "tpot_p50").predicted > 1.4 * of(only(day_of()), "tpot_p50").predicted
    assert not only(day_of(), own, replace(MADE, fitted={trio: TODAY - 1})).fitted_later


def test_the_same_day_is_predicted_the_same_again():
    rows = day_of(every=0.1, count=300)
    assert only(rows) == only(list(reversed(rows)))


def test_a_day_that_is_stopped_has_no_score():
    with pytest.raises(StoppedError):
        scored(site(), TODAY, day_of(count=3000, every=0.5), MADE, lambda _: False)
