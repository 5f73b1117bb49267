"""The compiled fleet does what the plain one does, which drives the live dispatcher."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_fleets import KEYS, engines, fleet_of, hosted, lost, trace_of
from test_replica import Phase, requests

from tollway.fleet.objects import Fleet
from tollway.simulator import rehearsal
from tollway.simulator.clients import Talk, sessions
from tollway.simulator.fleet_arrays import uncompiled
from tollway.simulator.fleet_compiled import Compiled
from tollway.simulator.plain import Plain
from tollway.simulator.play import Drain, Ended, Loss, Play
from tollway.simulator.sequence import ReplicaSettings
from tollway.simulator.steps import StepTimes
from tollway.simulator.supply import Pool, supply
from tollway.simulator.trace import Trace, TraceRequest
from tollway.units import Seconds, Tokens

SLOW = 10**9


def times(pace: int) -> StepTimes:
    """Steps of some tens of milliseconds, so that deadlines pass."""
    slow = SLOW * pace
    return StepTimes(
        unit=1,
        gain=1,
        base=tuple((40 + count) * slow for count in range(33)),
        bends=(slow // 10, 0, 0, 0),
        constant=(
            *(part * slow for part in (9.0, 30.0, 20.0, 1.0, 0.5, 0.25, 0.125, 1.0, 0.1)),
            *(0.0, 0.0, 0.0, 0.0, 1.0, 0.7 * slow),
        ),
        prompt=tuple(part * slow for part in (0.5, 1.0, 0.01, 0.001)),
        experts=(),
    )


@st.composite
def small(draw: st.DrawFn) -> ReplicaSettings:
    blocks = draw(st.sampled_from((12, 20, 40)))
    return ReplicaSettings(
        steps=times(draw(st.sampled_from((1, 1, 2, 5)))),
        blocks=blocks,
        sequences=draw(st.integers(1, 6)),
        batch_tokens=draw(st.sampled_from((16, 64, 200))),
        context=blocks * 16,
        mixing=draw(st.sampled_from(("mixed", "mixed", "whole", "apart"))),
        caching=draw(st.booleans()),
    )


LONG = 'idle = "1d", total = "1d"'
"""A source's own timeouts, which the compiled execution has not."""

OBJECTIVES = (
    '"least-outstanding"',
    '"fastest"',
    '{ name = "fastest", tolerance = 0.3 }',
    '"cheapest"',
    '{ name = "cheapest", tolerance = 0.5 }',
    '"prefix-affinity"',
    '"commitment-first"',
    '{ name = "weighted", weights = { WEIGHTS } }',
)


def _name(objective: str) -> str:
    return objective.split('"')[1]


@st.composite
def sources(draw: st.DrawFn, name: str) -> str:
    slots = draw(st.sampled_from((None, 1, 2, 5)))
    expected = draw(st.sampled_from(("", 'expected_ttft = "300ms"\nexpected_speed = 20')))
    context = draw(st.sampled_from(("", "context = 150", "context = 400")))
    deadline = draw(st.sampled_from(("", 'ttft_deadline = "700ms"', 'ttft_deadline = "2s"')))
    return f"""
[sources.{name}]
kind = "server"
url = "http://{name}.test:8000/v1"
chip = "h100"
replicas = {draw(st.integers(1, 3))}
{"" if slots is None else f"slots = {slots}"}
timeouts = {{ first_content = "{draw(st.sampled_from(("1s", "3s", "30s")))}", {LONG} }}
[sources.{name}.breaker]
window = "{draw(st.sampled_from(("3s", "20s")))}"
min_samples = {draw(st.integers(1, 4))}
error_share = {draw(st.sampled_from((0.2, 0.5, 1.0)))}
open_for = "{draw(st.sampled_from(("500ms", "3s")))}"
probes = {draw(st.integers(1, 2))}
speed_window = "2s"
{deadline}
[sources.{name}.serves."llama-3.1-8b"]
prices = [{{ since = 2020-01-01, input = "{draw(st.integers(1, 3))}", output = "2.00" }}]
{expected}
{context}
"""


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    names = [f"s{at}" for at in range(draw(st.integers(1, 4)))]
    texts = [draw(sources(name)) for name in names]
    first = draw(st.integers(1, len(names)))
    ordered = draw(st.permutations(names))
    quoted = [f'"{name}:llama-3.1-8b"' for name in ordered]
    objectives = ", ".join(draw(st.lists(st.sampled_from(OBJECTIVES), max_size=3, unique_by=_name)))
    weights = ", ".join(
        f"{name} = {draw(st.sampled_from((0.5, 1, 2.5)))}" for name in ordered[:first]
    )
    objectives = objectives.replace("WEIGHTS", weights)
    slo = draw(st.sampled_from(("", 'slo = { ttft = "400ms" }', "slo = { speed = 15 }")))
    route = f"""
candidates = [{", ".join(quoted[:first])}]
fallbacks = [{", ".join(quoted[first:])}]
objectives = [{objectives or OBJECTIVES[0]}]
deadline = "{draw(st.sampled_from(("2s", "8s", "120s")))}"
{slo}
"""
    length, wait = draw(st.sampled_from((1, 3, 50))), draw(st.sampled_from(("300ms", "4s", "60s")))
    rest = f"""
[queue]
interactive = {{ length = {length}, wait = "{wait}" }}
[retry]
ratio = {draw(st.sampled_from((0.0, 0.2, 1.0)))}
min_per_second = {draw(st.sampled_from((0.0, 0.5, 5.0)))}
"""
    return fleet_of(texts, route=route, rest=rest)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    gap = draw(st.sampled_from((0.0, 0.02, 0.3, 2.0)))
    now, asked, follow = 0.0, list[TraceRequest](), draw(st.booleans())
    for _ in range(draw(st.integers(1, 40))):
        now += draw(st.integers(0, 8)) / 8 * gap
        prompt, output, prefix = draw(requests(draw(st.sampled_from((60, 192, 420)))))
        most = draw(st.sampled_from((None, None, 5, 200)))
        one = TraceRequest(Seconds(now), Tokens(prompt), Tokens(output), prefix, max_output=most)
        if follow and asked and draw(st.booleans()):
            one = msgspec.structs.replace(
                one,
                after=draw(st.integers(0, len(asked) - 1)),
                pause=Seconds(draw(st.sampled_from((0.0, 0.25, 2.0)))),
                needs_answer=draw(st.booleans()),
            )
        asked.append(one)
    return Trace("t", tuple(asked), prefix_tokens=16)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Fleet, list[ReplicaSettings], Trace, list[Loss], int]:
    fleet = draw(fleets())
    engine = [draw(small()) for _ in fleet.sources]
    moments = st.integers(0, 80).map(lambda eighth: eighth / 8)
    losses = [
        lost(draw(st.sampled_from(list(fleet.sources))), at, at + back if back else None)
        for at, back in draw(st.lists(st.tuples(moments, moments), max_size=3))
    ]
    return fleet, engine, draw(traces()), losses, draw(st.integers(0, 9))


def run_both(
    fleet: Fleet,
    engine: Sequence[ReplicaSettings],
    trace: Trace,
    losses: Sequence[Loss] = (),
    seed: int = 0,
) -> tuple[Plain, Compiled]:
    given = given_to(fleet, engine, trace, losses, seed)
    assert uncompiled(*given) == []
    plain = Plain(*given)
    plain.run()
    compiled = Compiled(*given)
    assert compiled.run()
    return plain, compiled


def given_to(
    fleet: Fleet,
    engine: Sequence[ReplicaSettings],
    trace: Trace,
    losses: Sequence[Loss] = (),
    seed: int = 0,
) -> tuple[Fleet, tuple[Pool, ...], Trace, Play]:
    """What an execution is given."""
    pools = supply(fleet, trace.prefix_tokens)
    if engine:
        pools = tuple(replace(pool, settings=one) for pool, one in zip(pools, engine, strict=True))
    return fleet, pools, trace, Play("chat", "k", KEYS, 1.7e9, seed, tuple(losses))


def in_order(ended: Sequence[Ended]) -> list[Ended]:
    """What became of the requests, without the words that only people read."""
    return [replace_ended(one) for one in sorted(ended, key=lambda one: one.index)]


def replace_ended(one: Ended) -> Ended:
    kept = {name: getattr(one, name) for name in one.__struct_fields__}
    return Ended(**{**kept, "status": None})


@pytest.mark.timeout(900)  # the first of all compiles the fleet: half a minute of CPU
@settings(max_examples=200, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(cases())
def test_compiled_and_plain_fleets_agree_event_for_event(
    case: tuple[Fleet, list[ReplicaSettings], Trace, list[Loss], int],
) -> None:
    fleet, engine, trace, losses, seed = case
    plain, compiled = run_both(fleet, engine, trace, losses, seed)
    assert in_order(compiled.ended()) == in_order(plain.ended)
    counted = {
        place.number: plain.floor.counters(place)
        for place in plain.floor.places
        if place.number in compiled.floor.numbers
    }
    assert compiled.counters() == counted
    assert compiled.busy() == {name: plain.busy[name] for name in compiled.busy()}
    opened = Counter(move.source for _, move in plain.breakers if move.state == "open")
    assert compiled.openings() == {name: opened[name] for name in compiled.openings()}


@pytest.mark.timeout(900)
def test_a_lost_source_opens_breakers_and_its_requests_fall_back_in_both() -> None:
    route = 'candidates = ["a:llama-3.1-8b"]\nfallbacks = ["b:llama-3.1-8b"]'
    fleet = fleet_of([engines("a"), engines("b", slots=4)], route=route)
    trace = trace_of(*[(0.05 * at, 300 + at, 20 + at) for at in range(200)])
    losses = [lost("a", 2.0, 6.0)]
    plain, compiled = run_both(fleet, [], trace, losses)
    assert in_order(compiled.ended()) == in_order(plain.ended)
    assert compiled.openings()["a"] > 0
    assert any(one.attempts > 1 and one.source == "b" for one in compiled.ended())


@pytest.mark.timeout(900)
def test_conversations_with_tool_pauses_go_alike_in_both() -> None:
    fleet = fleet_of([engines("a", slots=3), engines("b", slots=2)])
    talk = Talk(turns=4, opening=600, said=50, answer=80, pause=Seconds(1.5), cv=0.4)
    trace = sessions(40, 4.0, talk, seed=7)
    plain, compiled = run_both(fleet, [], trace, [lost("a", 5.0, 9.0)])
    assert in_order(compiled.ended()) == in_order(plain.ended)
    assert len(plain.ended) < len(trace.requests)  # turns after one that failed are never asked
    assert compiled.busy() == plain.busy


@pytest.mark.timeout(900)
def test_the_first_requests_may_be_played_alone() -> None:
    fleet = fleet_of([engines("a", slots=3), engines("b")])
    rows = [(0.01 * at, 300 + at, 20 + at) for at in range(100)]
    plain, _ = run_both(fleet, [], trace_of(*rows[:10]))
    trace, play = trace_of(*rows), Play("chat", "k", KEYS, 1.7e9)
    first = Compiled(fleet, supply(fleet, trace.prefix_tokens), trace, play)
    assert not first.run(10)
    assert in_order(first.ended()) == in_order(plain.ended)


@pytest.mark.timeout(900)
@settings(max_examples=60, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(cases(), st.integers(1, 9))
def test_a_run_in_slices_is_the_run_in_one_event_for_event(
    case: tuple[Fleet, list[ReplicaSettings], Trace, list[Loss], int], moments: int
) -> None:
    fleet, engine, trace, losses, seed = case
    _, whole = run_both(fleet, engine, trace, losses, seed)
    told: list[int] = []
    sliced = Compiled(*given_to(fleet, engine, trace, losses, seed))
    assert sliced.run(going=lambda ended: told.append(ended) or True, moments=moments)
    assert sliced.ended() == whole.ended()
    assert sliced.counters() == whole.counters()
    assert told == sorted(told)
    assert max(told, default=0) <= len(trace.requests)


@pytest.mark.timeout(900)
def test_a_run_that_is_stopped_tells_what_had_ended_and_what_was_under_way_by_then() -> None:
    fleet = fleet_of([engines("a", slots=3), engines("b")])
    trace = trace_of(*[(0.01 * at, 300 + at, 20 + at) for at in range(100)])
    plain = Plain(*given_to(fleet, [], trace))
    plain.run(40)
    stopped = Compiled(*given_to(fleet, [], trace))
    assert not stopped.run(going=lambda ended: ended < 40, moments=1)
    assert in_order(stopped.ended()) == in_order(plain.ended)
    by_index = sorted(plain.under_way(), key=lambda one: one.index)
    assert stopped.under_way() == [
        Ended(one.index, one.arrived, one.sent, one.first, place=one.place) for one in by_index
    ]
    assert stopped.run()
    whole = Plain(*given_to(fleet, [], trace))
    whole.run()
    assert in_order(stopped.ended()) == in_order(whole.ended)


def test_what_has_no_compiled_form_is_named() -> None:
    trace = trace_of((0.0, 10, 10))
    play = Play("chat", "k", KEYS, 1.7e9)

    def why(*texts: str, played: Trace = trace, **parts: str) -> list[str]:
        fleet = fleet_of(texts, **parts)
        return uncompiled(fleet, supply(fleet, 16), played, play)

    assert why(engines("a")) == []
    assert why(engines("a"), hosted("b")) == ["a source with a declared speed"]
    assert why(engines("a"), tenant="limits = { concurrency = 2 }") == ["limits"]
    assert why(engines("a"), tenant='budget = { day = "5" }') == ["budgets"]
    assert why(engines("a"), rest="[breaker]\nmin_speed = 5") == ["a token-speed floor"]
    plain = Trace("t", (TraceRequest(Seconds(0.0), Tokens(1), Tokens(1), stream=False),))
    assert why(engines("a"), played=plain) == ["answers that are not streamed"]
    draining = replace(play, drains=(Drain("a", 0),))
    fleet = fleet_of([engines("a")])
    assert uncompiled(fleet, supply(fleet, 16), trace, draining) == ["a drain"]


def test_without_numba_everything_is_played_plain_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet, trace = fleet_of([engines("a")]), trace_of((0.0, 10, 10))
    given = fleet, supply(fleet, 16), trace, Play("chat", "k", KEYS, 1.7e9)
    monkeypatch.setattr(rehearsal, "WORTH", 1)
    assert rehearsal.why_plain(*given) == ()
    monkeypatch.setitem(sys.modules, "tollway.simulator.fleet_arrays", None)
    assert rehearsal.why_plain(*given) == ("numpy and numba are not installed (the extra twin)",)
