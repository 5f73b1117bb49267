"""When a prediction is stale, and what a score says."""

from dataclasses import replace

import pytest

from tollway.simulator.scores import (
    Claim,
    Figure,
    Score,
    Served,
    digest_of,
    disproved,
    stale,
)

CLAIM = Claim("llama-3.1-8b", "h100", "vllm", "abc")


def figure(ratio: float, name: str = "ttft_p50") -> Figure:
    """Observed at `ratio` of the prediction of 100 ms, whose interval is 70 to 200 ms."""
    return Figure(name, 500, 0.1 * ratio, 0.1, 0.07, 0.2)


def score(day: int, ratio: float, name: str = "ttft_p50", **changes: object) -> Score:
    one = Score(
        day=day,
        source="own",
        model="llama",
        claim=CLAIM,
        deployment="1 x h100",
        provenance="measured",
        version="1",
        made=float(day),
        emulated=False,
        fitted_later=False,
        near=False,
        requests=500,
        figures=(figure(ratio, name),),
    )
    return replace(one, **changes)  # pyright: ignore[reportArgumentType]


def days(*ratios: float, name: str = "ttft_p50", **changes: object) -> list[Score]:
    return [score(day, ratio, name, **changes) for day, ratio in enumerate(ratios)]


def test_the_error_is_predicted_over_observed_less_one():
    assert Figure("ttft_p50", 100, 0.125, 0.1, 0.07, 0.2).error == pytest.approx(-0.2)
    assert Figure("ttft_p50", 100, 0.080, 0.1, 0.07, 0.2).error == pytest.approx(0.25)


def test_the_ends_of_an_interval_are_inside_it():
    assert Figure("ttft_p50", 500, 0.07, 0.1, 0.07, 0.2).side is None
    assert Figure("ttft_p50", 500, 0.20, 0.1, 0.07, 0.2).side is None
    assert figure(0.69).side == "faster"
    assert figure(2.01).side == "slower"


@pytest.mark.parametrize(
    ("ratios", "outside"),
    [
        ((1.0, 1.0, 1.0), ()),
        ((1.0, 1.0, 3.0), ()),
        ((3.0, 1.0, 3.0), (0, 2)),
        ((1.0, 3.0, 3.0), (1, 2)),
        ((3.0, 3.0), (0, 1)),
        ((3.0,), ()),
        ((3.0, 0.1, 1.0), ()),
        ((3.0, 3.0, 1.0, 1.0), ()),
        ((0.1, 0.1, 1.0), (0, 1)),
    ],
)
def test_two_of_the_last_three_days_outside_on_one_side_are_stale(
    ratios: tuple[float, ...], outside: tuple[int, ...]
):
    found = stale(days(*ratios))
    assert tuple(day for one in found for day in one.days) == outside


def test_what_was_seen_is_the_middle_of_observed_over_predicted():
    [found] = stale(days(3.0, 4.0, 3.5))
    assert found.seen == pytest.approx({"ttft": 3.5})
    [found] = stale(days(3.0, 4.0, 3.5, name="tpot_p50"))
    assert found.seen == pytest.approx({"tpot": 3.5})


def test_a_ninetieth_percentile_alone_is_never_stale():
    assert not stale(days(9.0, 9.0, 9.0, name="ttft_p90"))


def test_a_day_on_which_the_constants_were_fitted_is_not_judged():
    assert not stale(days(3.0, 3.0, 3.0, fitted_later=True))


def test_another_deployment_and_other_constants_are_judged_for_themselves():
    moved = [*days(3.0, 3.0), score(2, 1.0, deployment="2 x h100")]
    assert not stale(moved)
    other = replace(CLAIM, constants="def")
    [found] = stale([*days(3.0, 3.0), score(0, 1.0, claim=other), score(1, 1.0, claim=other)])
    assert found.last.claim == CLAIM


def test_an_engine_that_is_not_there_disproves_nothing_of_a_chip():
    assert list(disproved(days(3.0, 3.0))) == [CLAIM]
    assert stale(days(3.0, 3.0, emulated=True))
    assert not disproved(days(3.0, 3.0, emulated=True))


def test_an_answer_is_timed_only_where_it_was_streamed_with_stated_tokens():
    one = Served("own", "llama", 0.0, 0.1, 1.1, 100, 0, 101, known=True)
    assert one.times == pytest.approx((0.1, 0.01))
    assert replace(one, known=False).times is None
    assert replace(one, ttft=None).times is None
    assert replace(one, output=1).times is None
    assert replace(one, duration=0.1).times is None


def test_constants_have_one_digest_whoever_hands_them_over():
    from tollway.engine.fitted import constants

    assert digest_of(None) == digest_of(constants())
    assert digest_of(replace(constants(), step=1.0)) != digest_of(None)
