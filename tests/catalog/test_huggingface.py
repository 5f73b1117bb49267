"""A publisher's config.json yields the shape that the catalogue has, or is refused with the key."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from published_configs import CONFIGS

from tollway.catalog import ModelShape, Provenance, model, numbers_of
from tollway.catalog.huggingface import read_config
from tollway.errors import TollwayError

HERE = Provenance("config.json", date(2026, 11, 1), "user's file")


def read(config: dict[str, Any], second: dict[str, Any] | None = None) -> ModelShape:
    beside = None if second is None else json.dumps(second)
    return read_config("mine", json.dumps(config), HERE, beside)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_published_config_is_the_shape_of_the_catalogue(name: str) -> None:
    known = model(name)
    expected = replace(
        known,
        name="mine",
        label="mine",
        vision=0,
        checkpoints={},
        total=None,
        active=None,
        facts={"config.json": HERE},
        kv_precision=None,
    )
    assert replace(read(CONFIGS[name]), checkpoints={}, facts={"config.json": HERE}) == expected


def with_(name: str, **changes: Any) -> dict[str, Any]:
    return {**CONFIGS[name], **changes}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (with_("deepseek-r1", architectures=["DeepseekV4ForCausalLM"]), "DeepseekV4.*Did you mean"),
        (with_("llama-3.1-8b", architectures=None), "names no architectures"),
        (with_("llama-3.1-8b", hidden_size=None), "lacks hidden_size"),
        (with_("llama-3.1-8b", hidden_size="4096"), "hidden_size is 4096, not a whole number"),
        (with_("llama-3.1-8b", num_kv_shared_layers=20), "num_kv_shared_layers is 20"),
        (with_("llama-3.1-8b", attention_window_pattern="LLLG"), "attention_window_pattern is LLL"),
        (with_("llama-3.1-8b", sliding_window=4096), "nothing says in which layers"),
        (with_("gpt-oss-20b", layer_types=["ring_attention"] * 24), "layer_types has 'ring_att"),
        (with_("gpt-oss-20b", num_hidden_layers=25), "names 24 layers, and num_hidden_layers is"),
        (
            with_("gpt-oss-20b", layer_types=[["full_attention"]] * 24),
            "layer_types has .'full",
        ),
        (with_("deepseek-r1", first_k_dense_replace=62), "62 dense layers are more than"),
        (with_("llama-3.1-8b", torch_dtype="float64"), "torch_dtype is float64"),
        (with_("deepseek-r1", quantization_config={"quant_method": "hqq"}), "quant_method is hqq"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_key(
    config: dict[str, Any], message: str
) -> None:
    with pytest.raises(TollwayError, match=message):
        read(config)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"architectures": "Llama"}'])
def test_what_is_no_config_is_refused(text: str) -> None:
    with pytest.raises(TollwayError, match=r"config\.json of mine"):
        read_config("mine", text, HERE)


@pytest.mark.parametrize(
    ("quantisation", "precision"),
    [
        ({"quant_method": "awq", "bits": 4}, "int4"),
        ({"quant_method": "gptq", "bits": 8}, "int8"),
        ({"quant_method": "fbgemm_fp8"}, "fp8"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "fp4"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "int4"),
        ({"config_groups": {"a": {"weights": {"num_bits": 8, "type": "float"}}}}, "fp8"),
    ],
)
def test_a_quantised_checkpoint_says_its_precision(
    quantisation: dict[str, Any], precision: str
) -> None:
    assert read(with_("llama-3.1-8b", quantization_config=quantisation)).precision == precision


def test_a_checkpoint_of_two_precisions_is_refused() -> None:
    groups = {
        "a": {"weights": {"num_bits": 8, "type": "float"}},
        "b": {"weights": {"num_bits": 4, "type": "float"}},
    }
    with pytest.raises(TollwayError, match="fp4 and fp8"):
        read(with_("llama-3.1-8b", quantization_config={"config_groups": groups}))


def test_the_quantisation_beside_the_config_says_what_is_left_in_bf16() -> None:
    config = with_("deepseek-r1", quantization_config=None)
    spared = [f"model.layers.{at}.self_attn.q_a_proj" for at in range(61)]
    second = {
        "quantization": {
            "quant_algo": "NVFP4",
            "kv_cache_quant_algo": "FP8",
            "exclude_modules": ["lm_head", *spared],
        }
    }
    shape = read(config, second)
    assert (shape.precision, shape.kv_precision) == ("fp4", "fp8")
    assert shape.bf16 == {"attention_in"} == model("deepseek-r1").stays_bf16("fp4")


def test_a_single_layer_that_is_spared_does_not_make_a_part() -> None:
    config = with_("deepseek-r1")
    config["quantization_config"] = {"quant_method": "fp8", "ignore": ["model.layers.0.self_attn"]}
    assert not read(config).bf16


def test_a_window_as_long_as_the_context_is_none() -> None:
    shape = read(with_("mistral-7b-v0.1", sliding_window=32768))
    assert shape.window is None
    assert shape.window_layers == 0


def test_only_the_language_model_of_a_wrapper_is_read() -> None:
    shape = read(CONFIGS["gemma-3-12b"])
    assert shape.layers == 48
    assert numbers_of(shape).vision == 0


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 10**6) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.data())
def test_no_config_brings_the_reader_down(data: st.DataObject) -> None:
    config = dict(data.draw(st.sampled_from(list(CONFIGS.values()))))
    inner = config.get("text_config")
    place = dict(inner) if isinstance(inner, dict) else config
    for key in data.draw(st.lists(st.sampled_from(sorted(place)), min_size=1, max_size=3)):
        place[key] = data.draw(anything)
    if place is not config and data.draw(st.booleans()):
        config["text_config"] = place
    with suppress(TollwayError):
        assert numbers_of(read(config)).total >= 0
