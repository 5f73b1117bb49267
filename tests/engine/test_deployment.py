"""Deployments: KV memory is what is left, and what cannot be is refused with the arithmetic."""

from dataclasses import replace

import pytest
from engine_silicon import llama8, slower

from tollway.catalog import MemoryTier, chip, model
from tollway.engine import EngineSettings, deploy, kv_capacity
from tollway.engine.weights import kv_bytes
from tollway.errors import TollwayError


def test_kv_blocks_are_near_what_a_real_engine_had() -> None:
    # vLLM 0.19, Llama-3.1-8B, RTX 4090: 2,588 blocks of 16 tokens (LLMServingSim, MIT). The memory
    # that the runtime takes was set from this very measurement; the test keeps it there.
    assert llama8().blocks == pytest.approx(2588, rel=0.02)


def test_what_is_kept_adds_up_to_what_may_be_used() -> None:
    room = kv_capacity(model("llama-3.3-70b"), chip("h100"), 8)
    assert room.weights + room.runtime + room.kv == room.usable
    assert room.tokens * room.token_bytes <= room.kv
    assert room.tokens % 16 == 0


def test_more_chips_than_kv_heads_keep_a_head_more_than_once() -> None:
    shape = model("llama-3.3-70b")
    assert kv_bytes(shape, 4, "bf16") == 2 * kv_bytes(shape, 8, "bf16")
    assert kv_bytes(shape, 16, "bf16") == kv_bytes(shape, 8, "bf16")


def test_every_chip_keeps_the_whole_latent() -> None:
    shape = model("deepseek-v3")
    assert kv_bytes(shape, 1, "bf16") == kv_bytes(shape, 8, "bf16") == (512 + 64) * 2


@pytest.mark.parametrize(
    ("name", "on", "tp", "precision", "message"),
    [
        ("llama-3.3-70b", "h100", 1, "bf16", r"141\.1 GB of weights / 1 .* x 0\.9 .*Use tp 2"),
        ("deepseek-v3", "h100", 8, "fp8", r"84\.\d GB a chip.*77\.0 GB"),
        ("llama-3.3-70b", "h200", 3, "fp8", r"tp 3 does not divide the 64 heads.*Use tp 1, 2, 4"),
        ("llama-3.3-70b", "h200", 16, "fp8", "more than one scale-up domain"),
        ("llama-3.3-70b", "h200", 0, "fp8", "tp is 0"),
        ("llama-3.3-70b", "h200", 8, "fp7", 'precision is "fp7".*Did you mean "fp8"'),
    ],
)
def test_a_deployment_that_cannot_be_is_refused_with_the_arithmetic(
    name: str, on: str, tp: int, precision: str, message: str
) -> None:
    with pytest.raises(TollwayError, match=message):
        deploy(model(name), chip(on), tp, EngineSettings(precision=precision, memory_share=0.9))


def test_tp_that_splits_kv_heads_unevenly_is_refused() -> None:
    shape = replace(model("llama-3.3-70b"), heads=48, kv_heads=8)
    with pytest.raises(TollwayError, match="KV heads"):
        deploy(shape, replace(chip("h200"), domain=72), 12, EngineSettings(precision="fp8"))


def test_a_refused_tp_is_not_offered_as_the_mend() -> None:
    with pytest.raises(TollwayError, match=r"Use tp 1, 2, 5, 10\.$"):
        deploy(model("phi-4"), chip("h100"), 4)


def test_a_chip_of_unknown_speed_is_refused_rather_than_guessed() -> None:
    known = chip("h200")
    blind = replace(known, memory=(MemoryTier("HBM", known.memory[0].size, None),))
    with pytest.raises(TollwayError, match="bandwidth of h200 is not known"):
        deploy(model("llama-3.1-8b"), blind, 1)
    with pytest.raises(TollwayError, match="bf16 rate of h200 is not known"):
        deploy(model("llama-3.1-8b"), replace(known, flops={}), 1)


def test_the_default_context_is_what_fits() -> None:
    one = llama8()
    assert one.context == one.blocks * 16 < one.model.context


def test_a_context_that_does_not_fit_is_refused_when_asked_for() -> None:
    with pytest.raises(TollwayError, match="bytes a token"):
        deploy(model("llama-3.1-8b"), chip("rtx-4090"), 1, EngineSettings(context=131072))
    with pytest.raises(TollwayError, match="made for"):
        deploy(model("llama-3.1-8b"), chip("h200"), 1, EngineSettings(context=131073))


def test_bandwidth_does_not_change_capacity() -> None:
    silicon = chip("h200")
    shape = model("llama-3.1-8b")
    one, other = (kv_capacity(shape, it, 1) for it in (silicon, slower(silicon, 0.5)))
    assert (one.tokens, one.kv) == (other.tokens, other.kv)
