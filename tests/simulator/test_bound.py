"""What work says is too little is too little: whatever keeps the promise is allowed."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_fleet_compiled import small

from tollway.catalog import chip, model
from tollway.engine import EngineSettings
from tollway.fleet.objects import Slo
from tollway.simulator.bound import Bound
from tollway.simulator.candidate import Engine, engine_of, played
from tollway.simulator.clients import Size, Talk, arrivals, sessions, users
from tollway.simulator.sequence import ReplicaSettings
from tollway.simulator.trace import Trace, TraceRequest
from tollway.units import Seconds, Tokens, TokensPerSecond

NAMES = ("one", "other")


def engine(chip_name: str, model_name: str = "llama-3.1-8b") -> Engine:
    return engine_of(chip_name, model(model_name), chip(chip_name), 1, EngineSettings(), 16)


@st.composite
def loads(draw: st.DrawFn) -> Trace:
    count = draw(st.integers(1, 30))
    gap = draw(st.sampled_from((0.0, 0.01, 0.1, 1.0)))
    shared = draw(st.booleans())
    rows: list[TraceRequest] = []
    for at in range(count):
        prompt, output = draw(st.integers(1, 150)), draw(st.integers(1, 40))
        prefix = range(draw(st.integers(0, prompt // 16))) if shared else ()
        rows.append(TraceRequest(Seconds(at * gap), Tokens(prompt), Tokens(output), prefix))
    return Trace("t", tuple(rows), prefix_tokens=16)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=60, deadline=None)
@given(
    st.lists(small(), min_size=2, max_size=2),
    loads(),
    st.sampled_from((0.1, 0.5, 2.0, 10.0)),
    st.sampled_from((None, 1.0, 4.0, 10.0, 20.0)),
    st.sampled_from((0.5, 0.9, 1.0)),
)
def test_no_mix_that_keeps_the_promise_is_said_to_have_too_little_work_in_it(
    engines: list[ReplicaSettings], trace: Trace, ttft: float, speed: float | None, share: float
) -> None:
    slo = Slo(Seconds(ttft), None if speed is None else TokensPerSecond(speed))
    base = engine("h100")
    kinds = {
        name: replace(base, name=name, pool=replace(base.pool, source=name, settings=one))
        for name, one in zip(NAMES, engines, strict=True)
    }
    bound = Bound(dict(zip(NAMES, engines, strict=True)), trace, slo, share)
    for counts in product(range(4), repeat=2):
        mix = {name: count for name, count in zip(NAMES, counts, strict=True) if count}
        if not mix:
            continue
        answer = played(kinds, mix, dict.fromkeys(mix, 1.0), trace, (slo, 0))
        assert answer.promise is not None
        if answer.promise.share >= share:
            assert bound.allows(mix), (mix, answer.promise)
            assert bound.least(dict.fromkeys(NAMES, 1.0)) <= sum(mix.values()) + 1e-9
            for name in mix if len(mix) == 1 else ():
                assert bound.fewest(name) <= mix[name] + 1e-9


@pytest.mark.parametrize(
    ("chip_name", "model_name", "trace", "slo", "least"),
    [
        # Steady load far above one engine: work alone says so much of what is needed.
        (
            "l40s",
            "llama-3.1-8b",
            arrivals(40.0, Seconds(60.0), Size(1000, 200), 1),
            Slo(Seconds(2.0), TokensPerSecond(20)),
            0.5,
        ),
        (
            "h100",
            "qwen3-30b-a3b",
            arrivals(100.0, Seconds(60.0), Size(2000, 150), 1),
            Slo(Seconds(2.0), TokensPerSecond(30)),
            0.4,
        ),
    ],
)
@pytest.mark.slow
def test_of_a_steady_load_work_alone_tells_most_of_what_is_needed(
    chip_name: str, model_name: str, trace: Trace, slo: Slo, least: float
) -> None:
    one = engine(chip_name, model_name)
    need = Bound({chip_name: one.pool.settings}, trace, slo, 0.99).fewest(chip_name)
    count = int(need)
    while True:
        count += 1
        answer = played({chip_name: one}, {chip_name: count}, {chip_name: 1.0}, trace, (slo, 0))
        assert answer.promise is not None
        if answer.promise.share >= 0.99:
            break
    assert least <= need / count <= 1.0, (need, count)


def test_where_nothing_has_to_be_done_by_a_time_nothing_is_bounded() -> None:
    settings = {"h100": engine("h100").pool.settings}
    load = arrivals(100.0, Seconds(10.0), Size(1000, 200), 1)
    talk = sessions(50, 10.0, Talk(3, 1000, 100, 100, Seconds(1.0)), 1)
    asked = users(50, 3, Size(1000, 100), Seconds(0.0), 1)
    tight = Slo(Seconds(0.5), TokensPerSecond(50))
    assert Bound(settings, load, Slo(None, TokensPerSecond(50)), 0.99).fewest("h100") == 0.0
    assert Bound(settings, talk, tight, 0.99).fewest("h100") == 0.0
    assert Bound(settings, asked, tight, 0.99).fewest("h100") == 0.0
    assert Bound(settings, load, tight, 0.99).fewest("h100") > 1.0


def test_no_number_of_engines_keeps_a_speed_that_one_alone_does_not_have() -> None:
    settings = {"l4": engine("l4").pool.settings, "h100": engine("h100").pool.settings}
    load = arrivals(1.0, Seconds(60.0), Size(1000, 200), 1)
    bound = Bound(settings, load, Slo(Seconds(2.0), TokensPerSecond(60)), 0.99)
    assert bound.fewest("l4") == float("inf")
    assert not bound.allows({"l4": 1000})
    assert bound.allows({"h100": 2, "l4": 1})
