import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from tollway.simulator.report import Sample, percentiles, summarise
from tollway.units import Seconds

OK = Sample(
    index=0,
    outcome="ok",
    reason=None,
    due=Seconds(1.0),
    sent=Seconds(1.01),
    ttft=Seconds(0.2),
    latency=Seconds(1.2),
    streaming=Seconds(1.0),
    input_tokens=100,
    output_tokens=11,
    request="r1",
    source="a",
    model="m",
    attempts=1,
    substituted=None,
    status=200,
    content=True,
    done=True,
)


def changed(**facts: object) -> Sample:
    return dataclasses.replace(OK, **facts)  # type: ignore[arg-type]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_a_percentile_is_a_value_that_was_measured_and_as_many_are_at_most_it(
    values: list[float],
) -> None:
    found = percentiles(values)
    for share, value in ((0.5, found.p50), (0.9, found.p90), (0.99, found.p99)):
        assert value in values
        assert sum(v <= value for v in values) >= share * len(values) - 1e-9
        assert sum(v < value for v in values) < share * len(values)


def test_rows_by_source_add_up_to_the_total_and_refusals_have_no_source() -> None:
    samples = [
        OK,
        changed(source="b", attempts=2, substituted="other model"),
        changed(source=None, outcome="refused", reason="queue_full", attempts=0, status=429),
        changed(source="b", outcome="failed", reason="cut"),
        changed(source="a", outcome="unfinished"),
    ]
    report = summarise(samples, 1.0, {"a": 3, "b": 4, None: 7})
    assert [(r.source, r.requests, r.ok, r.cost) for r in report.rows] == [
        ("a", 2, 1, 3),
        ("b", 2, 1, 4),
    ]
    total = report.total
    assert (total.requests, total.ok, total.refused, total.failed) == (5, 2, 1, 1)
    assert (total.unfinished, total.fallbacks, total.substitutions, total.cost) == (1, 1, 1, 7)
    assert report.refusals == {"queue_full": 1}
    assert report.failures == {"cut": 1}


def test_warped_times_are_scaled_back_and_speeds_with_them() -> None:
    plain, warped = summarise([OK], 1.0, {}), summarise([OK], 10.0, {})
    assert (plain.total.ttft.p50, warped.total.ttft.p50) == (0.2, 2.0)
    assert (plain.total.latency.p99, warped.total.latency.p99) == (1.2, 12.0)
    assert (plain.total.speed_p50, warped.total.speed_p50) == (10.0, 1.0)


def test_a_speed_that_cannot_be_told_is_not_told() -> None:
    report = summarise([changed(output_tokens=1), changed(streaming=Seconds(0.0))], 1.0, {})
    assert report.total.speed_p50 is None


def test_a_generator_that_falls_behind_says_so() -> None:
    prompt = [OK] * 90
    assert summarise(prompt, 1.0, {}).kept_up
    assert not summarise([*prompt, *[changed(sent=Seconds(1.5))] * 10], 1.0, {}).kept_up


def test_nothing_played_is_a_report_too() -> None:
    report = summarise([], 1.0, {})
    assert report.rows == ()
    assert report.total.ttft.p50 is None
    assert report.kept_up
