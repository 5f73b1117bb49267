"""What a rehearsal's figures mean."""

from dataclasses import replace

import pytest
from simulated_fleets import KEYS, MODEL, engines, fleet_of, hosted, lost, trace_of

from tollway.catalog import model
from tollway.engine.fitted import constants
from tollway.engine.outcome import front
from tollway.fleet.objects import Slo
from tollway.simulator.clients import Size, arrivals
from tollway.simulator.compare import Side, Thresholds, loss_of, passed, survival_of
from tollway.simulator.play import Play
from tollway.simulator.rehearsal import Rehearsed, rehearse_fleet
from tollway.simulator.supply import EnginePool, paced, supply
from tollway.simulator.trace import Trace
from tollway.simulator.use import Batch
from tollway.units import Seconds, TokensPerSecond

PLAY = Play("chat", "k", KEYS, 1.7e9)


def test_the_report_adds_up_and_a_promise_counts_who_was_refused_as_not_served() -> None:
    queue = 'queue.interactive = { length = 1, wait = "1s" }'
    fleet = fleet_of([hosted("a", slots=1, ttft="500ms", speed=10)], rest=queue)
    trace = trace_of((0.0, 10, 11), (0.0, 10, 11), (0.0, 10, 11), (5.0, 10, 2))
    found = rehearse_fleet(fleet, trace, PLAY, Slo(Seconds(0.5), TokensPerSecond(10)))
    total = found.report.total
    assert (total.requests, total.ok, total.refused, total.failed) == (4, 2, 2, 0)
    assert found.report.refusals == {"queue_full": 1, "queue_timeout": 1}
    assert found.promise is not None
    assert (found.promise.asked, found.promise.kept) == (4, 2)
    assert found.seconds == pytest.approx(5.6)
    assert found.promise.output_tokens == pytest.approx(13 / 5.6)
    assert total.cost == 20 * 10**6 + 13 * 2 * 10**6
    assert found.wait.p50 == 0.0
    [use] = found.uses
    assert use.slots == pytest.approx((1.5 + 0.6) / 5.6)
    assert use.pace.origin == "declared"


def test_a_full_batch_serves_as_much_as_its_arithmetic_says_within_a_fifth() -> None:
    fleet = fleet_of([engines("a")])
    [pool] = supply(fleet)
    assert isinstance(pool, EnginePool)
    batch = Batch(pool, 1000.0, 200.0)
    trace = trace_of(*[(0.0, 1000, 200)] * 3000)
    queue = fleet_of(
        [engines("a")], route='deadline = "1h"', rest='[timeouts]\nfirst_content = "1h"'
    )
    found = rehearse_fleet(queue, trace, PLAY)
    assert found.report.total.ok == 3000
    served = 3000 / found.seconds
    assert served == pytest.approx(batch.rate(batch.most), rel=0.2)
    assert found.uses[0].near


def test_a_slower_pace_takes_longer_and_a_declared_speed_has_no_interval() -> None:
    fleet = fleet_of([engines("a"), hosted("b")], route='candidates = ["a"]')
    pools = supply(fleet)
    trace = trace_of((0.0, 1000, 200))
    seconds = [
        rehearse_fleet(fleet, trace, PLAY, pools=[paced(pool, end) for pool in pools]).seconds
        for end in ("fast", "slow")
    ]
    assert seconds[0] < rehearse_fleet(fleet, trace, PLAY).seconds < seconds[1]
    assert paced(pools[1], "slow") is pools[1]


def test_what_comes_before_the_first_step_is_in_the_times_and_delays_nobody() -> None:
    fleet = fleet_of([engines("a"), hosted("b")], route='candidates = ["a"]')
    emulated = replace(fleet.sources["a"], kind="emulated")
    other = replace(fleet, sources={**fleet.sources, "a": emulated})
    trace = trace_of((0.0, 1000, 101), (20.0, 3000, 101))
    ours, bare = (rehearse_fleet(one, trace, PLAY, pools=supply(fleet)) for one in (fleet, other))
    [told, steps] = (one.report.total for one in (ours, bare))
    assert told.ttft.p99 is not None
    assert steps.ttft.p99 is not None
    late = told.ttft.p99 - steps.ttft.p99
    used = constants()
    [use, _] = ours.uses
    tpot = 1.0 / (steps.speed_p50 or 1.0)
    assert late == pytest.approx(front(used, model(MODEL), 3000, use.in_flight, tpot), rel=0.01)
    assert told.latency.p99 == pytest.approx((steps.latency.p99 or 0.0) + late)
    assert told.speed_p50 == pytest.approx(steps.speed_p50)
    assert (ours.seconds, ours.uses) == (bare.seconds, bare.uses)
    declared = fleet_of([hosted("b", ttft="200ms")])
    assert rehearse_fleet(declared, trace, PLAY).report.total.ttft.p50 == pytest.approx(0.2)


def test_stopping_keeps_what_is_done_and_says_so() -> None:
    fleet = fleet_of([hosted("a")])
    trace = trace_of(*[(0.01 * n, 10, 50) for n in range(5000)])
    found = rehearse_fleet(fleet, trace, PLAY, going=lambda done: False)
    assert found.stopped
    total = found.report.total
    assert (total.ok, total.ok + total.unfinished) == (1000, total.requests)
    assert 0 < total.unfinished < 1000


@pytest.mark.slow
@pytest.mark.timeout(600)  # where nothing is kept yet, it compiles
def test_the_compiled_execution_stops_too_and_keeps_what_is_done() -> None:
    fleet = fleet_of([engines("a", more="replicas = 4")])
    trace = arrivals(100.0, Seconds(600.0), Size(300, 40), seed=3)
    told: list[int] = []
    found = rehearse_fleet(fleet, trace, PLAY, going=lambda done: bool(told.append(done)))
    assert found.plain == ()
    assert found.stopped
    total = found.report.total
    assert [total.ok] == told
    assert 0 < total.ok < len(trace.requests)
    assert 0 < total.unfinished < 1000


def side(fleet_sources: list[str], trace: Trace) -> Side:
    fleet = fleet_of(fleet_sources)
    runs: list[Rehearsed] = [rehearse_fleet(fleet, trace, PLAY)]
    survivals = []
    for source in fleet.sources:
        loss = loss_of(trace, source)
        play = Play("chat", "k", KEYS, 1.7e9, losses=(loss,), counted=loss.at)
        survivals.append(survival_of(source, rehearse_fleet(fleet, trace, play)))
    return Side(runs[0], tuple(survivals))


def test_a_fleet_is_compared_on_the_same_traffic_and_what_is_worse_is_named() -> None:
    trace = arrivals(2.0, Seconds(60.0), Size(100, 50), seed=1)
    both = side([hosted("a"), hosted("b", speed=45.0)], trace)
    one = side([hosted("a", ttft="300ms")], trace)
    assert passed(both, both, Thresholds(0.0, 0.0, 0.0, 0.0, 0.5)) == ()
    found = {one.what: one for one in passed(both, one, Thresholds(0.0, 0.1, None, 0.0, 0.99))}
    assert set(found) == {"TTFT p50", "TTFT p90", "TTFT p99", "answered without a"}
    assert found["answered without a"].new < 0.1
    assert found["answered without a"].old > 0.9
    assert {s.source: s.answered > 0.9 for s in both.survivals} == {"a": True, "b": True}
    # The loss is a quarter into the trace, and only those who came after it are counted.
    late = sum(one.at >= trace.span / 4 for one in trace.requests)
    assert abs(both.survivals[0].asked - late) <= 1


def test_a_loss_shows_in_breakers_and_in_who_answered() -> None:
    fleet = fleet_of([hosted("a"), hosted("b")], route='candidates = ["a"]\nfallbacks = ["b"]')
    trace = trace_of(*[(0.5 * n, 10, 5) for n in range(100)])
    play = Play("chat", "k", KEYS, 1.7e9, losses=(lost("a", 10.0),))
    found = rehearse_fleet(fleet, trace, play)
    assert found.opened[f"a:{MODEL}"] >= 1
    assert found.report.total.ok == 100
    assert [row.source for row in found.report.rows] == ["a", "b"]


@pytest.mark.slow
@pytest.mark.timeout(600)  # where nothing is kept yet, it compiles
def test_both_executions_report_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = fleet_of(
        [engines("a", slots=40), engines("b", slots=20, more="replicas = 2")],
        route='slo = { ttft = "1s", speed = 40 }',
        rest='queue.interactive = { length = 5, wait = "1s" }',
    )
    trace = arrivals(25.0, Seconds(60.0), Size(800, 120, 0.6), seed=3)
    play = Play("chat", "k", KEYS, 1.7e9, losses=(lost("b", 20.0, 30.0),))
    plain = rehearse_fleet(fleet, trace, play)
    monkeypatch.setattr("tollway.simulator.rehearsal.WORTH", 1)
    compiled = rehearse_fleet(fleet, trace, play)
    assert (bool(plain.plain), compiled.plain) == (True, ())
    assert plain.report.total.refused > 0
    assert compiled.report == plain.report
    assert (compiled.promise, compiled.wait, compiled.seconds, compiled.opened) == (
        plain.promise,
        plain.wait,
        plain.seconds,
        plain.opened,
    )
    for one, other in zip(compiled.uses, plain.uses, strict=True):
        assert one == other


@pytest.mark.slow
@pytest.mark.timeout(600)  # where nothing is kept yet, it compiles
def test_where_a_sources_own_timeouts_may_have_a_part_it_is_played_plain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tollway.simulator.rehearsal.WORTH", 1)
    trace = trace_of((0.0, 100, 200), (0.0, 100, 2000))
    fleet = fleet_of([engines("a", more='timeouts = { total = "8s" }')])
    found = rehearse_fleet(fleet, trace, PLAY)
    assert found.plain == ("an attempt at a that lasted for its total timeout",)
    assert found.report.failures == {"upstream_too_long": 1}
    # A batch that is never preempted yields a token each step: nothing is idle for so long.
    patient = fleet_of([engines("a", more='timeouts = { idle = "3s" }')])
    assert rehearse_fleet(patient, trace, PLAY).plain == ()
    tight = fleet_of([engines("a", more='timeouts = { idle = "10ms" }')])
    [why] = rehearse_fleet(tight, trace, PLAY).plain
    assert why == "an answer of a that may have been idle"
