"""A leaping replica tells what step by step execution tells, to the picosecond."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from stepwise import Stepwise

from tollway.catalog import chip, model
from tollway.engine import Batch, Chunk, EngineSettings, StepTimer, deploy
from tollway.errors import TollwayError
from tollway.simulator.replica import Replica
from tollway.simulator.sequence import Kind, ReplicaSettings, Sequence, settings_of
from tollway.simulator.steps import StepTimes

Script = list[tuple[int, str, Any]]
"""When, what, and about which."""

BLOCK = 16


def times(unit: int = 1, gain: int = 1, *, bends: bool = False, flat: bool = False) -> StepTimes:
    """Small whole numbers, so that things happen at one instant."""
    slope = 0 if flat else 1
    return StepTimes(
        unit=unit,
        gain=gain,
        base=tuple(40 + (0 if flat else count) for count in range(33)),
        bends=(slope, 3, 40 * unit, 1, 100 * unit, 2) if bends else (slope, 0, 0, 0),
        constant=(9.0, 30.0, 20.0, 1.0, 0.5, 0.25, 0.125, 1.0, 0.1, 0.0, 0.0, 0.0, 0.0, 1.0),
        prompt=(0.5, 1.0, 0.01, 0.001),
        experts=(),
    )


@st.composite
def replicas(draw: st.DrawFn) -> ReplicaSettings:
    blocks = draw(st.sampled_from((6, 8, 12, 20, 40, 130)))
    sequences = draw(st.integers(1, 8))
    rows = draw(st.sampled_from((1, 1, 3)))
    gain, unit = draw(st.sampled_from(((1, 1), (1, 1), (2, 1), (17, 10), (5, 3))))
    return ReplicaSettings(
        steps=times(unit, gain, bends=draw(st.booleans()), flat=draw(st.booleans())),
        blocks=blocks,
        sequences=sequences,
        batch_tokens=draw(st.sampled_from((sequences * rows, 32, 64, 200))),
        context=blocks * BLOCK,
        mixing=draw(st.sampled_from(("mixed", "mixed", "whole", "apart"))),
        rows=rows,
        reserve=draw(st.sampled_from((False, False, False, True))),
        caching=draw(st.booleans()),
        hashed=draw(st.sampled_from((16, 16, 32))),
    )


@st.composite
def requests(draw: st.DrawFn, most: int) -> tuple[int, int, tuple[int, ...]]:
    """Prompt, output, and the ids of hashed blocks out of a few conversations."""
    prompt = draw(st.integers(1, most - 4))
    output = draw(st.integers(1, max(1, min(most - prompt - 3, draw(st.sampled_from((4, 60)))))))
    talk = draw(st.integers(0, 2))
    shared = draw(st.integers(0, 12))
    own = draw(st.integers(0, 3))
    prefix = tuple(talk * 1000 + at for at in range(shared))
    if own:
        prefix += tuple(100_000 * (talk + 1) + 1000 * shared + 100 * own + at for at in range(own))
    return prompt, output, prefix


@st.composite
def cases(draw: st.DrawFn) -> tuple[ReplicaSettings, Script]:
    one = draw(replicas().filter(lambda it: it.sequences * it.rows <= it.batch_tokens))
    count = draw(st.integers(1, 14))
    spread = draw(st.sampled_from((0, 30, 400, 4000)))
    script: Script = []
    now = 0
    for name in range(count):
        now += draw(st.integers(0, spread)) if spread else 0
        script.append((now, "arrive", (name, *draw(requests(one.blocks * BLOCK)))))
        if draw(st.integers(0, 4)) == 0:
            script.append((now + draw(st.integers(0, 4000)), "cancel", name))
        if draw(st.integers(0, 3)) == 0:
            script.append((now + draw(st.integers(0, 4000)), "look", name))
    return one, sorted(script, key=lambda step: step[0])


def leaping(
    one: ReplicaSettings, script: Script
) -> tuple[list[tuple[int, int, int]], list[int], Replica]:
    """What a replica tells, and what it says of tokens when it is asked."""
    replica, told, looks = Replica(one), [], []
    known: dict[int, Sequence] = {}

    def run(now: float) -> None:
        while (at := replica.next_at()) is not None and at <= now:
            told.extend((it.at, int(it.kind), it.sequence.name) for it in replica.advance(at))
            assert 0 <= replica.used <= one.blocks

    for now, kind, what in script:
        run(now)
        if kind == "arrive":
            name, prompt, output, prefix = what
            known[name] = Sequence(name, prompt, output, prefix)
            replica.arrive(now, known[name])
        elif kind == "cancel":
            replica.cancel(now, known[what])
        else:
            looks.append(replica.emitted(now, known[what]))
    run(float("inf"))
    return told, looks, replica


def stepwise(
    one: ReplicaSettings, script: Script
) -> tuple[list[tuple[int, int, int]], list[int], Stepwise]:
    oracle, looks = Stepwise(one), []
    for now, kind, what in script:
        oracle.until(now)
        if kind == "arrive":
            oracle.arrive(now, *what)
        elif kind == "cancel":
            oracle.cancel(what)
        else:
            looks.append(oracle.everyone[what].generated)
    oracle.until(10**15)
    return oracle.events, looks, oracle


@settings(max_examples=400, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(cases())
def test_leaps_tell_what_single_steps_tell(
    case: tuple[ReplicaSettings, Script],
) -> None:
    one, script = case
    told, looks, replica = leaping(one, script)
    wanted, seen, oracle = stepwise(one, script)
    assert told == wanted
    assert looks == seen
    assert replica.counters.preempted == oracle.preempted
    assert replica.counters.cached == oracle.cached_tokens
    assert replica.counters.steps == oracle.steps
    assert one.mixing == "apart" or replica.counters.peak == oracle.peak
    assert replica.used == 0
    assert replica.load == 0


def crowd(prefix: tuple[int, ...] = ()) -> Script:
    return [(at, "arrive", (at, 60, 40, prefix)) for at in range(8)]


def test_the_cases_above_preempt_hit_and_evict() -> None:
    tight = ReplicaSettings(times(), blocks=12, sequences=8, batch_tokens=64, context=192)
    told, _, replica = leaping(tight, crowd())
    assert replica.counters.preempted > 0
    assert len(told) == 16
    roomy = replace(tight, blocks=100)
    _, _, replica = leaping(roomy, crowd(prefix=(1, 2, 3)))
    assert replica.counters.cached >= 6 * 48
    strangers = [(5_000 * at, "arrive", (at, 60, 10, (at, 100 + at))) for at in range(9)]
    again = (90_000, "arrive", (9, 60, 10, (0, 100)))
    assert leaping(tight, [*strangers[:2], again])[2].counters.cached == 32
    assert leaping(tight, [*strangers, again])[2].counters.cached == 0


def test_nobody_overtakes_and_no_slot_is_idle_while_someone_waits_who_fits() -> None:
    one = ReplicaSettings(times(), blocks=1000, sequences=3, batch_tokens=64, context=4096)
    told = leaping(one, [(0, "arrive", (name, 30, 20, ())) for name in range(9)])[0]
    firsts = [(at, name) for at, kind, name in told if kind == Kind.FIRST]
    assert [name for _, name in firsts] == list(range(9))
    ends = {name: at for at, kind, name in told if kind == Kind.END}
    for seat, (at, name) in enumerate(firsts[3:]):
        # Admitted by the step that follows the end which freed a seat.
        assert at <= sorted(ends.values())[seat] + 2 * 64 + 100, name


def test_a_sequence_that_could_never_fit_is_refused_when_it_arrives() -> None:
    one = ReplicaSettings(times(), blocks=6, sequences=2, batch_tokens=32, context=96)
    with pytest.raises(TollwayError, match="Shorten the prompt or the output"):
        Replica(one).arrive(0, Sequence("a", 90, 7))
    with pytest.raises(TollwayError, match="at least one token"):
        Replica(one).arrive(0, Sequence("a", 90, 0))


def test_settings_that_cannot_be_say_what_to_change() -> None:
    with pytest.raises(TollwayError, match="Allow fewer sequences"):
        ReplicaSettings(times(), blocks=6, sequences=40, batch_tokens=32, context=96)
    with pytest.raises(TollwayError, match="no multiple of the 16 tokens"):
        ReplicaSettings(times(), blocks=6, sequences=4, batch_tokens=32, context=96, hashed=24)


def test_a_lone_request_takes_what_the_engine_room_says() -> None:
    deployment = deploy(model("llama-3.1-8b"), chip("h100"), 1, EngineSettings())
    replica, timer = Replica(settings_of(deployment)), StepTimer(deployment)
    replica.arrive(0, Sequence("a", 500, 100))
    told = []
    while (at := replica.next_at()) is not None:
        told += replica.advance(at)
    wanted = timer.of(Batch((), (Chunk(500),))).total
    assert told[0].at * 1e-12 == pytest.approx(wanted, rel=1e-6)
    wanted += sum(timer.of(Batch((501 + step,))).total for step in range(99))
    assert told[1].at * 1e-12 == pytest.approx(wanted, rel=1e-6)
