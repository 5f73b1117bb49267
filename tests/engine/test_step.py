"""Step time: exact where it is physics, monotone everywhere, near what was measured."""

from dataclasses import replace

import pytest
from engine_silicon import llama8, llama70, slower
from hypothesis import given
from hypothesis import strategies as st

from tollway.catalog import chip, model, model_names, numbers_of
from tollway.engine import (
    Batch,
    Chunk,
    EngineSettings,
    StepTimer,
    decode_step,
    deploy,
    prefill_chunk,
    step_time,
)
from tollway.engine.weights import weight_bytes

lengths = st.integers(1, 100_000)
mixes = st.builds(
    Batch,
    decodes=st.lists(lengths, max_size=20),
    chunks=st.lists(st.builds(Chunk, st.integers(1, 8192), st.integers(0, 100_000)), max_size=4),
)


@pytest.mark.parametrize("name", ["llama-3.3-70b", "gpt-oss-120b", "deepseek-v3"])
def test_halving_the_bandwidth_doubles_the_batch_1_weight_and_kv_term_exactly(name: str) -> None:
    full = deploy(model(name), chip("h200"), 8, EngineSettings(precision="fp8"))
    half = replace(full, chip=slower(full.chip, 0.5))
    one, other = decode_step(full, 1, 4000), decode_step(half, 1, 4000)
    assert other.weights + other.kv == 2 * (one.weights + one.kv)


@given(mixes, st.floats(1.1, 10))
def test_more_bandwidth_never_makes_a_step_longer(batch: Batch, factor: float) -> None:
    one = llama70()
    other = replace(one, chip=slower(one.chip, factor))
    assert step_time(other, batch).total <= step_time(one, batch).total


@given(mixes, lengths)
def test_one_more_sequence_never_makes_a_step_shorter(batch: Batch, context: int) -> None:
    timer = StepTimer(llama70())
    more = Batch(decodes=[*batch.decodes, context], chunks=batch.chunks)
    assert timer.of(more).total > timer.of(batch).total


@given(mixes, st.integers(1, 10_000))
def test_more_context_never_makes_a_step_shorter(batch: Batch, extra: int) -> None:
    timer = StepTimer(deploy(model("gpt-oss-120b"), chip("h200"), 1))
    longer = Batch(
        decodes=[one + extra for one in batch.decodes],
        chunks=[Chunk(one.tokens, one.past + extra) for one in batch.chunks],
    )
    assert timer.of(longer).total >= timer.of(batch).total


@given(st.integers(1, 8000), st.integers(1, 8000))
def test_a_longer_chunk_takes_longer(tokens: int, extra: int) -> None:
    one = llama8()
    assert prefill_chunk(one, tokens + extra).total > prefill_chunk(one, tokens).total


def test_an_empty_step_takes_no_time() -> None:
    assert step_time(llama8(), Batch()).total == 0


def test_the_parts_add_up() -> None:
    step = step_time(llama70(), Batch([1000, 2000], [Chunk(512, 128)]))
    parts = step.dense + step.experts + step.kv + step.attention + step.network + step.overhead
    assert step.total == pytest.approx(parts)


def test_chunks_of_a_prompt_attend_to_as_much_as_the_whole_prompt() -> None:
    one = llama8()
    whole = prefill_chunk(one, 4096).attention
    parts = sum(prefill_chunk(one, 1024, past).attention for past in range(0, 4096, 1024))
    assert parts == pytest.approx(whole)


def test_a_window_bounds_what_its_layers_read() -> None:
    timer = StepTimer(deploy(model("gpt-oss-120b"), chip("h200"), 1))
    read = [timer.of(Batch([context])).kv for context in (128, 256, 384)]
    # Half of the layers stop growing at 128 tokens: 36, then 18 layers a token.
    assert (read[1] - read[0]) / read[0] == pytest.approx(0.5)
    assert read[2] - read[1] == pytest.approx(read[1] - read[0])


def test_few_tokens_visit_few_experts() -> None:
    one = deploy(model("mixtral-8x7b"), chip("h200"), 2, EngineSettings(precision="fp8"))
    experts = [decode_step(one, count, 100).experts for count in (1, 2, 64)]
    # Were each token to choose for itself, two would visit 1.75 times as many: some choose alike.
    assert 1.6 < experts[1] / experts[0] < 1.75
    # All four pairs of experts are read once, however many tokens come; arithmetic adds to that.
    assert 4 < experts[2] / experts[0] < 5


def test_storing_in_fp8_does_not_speed_up_arithmetic_that_the_chip_lacks() -> None:
    shape, silicon = model("llama-3.1-8b"), chip("a100")
    assert "fp8" not in silicon.flops
    full = prefill_chunk(deploy(shape, silicon, 1), 4096)
    small = prefill_chunk(deploy(shape, silicon, 1, EngineSettings(precision="fp8")), 4096)
    assert small.gemm == full.gemm
    assert small.weights < full.weights


def _text_numbers(name: str) -> int:
    return numbers_of(model(name)).total - model(name).vision


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("llama-3.1-8b", 8.03),
        ("llama-3.3-70b", 70.6),
        ("qwen3-32b", 32.8),
        ("mixtral-8x7b", 46.7),
        ("gpt-oss-120b", 116.8),
        ("deepseek-v3", 671),
        ("llama-3.1-405b", 405.9),
        ("qwen3-235b-a22b", 235),
    ],
)
def test_the_weights_of_a_model_are_as_many_as_its_publisher_says(
    name: str, billions: float
) -> None:
    assert _text_numbers(name) / 1e9 == pytest.approx(billions, rel=0.01)


def test_a_quantised_checkpoint_weighs_what_is_published() -> None:
    # "Checkpoints are ~60.8 GiB" (gpt-oss model card, table 1).
    assert weight_bytes(model("gpt-oss-120b"), "fp4") / 2**30 == pytest.approx(60.8, rel=0.03)


@pytest.mark.parametrize(
    ("batch", "measured"), [(4, 7.93), (8, 8.39), (16, 9.75), (32, 11.03), (64, 13.58)]
)
def test_decode_is_within_a_quarter_of_what_was_measured(batch: int, measured: float) -> None:
    """TPOT in ms of Llama-3.1-70B in fp8 on 8 H200 under vLLM, 1,024 tokens in and 8,192 out, by
    concurrency: InferenceX rows in NVIDIA aiconfigurator's silicon_sample.csv (Apache-2.0),
    https://github.com/ai-dynamo/aiconfigurator. The mean context of a run is about 5,100."""
    step = decode_step(llama70(), batch, 1024 + 4096)
    assert step.total * 1e3 == pytest.approx(measured, rel=0.25)


@pytest.mark.parametrize("name", model_names())
def test_every_model_of_the_catalogue_can_be_timed_somewhere(name: str) -> None:
    shape = model(name)
    keys = shape.heads if shape.mla is not None else shape.kv_heads
    fine = (tp for tp in (8, 4, 2) if shape.heads % tp == 0 and keys % tp in (0, keys))
    one = deploy(shape, chip("gb300"), next(fine))
    assert 0 < decode_step(one, 1, 100).total < 0.1
