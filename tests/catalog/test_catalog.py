"""The catalogue: every fact says where it comes from, and unknown stays unknown."""

import pytest

from tollway.catalog import Chip, ModelShape, chip, chip_names, model, model_names
from tollway.catalog.chips import read_chip
from tollway.catalog.models import read_model
from tollway.errors import TollwayError

HEADER = 'source = "https://example.com"\ndate = 2026-11-01\nconfidence = "test"\n'
MEMORY = "[[memory]]\ngb = 100\ngb_s = 2000\n"


def test_a_dozen_chips_and_the_models_people_serve_are_known() -> None:
    wanted = "a100 h100 h200 b200 b300 gb200 l40s rtx-4090 rtx-pro-6000 mi300x mi325x mi355x"
    assert {*wanted.split(), "gaudi-3"} <= set(chip_names())
    models = {"llama-3.3-70b", "llama-3.1-8b", "qwen3-32b", "gpt-oss-120b", "deepseek-v3"}
    assert models <= set(model_names())


@pytest.mark.parametrize("name", chip_names())
def test_every_fact_of_a_chip_has_source_date_and_confidence(name: str) -> None:
    _check_facts(chip(name))
    assert chip(name).memory[0].size > 10**9


@pytest.mark.parametrize("name", model_names())
def test_every_fact_of_a_model_has_source_date_and_confidence(name: str) -> None:
    _check_facts(model(name))


def _check_facts(thing: Chip | ModelShape) -> None:
    assert thing.facts
    for fact in thing.facts.values():
        assert fact.source.startswith("https://")
        assert fact.date.year >= 2020
        assert fact.confidence


def test_a_misspelt_name_is_answered_with_the_closest() -> None:
    with pytest.raises(TollwayError, match=r'chip is "h20".*Did you mean "h200"\?'):
        chip("h20")
    with pytest.raises(TollwayError, match=r'Did you mean "llama-3.3-70b"\?'):
        model("llama-3.3-70")


@pytest.mark.parametrize("name", ["../chips/h200", "h200.toml", "", "."])
def test_a_name_is_not_a_path(name: str) -> None:
    with pytest.raises(TollwayError):
        model(name)


def test_what_is_not_written_is_unknown() -> None:
    read = read_chip("x", HEADER + "[[memory]]\ngb = 1\n")
    assert read.memory[0].bandwidth is None
    assert read.link is None
    assert read.power is None
    assert not read.flops


def test_a_chip_is_ten_lines_of_toml() -> None:
    text = (
        'label = "New"\nvendor = "acme"\n' + HEADER + "bf16_tflops = 100\n"
        'fp8_tflops = { value = 200, confidence = "guess", note = "doubled" }\n' + MEMORY
    )
    assert len(text.splitlines()) == 10
    read = read_chip("new", text)
    assert read.flops == {"bf16": 100e12, "fp8": 200e12}
    assert read.facts["fp8_tflops"].confidence == "guess"
    assert read.facts["fp8_tflops"].source == "https://example.com"
    assert read.facts["bf16_tflops"].confidence == "test"


def test_memory_is_a_list_of_tiers() -> None:
    read = read_chip("x", HEADER + MEMORY + '[[memory]]\nkind = "CXL"\ngb = 500\ngb_s = 60\n')
    assert [tier.size for tier in read.memory] == [100 * 10**9, 500 * 10**9]
    assert read.memory[1].kind == "CXL"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "bf16_tflop = 1\n" + MEMORY, 'key is "bf16_tflop".*"bf16_tflops"'),
        (HEADER, "no memory"),
        (MEMORY, "lacks source"),
        (HEADER + "bf16_tflops = -1\n" + MEMORY, "above zero"),
        (HEADER + "bf16_tflops = true\n" + MEMORY, "above zero"),
        (HEADER + "[[memory]]\ngb_s = 1\n", "lacks gb"),
        (HEADER + "[[memory]]\ngb = 1\ngbs = 1\n", 'key is "gbs"'),
        (HEADER + "bf16_tflops = { value = 1, sauce = 2 }\n" + MEMORY, 'is "sauce"'),
        ("= 1", "not TOML"),
    ],
)
def test_a_faulty_chip_is_refused_with_the_key(text: str, message: str) -> None:
    with pytest.raises(TollwayError, match=message):
        read_chip("x", text)


def test_experts_without_their_width_are_refused() -> None:
    body = "layers=1\nhidden=1\nheads=1\nkv_heads=1\nhead_dim=1\nffn=1\nvocab=1\ncontext=1\n"
    with pytest.raises(TollwayError, match="experts_per_token"):
        read_model("x", HEADER + body + "experts = 8\n")
    with pytest.raises(TollwayError, match="lacks layers"):
        read_model("x", HEADER)
