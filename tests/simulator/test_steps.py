"""Whole-number step times are the engine room's, and a leap is the sum of its steps."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.catalog import chip, model
from tollway.engine import (
    Batch,
    Chunk,
    Deployment,
    EngineSettings,
    Layout,
    StepTimer,
    deploy,
)
from tollway.simulator.steps import SECOND, StepTimes
from tollway.simulator.timing import step_times

DEPLOYMENTS = {
    "dense": ("llama-3.1-8b", "h100", Layout(), EngineSettings()),
    "tp8 fp8": ("llama-3.3-70b", "h200", Layout(tp=8), EngineSettings(precision="fp8")),
    "sglang": ("llama-3.1-8b", "h100", Layout(), EngineSettings(framework="sglang")),
    "windows": ("gpt-oss-120b", "h200", Layout(tp=2), EngineSettings()),
    "experts in groups": (
        "deepseek-r1",
        "b200",
        Layout(tp=1, attention_dp=8, ep=8),
        EngineSettings(),
    ),
    "pipeline": ("llama-3.3-70b", "h100", Layout(tp=4, pp=2), EngineSettings(precision="fp8")),
}


def deployment(name: str) -> Deployment:
    what, on, layout, settings = DEPLOYMENTS[name]
    return deploy(model(what), chip(on), layout, settings)


def errors(one: Deployment) -> list[float]:
    """Relative errors over a grid of decodes, contexts, chunks, their tokens and their pasts."""
    times, timer = step_times(one), StepTimer(one)
    found: list[float] = []
    for decodes in (0, 1, 7, 64, 200):
        for context in (1, 100, 3_000, 40_000):
            batches: list[tuple[Chunk, ...]] = [()] if decodes else []
            for tokens in (1, 200, 2_000):
                batches += [(Chunk(tokens),), (Chunk(tokens, 5_000), Chunk(300), Chunk(20, 64))]
            for chunks in batches:
                wanted = timer.of(Batch((context,) * decodes, chunks)).total
                got = _time(times, decodes, context, chunks) / SECOND
                found.append(abs(got / wanted - 1.0))
    return sorted(found)


def _time(times: StepTimes, decodes: int, context: int, chunks: tuple[Chunk, ...]) -> int:
    total = decodes * context * times.unit
    if not chunks:
        return times.run(1, decodes, total)
    tokens = sum(one.tokens for one in chunks)
    pairs = sum(one.tokens * (2 * one.past + one.tokens + 1) for one in chunks)
    seen = sum(one.past + one.tokens for one in chunks)
    return times.mixed(decodes, total, (len(chunks), tokens, pairs, seen))


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_whole_numbers_are_the_engine_rooms_times(name: str) -> None:
    found = errors(deployment(name))
    assert found[len(found) // 2] < 1e-4
    assert found[-1] < 1e-3


def test_slower_memory_tiers_cost_what_the_engine_room_says() -> None:
    one = deploy(model("llama-3.1-8b"), chip("h100"), 1, EngineSettings(memory_share=0.25, tiers=1))
    tiers = one.capacity.tiers
    slow = replace(tiers[0], kind="host", kv=10**12, bandwidth=1e11)
    tiered = replace(one, capacity=replace(one.capacity, tiers=(*tiers, slow)))
    found = errors(tiered)
    assert found[-1] < 1e-3


SLOW = replace(
    step_times(deployment("dense")),
    bends=(40_000, 7_000, 512, 2, 20_000, 3_000, 60_000, 9_000),
)
TIMES = (step_times(deployment("dense")), step_times(deployment("windows")), SLOW)


@given(
    st.sampled_from(TIMES),
    st.integers(1, 200),
    st.integers(1, 60),
    st.integers(0, 1500),
    st.floats(0.0, 1.2),
)
def test_a_leap_takes_as_long_as_its_steps(
    times: StepTimes, steps: int, decodes: int, each: int, part: float
) -> None:
    context = decodes * each
    ends: list[int] = [0]
    for step in range(steps):
        ends.append(ends[-1] + times.run(1, decodes, context + step * decodes * times.gain))
    assert [times.run(count, decodes, context) for count in range(steps + 1)] == ends
    for after in (int(ends[-1] * part), ends[steps // 2], ends[steps // 2] - 1, 0):
        first = next((count for count in range(1, steps) if ends[count] > after), steps)
        assert times.steps_until(after, steps, decodes, context) == first


def test_a_stride_of_1_7_tokens_is_counted_in_tenths() -> None:
    one = deployment("dense")
    times = step_times(one, accepted=0.7)
    assert (times.unit, times.gain) == (10, 17)
    plain = step_times(one)
    assert times.run(1, 8, 80_000) == pytest.approx(plain.run(1, 8, 8_000), rel=1e-4)


def test_step_times_can_be_handed_to_another_process() -> None:
    times = StepTimes(2, 3, (1, 2), (4,), (0.5,), (0.25, 0.75), (1.5,))
    assert pickle.loads(pickle.dumps(times)) == times
