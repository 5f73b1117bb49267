"""A user's own chips and models: laid over the packaged ones, told apart by what they say."""

import json
from datetime import date

import pytest
from published_configs import CONFIGS

from tollway.catalog import chip, model
from tollway.catalog.own import own
from tollway.errors import TollwayError

TODAY = date(2026, 11, 1)
HEADER = 'source = "https://example.com"\ndate = 2026-11-01\nconfidence = "mine"\n'
CHIP = HEADER + "bf16_tflops = 100\n[[memory]]\ngb = 64\ngb_s = 1000\n"
MODEL = (
    HEADER + "layers = 2\nhidden = 64\nheads = 4\nkv_heads = 2\nhead_dim = 16\n"
    "ffn = 128\nvocab = 1000\ncontext = 4096\n"
)


def test_ones_own_is_found_beside_the_packaged() -> None:
    mine = own({"mine": CHIP, "tiny": MODEL}, TODAY)
    assert mine.chip("mine").memory[0].size == 64 * 10**9
    assert mine.model("tiny").layers == 2
    assert mine.chip("h200") is chip("h200")
    assert mine.model("qwen3-8b") is model("qwen3-8b")
    assert mine.engine("vllm").name == "vllm"


def test_ones_own_comes_before_the_packaged_of_the_same_name() -> None:
    mine = own({"h200": CHIP}, TODAY)
    assert mine.chip("h200").flops == {"bf16": 100e12}
    assert chip("h200").flops["bf16"] == 989e12


def test_a_config_json_is_a_model() -> None:
    mine = own({"mine": json.dumps(CONFIGS["llama-3.1-8b"])}, TODAY)
    assert mine.model("mine").layers == 32
    assert mine.model("mine").facts["config.json"].date == TODAY


def test_a_misspelt_name_is_answered_with_the_closest_of_both() -> None:
    mine = own({"my-own-chip": CHIP, "my-own-model": MODEL}, TODAY)
    with pytest.raises(TollwayError, match='Did you mean "my-own-chip"'):
        mine.chip("my-own-chp")
    with pytest.raises(TollwayError, match='Did you mean "h200"'):
        mine.chip("h20")
    with pytest.raises(TollwayError, match='Did you mean "my-own-model"'):
        mine.model("my-own-modl")
    with pytest.raises(TollwayError, match='engine is "vlm"'):
        mine.engine("vlm")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER, "neither a chip, a model nor an engine"),
        ("= 1", "mine is not TOML"),
        (CHIP.replace("gb_s", "gbs"), 'Did you mean "gb_s"'),
        (MODEL.replace("hidden", "hiden"), "hiden|hidden"),
    ],
)
def test_a_text_that_is_none_of_them_is_refused(text: str, message: str) -> None:
    with pytest.raises(TollwayError, match=message):
        own({"mine": text}, TODAY)
