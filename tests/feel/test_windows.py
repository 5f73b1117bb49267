"""What a gateway counted lately: exact differences of its histograms, whatever happens between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.feel.observed import from_scrapes
from tollway.feel.windows import FEW, GAP, SPEED, TTFT, Scrape, increase, lately, scraped
from tollway.gateway.counts import Counts
from tollway.gateway.metrics import Metrics
from tollway.units import Seconds

MINUTE = Seconds(60.0)


def answer(
    metrics: Metrics, times: int, speed: float = 50.0, gap: int = 7, source: str = "pool"
) -> None:
    """So many streams: half a second to the first token, 40 gaps in one bucket, of 0.08 s."""
    for _ in range(times):
        metrics.first_content(source, "m", 0.5)
        gaps = [0] * 15
        gaps[gap] = 40
        metrics.stream_ended((source, "m"), gaps, 40 * 0.08, speed)


def at(seconds: float, metrics: Metrics) -> Scrape:
    return scraped(metrics.render().decode(), Seconds(seconds))


def test_only_what_was_counted_between_two_moments_is_felt() -> None:
    metrics = Metrics()
    answer(metrics, 500, speed=200.0, gap=0)
    before = at(100.0, metrics)
    answer(metrics, 20, speed=25.0, gap=9)
    seen = from_scrapes([before, at(145.0, metrics)], "pool", None, (MINUTE,))
    assert seen is not None
    assert (seen.answers, seen.window, seen.over) == (20, "in the last 45 s", 45.0)
    assert seen.speed == pytest.approx(25.0)
    assert seen.ttft.count == 20
    assert seen.gaps is not None
    assert seen.gaps.histogram.counts == (0,) * 9 + (800,) + (0,) * 5
    assert seen.gaps.histogram.total == pytest.approx(20 * 40 * 0.08)
    assert seen.gaps.tokens == pytest.approx(25.0 * 0.08)
    assert seen.words == (
        "measured: 20 answers that ended in the last 45 s, in the running gateway's metrics"
    )


def test_where_too_few_answers_ended_the_window_is_widened_and_says_which_it_is() -> None:
    metrics = Metrics()
    answer(metrics, 7)
    first = at(0.0, metrics)
    answer(metrics, FEW)
    second = at(200.0, metrics)
    answer(metrics, FEW - 1)
    scrapes = [first, second, at(250.0, metrics)]
    seen = lately(scrapes, "pool", None, (MINUTE, Seconds(300.0)))
    assert seen is not None
    assert (seen.answers, seen.words) == (2 * FEW - 1, "in the last 4 min")
    seen = lately(scrapes[1:], "pool", None, (MINUTE, Seconds(300.0)))
    assert seen is not None
    assert (seen.answers, seen.words) == (2 * FEW + 6, "since the gateway's start")


def test_a_wider_window_with_no_more_answers_is_not_taken() -> None:
    metrics = Metrics()
    before = at(0.0, metrics)
    answer(metrics, 3)
    seen = lately([before, at(30.0, metrics)], "pool", None, (MINUTE,))
    assert seen is not None
    assert (seen.answers, seen.over) == (3, 30.0)


def test_a_gateway_that_was_started_again_counts_from_nothing() -> None:
    old, new = Metrics(), Metrics()
    answer(old, 300, speed=200.0, gap=0)
    answer(old, 1, source="other")
    answer(new, 12)
    scrapes = [at(0.0, old), at(20.0, new)]
    answer(new, 4)
    seen = lately([*scrapes, at(40.0, new)], "pool", None, (MINUTE,))
    assert seen is not None
    assert seen.speed.counts[8] == seen.answers == 16
    assert seen.gap.count == 16 * 40


def test_a_restart_shows_in_any_source_though_this_one_has_counted_more_since() -> None:
    old, new = Metrics(), Metrics()
    answer(old, 2)
    answer(old, 50, source="other")
    answer(new, 30)
    answer(new, 1, source="other")
    seen = lately([at(0.0, old), at(20.0, new)], "pool", None, (MINUTE,))
    assert seen is not None
    assert seen.answers == 30, "28 without the sign of the other source"


def test_several_workers_are_one_gateway_and_one_that_ends_takes_nothing_back() -> None:
    workers, whole = [Metrics(), Metrics()], Metrics()
    for one in workers:
        answer(one, 40)
        whole.add(one.take())
    before = at(0.0, whole)
    workers[0] = Metrics()  # it died, and another one has its place
    for one in workers:
        answer(one, 6, speed=30.0)
        whole.add(one.take())
    seen = lately([before, at(10.0, whole)], "pool", None, (MINUTE,))
    assert seen is not None
    assert seen.answers == 12
    assert seen.speed.mean == pytest.approx(30.0)


def test_a_source_of_which_nothing_ended_was_not_observed() -> None:
    metrics = Metrics()
    answer(metrics, 20)
    metrics.first_content("begun", "m", 0.4)
    assert lately([at(0.0, metrics)], "elsewhere", None, (MINUTE,)) is None
    assert lately([at(0.0, metrics)], "begun", None, (MINUTE,)) is None
    assert lately([], "pool", None, (MINUTE,)) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 13), st.integers(1, 9)), max_size=12
    ),
    st.integers(0, 12),
)
def test_what_was_counted_before_and_since_adds_up_to_all(
    events: list[tuple[str, int, int]], cut: int
) -> None:
    metrics = Metrics()
    made: list[Scrape] = []
    for place, (source, gap, times) in enumerate(events):
        if place == cut:
            made.append(at(0.0, metrics))
        answer(metrics, times, speed=times * 10.0, gap=gap, source=source)
    before = made[0].series if made else {}
    after = at(1.0, metrics).series
    since = increase(before, after)
    assert set(since) == set(after)
    for of, one in since.items():
        old = before.get(of)
        counts = (
            one.counts if old is None else tuple(map(sum, zip(old.counts, one.counts, strict=True)))
        )
        assert counts == after[of].counts
        assert all(count >= 0 for count in one.counts)


def test_a_page_has_the_three_histograms_and_nothing_else_of_what_is_counted() -> None:
    metrics = Metrics()
    answer(metrics, 2)
    metrics.request_ended("pool", "m", "completed", 1.0)
    metrics.add(Counts([("tollway_tokens_total", ("pool", "m", "output"), 9)], []))
    names = {name for name, _, _ in at(0.0, metrics).series}
    assert names == {TTFT, GAP, SPEED}
