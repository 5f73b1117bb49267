"""What the plain execution promises of any fleet."""

from collections import Counter
from math import factorial, sqrt
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_fleets import (
    MODEL,
    drained,
    engines,
    fleet_of,
    fleet_text,
    hosted,
    lost,
    played,
    recorded,
    trace_of,
)

from tollway.dispatch.recording import verify
from tollway.errors import FaultsFound
from tollway.fleet.parse import parse
from tollway.simulator.clients import Size, Talk, arrivals, sessions, users
from tollway.simulator.draws import Stream
from tollway.simulator.steps import SECOND
from tollway.simulator.supply import EnginePool, supply
from tollway.simulator.trace import Trace, TraceRequest
from tollway.units import Seconds, Tokens

# --- one source ---------------------------------------------------------------------------------


def test_a_declared_source_answers_at_its_declared_speed() -> None:
    [one] = played(fleet_of([hosted("a")]), trace_of((1.0, 100, 11))).ended
    assert one.first is not None
    assert (one.arrived, one.first - one.arrived) == (SECOND, 200 * 10**9)
    assert one.ended - one.first == 10 * SECOND // 50
    assert (one.outcome, one.source, one.cost) == ("completed", "a", 100 * 10**6 + 11 * 2 * 10**6)


def test_an_engine_shares_its_steps_between_those_who_run() -> None:
    fleet = fleet_of([engines("a")])
    [alone] = played(fleet, trace_of((0.0, 500, 100))).ended
    crowd = played(fleet, trace_of(*[(0.0, 500, 100)] * 64)).ended
    assert len(crowd) == 64
    assert max(one.ended for one in crowd) > alone.ended
    assert max(one.ended for one in crowd) < 10 * alone.ended


def test_whoever_finds_no_slot_waits_for_one_and_is_served_in_order() -> None:
    fleet = fleet_of([hosted("a", slots=1, ttft="1s", speed=1000)])
    run = played(fleet, trace_of(*[(0.1 * n, 10, 1) for n in range(5)]))
    assert [one.index for one in run.ended] == [0, 1, 2, 3, 4]
    assert [one.sent for one in run.ended] == [n * SECOND for n in range(5)]


def test_whoever_waits_too_long_is_refused() -> None:
    queue = 'queue.interactive = { length = 10, wait = "2s" }'
    fleet = fleet_of([hosted("a", slots=1, ttft="9s", speed=1000)], rest=queue)
    run = played(fleet, trace_of((0.0, 10, 1), (1.0, 10, 1)))
    assert [(one.code, one.status, one.ended) for one in run.ended] == [
        ("queue_timeout", 429, 3 * SECOND),
        (None, None, 9 * SECOND),
    ]


def test_a_request_that_no_engine_can_hold_is_the_clients_fault() -> None:
    fleet = fleet_of([engines("a")])
    [one] = played(fleet, trace_of((0.0, 15_000, 2_000))).ended
    assert (one.outcome, one.code) == ("failed", "upstream_status")


def test_a_limit_refuses_before_anything_is_sent() -> None:
    fleet = fleet_of([hosted("a")], tenant="limits = { requests_per_minute = 2 }")
    run = played(fleet, trace_of(*[(0.0, 10, 5)] * 4))
    assert Counter(one.code for one in run.ended) == {None: 2, "requests_per_minute_limit": 2}


def test_a_budget_ends_an_answer_that_outgrows_it() -> None:
    fleet = fleet_of([hosted("a", speed=1000)], tenant='budget = { day = "0.001" }')
    run = played(fleet, trace_of((0.0, 100, 5_000)))
    assert [(one.outcome, one.code) for one in run.ended] == [("failed", "budget_exhausted")]
    assert run.ended[0].output < 2_000


# --- losses -------------------------------------------------------------------------------------


def test_requests_of_a_lost_source_fall_back_until_it_is_back() -> None:
    route = 'candidates = ["a"]\nfallbacks = ["b"]'
    fleet = fleet_of([hosted("a"), hosted("b")], route=route)
    trace = trace_of(*[(1.0 * n, 100, 11) for n in range(100)])
    run = played(fleet, trace, [lost("a", 20.05, 40.0)])
    assert all(one.outcome == "completed" for one in run.ended)
    sources = {one.index: one.source for one in run.ended}
    assert {sources[n] for n in range(20)} == {"a"}
    # The one in flight had no content yet: it is sent again, and the client sees nothing.
    assert sources[20] == "b"
    assert {sources[n] for n in range(20, 40)} == {"b"}
    assert {sources[n] for n in range(70, 100)} == {"a"}
    assert (run.breakers[0][1].state, run.breakers[-1][1].state) == ("open", "closed")


def test_a_stream_that_was_under_way_when_its_source_was_lost_fails_and_is_billed() -> None:
    fleet = fleet_of([hosted("a"), hosted("b")], route='candidates = ["a"]\nfallbacks = ["b"]')
    [one] = played(fleet, trace_of((0.0, 100, 101)), [lost("a", 1.2)]).ended
    assert (one.outcome, one.code, one.source) == ("failed", "upstream_cut", "a")
    assert one.output == 51
    assert one.ended == round(1.2 * SECOND)


def test_a_fleet_that_is_lost_refuses_and_ends() -> None:
    run = played(
        fleet_of([engines("a")]), trace_of(*[(n, 10, 5) for n in range(50)]), [lost("a", 9)]
    )
    assert len(run.ended) == 50
    assert {one.outcome for one in run.ended if one.arrived > 9 * SECOND} <= {"failed", "refused"}


# --- drains -------------------------------------------------------------------------------------


def test_a_drained_source_ends_what_it_has_and_gets_nothing_new_until_it_is_back() -> None:
    fleet = fleet_of([hosted("a"), hosted("b")], route='candidates = ["a"]\nfallbacks = ["b"]')
    trace = trace_of(*[(1.0 * n, 100, 101) for n in range(30)])  # 2.2 s each
    run = played(fleet, trace, drains=[drained("a", 10.5, 20.5)])
    assert all((one.outcome, one.attempts) == ("completed", 1) for one in run.ended)
    sources = {one.index: one.source for one in run.ended}
    assert [sources[n] for n in range(30)] == ["a"] * 11 + ["b"] * 10 + ["a"] * 9
    # 9 and 10 were under way when it was drained, and ended there as if nothing had been.
    alone = {one.index: one.ended for one in played(fleet, trace).ended}
    assert {one.index: one.ended for one in run.ended if one.index <= 10} == {
        n: alone[n] for n in range(11)
    }
    assert run.breakers == []


def test_a_source_that_is_drained_from_the_start_serves_nobody() -> None:
    fleet = fleet_of([hosted("a"), hosted("b")], route='candidates = ["a", "b"]')
    run = played(fleet, trace_of(*[(0.0, 100, 11)] * 6), drains=[drained("a", 0.0)])
    assert {one.source for one in run.ended} == {"b"}


def test_who_waits_for_a_drained_source_alone_is_refused_at_once() -> None:
    queue = 'queue.interactive = { length = 10, wait = "60s" }'
    fleet = fleet_of([hosted("a", slots=1, ttft="9s")], rest=queue)
    run = played(fleet, trace_of((0.0, 10, 1), (1.0, 10, 1)), drains=[drained("a", 2.0)])
    ended = {one.index: one for one in run.ended}
    assert ended[0].outcome == "completed"
    assert (ended[1].status, ended[1].ended) == (503, 2 * SECOND)


# --- those who follow ---------------------------------------------------------------------------


def test_a_user_waits_for_the_answer_and_the_pause_before_asking_again() -> None:
    trace = users(4, 5, Size(50, 20), Seconds(1.5), seed=8)
    run = played(fleet_of([engines("a")]), trace)
    ended = {one.index: one for one in run.ended}
    assert len(ended) == 20
    for index, asked in enumerate(trace.requests):
        if asked.after is not None:
            due = ended[asked.after].ended + round(asked.pause * SECOND)
            assert ended[index].arrived == due


def test_a_session_finds_its_conversation_in_the_cache_and_breaks_off_with_its_answer() -> None:
    talk = Talk(turns=4, opening=2000, said=100, answer=50, pause=Seconds(2.0))
    run = played(fleet_of([engines("a")]), sessions(10, 1.0, talk, seed=4))
    assert len(run.ended) == 40
    first = [one for one in run.ended if one.index % 4 == 0]
    later = [one for one in run.ended if one.index % 4]
    assert {one.cached for one in first} == {0}
    # All but the block in which prompt and answer end, and what the last step alone computes.
    assert all(one.cached >= one.input - 100 - 32 for one in later)
    none = played(fleet_of([engines("a")]), sessions(10, 1.0, talk, seed=4), [lost("a", 0.0)])
    assert len(none.ended) == 10


# --- any fleet ----------------------------------------------------------------------------------

SOURCES = st.lists(
    st.one_of(
        st.builds(
            lambda slots, ttft, speed: ("hosted", slots, ttft, speed),
            st.none() | st.integers(1, 4),
            st.sampled_from(["10ms", "300ms", "4s"]),
            st.sampled_from([5.0, 60.0, 900.0]),
        ),
        st.builds(lambda slots: ("engines", slots), st.none() | st.integers(1, 8)),
    ),
    min_size=1,
    max_size=3,
)
REQUESTS = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(1, 3000), st.integers(1, 300)), max_size=25
)
LOSSES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3000), st.none() | st.integers(1, 3000)), max_size=3
)
BREAKER = 'breaker = { min_samples = 2, open_for = "1s", min_speed = 20.0, speed_window = "1s" }'
SCALING = 'replicas = 1\nscaling = { max = 3, target = 2, cold_start = "2s", idle = "3s" }'


@given(SOURCES, REQUESTS, LOSSES, st.booleans(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_every_request_ends_once_nothing_is_left_behind_and_dispatch_decides_the_same_again(
    wanted: list[tuple[str, ...]],
    rows: list[tuple[int, int, int]],
    losses: list[tuple[int, int, int | None]],
    strict: bool,
    seed: int,
) -> None:
    sources = [
        hosted(f"s{n}", slots=one[1], ttft=one[2], speed=one[3])  # type: ignore[arg-type]
        if one[0] == "hosted"
        else engines(f"s{n}", slots=one[1], more=SCALING)  # type: ignore[arg-type]
        for n, one in enumerate(wanted)
    ]
    route = 'deadline = "5s"\nobjectives = ["fastest"]'
    text = fleet_text(sources, route=route, rest=BREAKER if strict else "")
    trace = trace_of(*[(at / 100, into, out) for at, into, out in sorted(rows)])
    gone = [
        lost(f"s{which}", at / 100, None if back is None else (at + back) / 100)
        for which, at, back in losses
        if which < len(wanted)
    ]
    fleet = parse({"f": text}, "f")
    run = played(fleet, trace, gone, seed)
    assert sorted(one.index for one in run.ended) == list(range(len(rows)))
    assert all(one.arrived <= one.ended for one in run.ended)
    assert all(
        one.arrived <= (one.sent or 0) <= one.first <= one.ended
        for one in run.ended
        if one.first is not None
    )
    whole = [one for one in run.ended if one.outcome == "completed"]
    assert all(one.output == trace.requests[one.index].output for one in whole)
    assert not any(place.server.load for place in run.floor.places)
    assert run.ended == played(fleet, trace, gone, seed).ended
    lines = recorded(text, trace, gone)
    steps, divergence = verify(lines, parse)
    assert divergence is None
    assert steps == len(lines) - 1


# --- theory -------------------------------------------------------------------------------------


def erlang_c(servers: int, load: float) -> float:
    """The share of arrivals that wait in M/M/c at `load` = rate x service."""
    queue = load**servers / factorial(servers) * servers / (servers - load)
    return queue / (sum(load**n / factorial(n) for n in range(servers)) + queue)


@pytest.mark.parametrize(("servers", "busy"), [(1, 0.7), (3, 0.8), (8, 0.9)])
def test_single_slots_wait_as_m_m_c(servers: int, busy: float) -> None:
    queue = 'queue.interactive = { length = 100000, wait = "2h" }'
    fleet = fleet_of(
        [hosted(f"s{n}", slots=1, ttft="1ms", speed=1000) for n in range(servers)],
        route='deadline = "2h"',
        rest=queue + '\n[timeouts]\nfirst_content = "2h"',
    )
    means: list[float] = []
    for seed in range(6):
        chance = Stream(seed, 9)
        opened = arrivals(servers * busy, Seconds(3000.0 / servers), Size(1, 1), seed)
        requests = tuple(
            TraceRequest(one.at, Tokens(1), Tokens(max(1, round(chance.exponential(1000.0)))))
            for one in opened.requests
        )
        run = played(fleet, Trace("m/m/c", requests), seed=seed)
        assert all(one.outcome == "completed" for one in run.ended)
        warm = [one for one in run.ended if one.index > len(requests) // 10]
        means.append(fmean(((one.sent or 0) - one.arrived) / SECOND for one in warm))
    theory = erlang_c(servers, servers * busy) / (servers * (1.0 - busy))
    # Student's t with 5 degrees of freedom: 99.9% of honest runs are within 6.9 standard errors.
    assert abs(fmean(means) - theory) < 6.9 * stdev(means) / sqrt(len(means)) + 0.01 * theory


# --- scaling ------------------------------------------------------------------------------------


def test_replicas_are_asked_for_under_load_serve_after_their_cold_start_and_are_given_back() -> (
    None
):
    scaling = 'scaling = { max = 4, target = 4, cold_start = "10s", idle = "30s" }'
    fleet = fleet_of([engines("a", more=scaling)])
    trace = trace_of(*[(0.05 * n, 500, 300) for n in range(600)], (200.0, 10, 10))
    run = played(fleet, trace)
    assert len(run.ended) == 601
    used = {one.place for one in run.ended}
    assert len(used) > 1
    early = {one.place for one in run.ended if one.arrived < 10 * SECOND}
    assert early == {0}
    assert [place.up for place in run.floor.places] == [True, False, False, False]
    paid = [run.floor.paid(place, run.now) / SECOND for place in run.floor.places]
    assert paid[0] == pytest.approx(run.now / SECOND)
    assert all(10 < seconds < 120 for seconds in paid[1:2])


# --- what cannot be rehearsed -------------------------------------------------------------------


def test_every_source_that_cannot_be_rehearsed_is_named_at_once() -> None:
    text = fleet_text(
        [
            hosted("a").replace('expected_ttft = "200ms"\n', ""),
            engines("b").replace("context = 16000", "context = 900000"),
        ]
    )
    with pytest.raises(FaultsFound) as caught:
        supply(parse({"f": text}, "f"))
    said = str(caught.value)
    assert f'sources.a.serves."{MODEL}": a rehearsal cannot know how fast it answers' in said
    assert "Declare expected_ttft." in said
    assert f'sources.b.serves."{MODEL}": context 900000 is more than' in said


def test_nothing_to_play_ends_at_once() -> None:
    run = played(fleet_of([hosted("a")]), Trace("none", ()))
    assert not run.ended


# --- prefill elsewhere --------------------------------------------------------------------------


def test_a_cache_is_handed_over_and_long_prompts_hold_up_nobody_who_decodes() -> None:
    apart = engines("a", more='replicas = 2\nprefill = { chip = "h100", replicas = 2 }')
    both = engines("a", more="replicas = 4")
    trace = trace_of(
        *[(0.02 * n, 100, 200) for n in range(100)],
        *[(2.0 + 0.1 * n, 12_000, 5) for n in range(40)],
    )
    slowest: list[float] = []
    for text in (apart, both):
        run = played(fleet_of([text]), trace)
        assert len(run.ended) == 140
        assert {one.outcome for one in run.ended} == {"completed"}
        assert not any(place.server.load for place in run.floor.places)
        short = [one for one in run.ended if one.index < 100 and one.first is not None]
        slowest.append(max((one.ended - (one.first or 0)) / 199 for one in short))
    assert slowest[0] < slowest[1]


def test_what_is_lost_between_two_engines_fails_and_leaves_nothing() -> None:
    text = engines("a", more='replicas = 2\nprefill = { chip = "h100", replicas = 2 }')
    trace = trace_of(*[(0.05 * n, 4000, 300) for n in range(60)])
    run = played(fleet_of([text, hosted("b")]), trace, [lost("a", 1.0, 2.0)])
    assert len(run.ended) == 60
    assert {one.outcome for one in run.ended} == {"completed", "failed"}
    assert not any(place.server.load for place in run.floor.places)
    assert run.ended == played(fleet_of([text, hosted("b")]), trace, [lost("a", 1.0, 2.0)]).ended


def test_a_pool_of_pairs_holds_the_chips_of_both() -> None:
    text = engines("a", more='replicas = 3\nprefill = { chip = "h200", tp = 2, replicas = 2 }')
    [pool] = supply(fleet_of([text]))
    assert isinstance(pool, EnginePool)
    assert (pool.chips, pool.places, pool.width) == (7, 1, 3)


def limited(speed: float, timeouts: str) -> str:
    """A declared source with timeouts of its own."""
    serves = "[sources.a.serves"
    said = f"timeouts = {{ {timeouts} }}\n{serves}"
    return hosted("a", ttft="1s", speed=speed).replace(serves, said)


def test_an_attempt_that_takes_longer_than_its_sources_total_timeout_is_ended_then() -> None:
    slow = hosted("a", ttft="1s", speed=10).replace(
        "[sources.a.serves", "{LIMITS}[sources.a.serves"
    )
    limits = 'timeouts = { total = "5s" }\n'
    fleet = fleet_of([slow.replace("{LIMITS}", limits)])
    run = played(fleet, trace_of((0.0, 10, 30), (0.0, 10, 100)))
    short, long = sorted(run.ended, key=lambda one: one.index)
    assert (short.outcome, short.ended) == ("completed", round(3.9 * SECOND))
    assert (long.outcome, long.code, long.ended) == ("failed", "upstream_too_long", 5 * SECOND)
    # Its first token came at 1 s, and one each tenth after that.
    assert (long.output, run.busy["a"]) == (41, round(8.9 * SECOND))


def test_a_stream_of_which_nothing_came_for_too_long_is_ended() -> None:
    slow = hosted("a", ttft="1s", speed=0.2).replace(
        "[sources.a.serves", "{LIMITS}[sources.a.serves"
    )
    fleet = fleet_of([slow.replace("{LIMITS}", 'timeouts = { idle = "2s" }\n')])
    [one] = played(fleet, trace_of((0.0, 10, 3))).ended
    assert (one.outcome, one.code, one.output) == ("failed", "upstream_stall", 1)
    assert 3 * SECOND <= one.ended <= round(3.25 * SECOND)
    patient = fleet_of([limited(0.2, 'idle = "6s"')])
    [one] = played(patient, trace_of((0.0, 10, 3))).ended
    assert one.outcome == "completed"
