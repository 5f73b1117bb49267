"""The catalogue: every fact says where it comes from, and unknown stays unknown."""

import subprocess
import sys
import tomllib
from importlib.resources import files

import pytest

from tollway.catalog import (
    Chip,
    ModelShape,
    Range,
    chip,
    chip_names,
    engine_names,
    known_as,
    model,
    model_names,
)
from tollway.catalog.chips import read_chip
from tollway.catalog.models import read_model
from tollway.errors import TollwayError

HEADER = 'source = "https://example.com"\ndate = 2026-11-01\nconfidence = "test"\n'
MEMORY = "[[memory]]\ngb = 100\ngb_s = 2000\n"


def test_the_chips_and_models_that_people_ask_about_are_known() -> None:
    sold = (
        "a100 h100 h200 b200 b300 gb200 gb300 dgx-station l40s rtx-4090 rtx-pro-6000 dgx-spark "
        "mi300x mi325x mi355x gaudi-2 gaudi-3 tpu-v5e tpu-v5p tpu-v6e tpu-v7 trainium2 trainium3 "
        "arc-b60"
    )
    announced = "crescent-island-160 crescent-island-480 ai200 ai250 htx301 xcena-mx1 rubin"
    assert {*sold.split(), *announced.split()} <= set(chip_names())
    assert {chip(name).status for name in sold.split()} == {"released"}
    assert {chip(name).status for name in announced.split()} == {"announced"}
    models = {"llama-3.3-70b", "qwen3-32b", "gpt-oss-120b", "deepseek-v3.2", "minimax-m2.5"}
    assert models | {"kimi-k2", "glm-4.6", "qwen3.5-9b", "llama-4-scout"} <= set(model_names())


def test_what_is_unconfirmed_stays_a_range() -> None:
    one = chip("crescent-island-480")
    assert one.memory[0].bandwidth is None
    assert one.ranges["memory[0].gb_s"] == Range(684e9, 1500e9)
    assert not one.flops
    assert [one.at(share).memory[0].bandwidth for share in (0, 1)] == [684e9, 1500e9]
    assert not one.at(0.5).ranges
    assert one.at(0.5).memory[0].size == 480 * 10**9


def test_memory_spills_to_a_named_tier() -> None:
    own, host = chip("dgx-station").memory
    assert own.size + host.size == 748 * 10**9
    assert (own.via, host.via) == (None, "NVLink-C2C")


def test_a_price_that_is_a_placeholder_says_so() -> None:
    assert chip("gb300").facts["usd_per_hour.rental"].confidence == "placeholder"
    assert chip("h200").facts["usd_per_hour.rental"].confidence == "curated"
    assert chip("h200").rents["rental"] == 1.6
    assert chip("h200").all_in_power == 1730


def test_capacity_is_what_a_driver_reports() -> None:
    assert chip("h200").memory[0].size == round(143_771 * 2**20, -7)
    assert chip("mi300x").memory[0].size == round(206_141_652_992, -7)


@pytest.mark.parametrize(
    ("shelf", "alias", "name"),
    [
        ("models", "deepseek-ai/DeepSeek-R1-0528", "deepseek-r1"),
        ("models", "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "qwen3-235b-a22b"),
        ("models", "llama2-70b-99.9", "llama-2-70b"),
        ("models", "qwen3-8b", "qwen3-8b"),
        ("chips", "NVIDIA H200-SXM-141GB", "h200"),
        ("chips", "AMD MI300X (8xMi300x 1FP8-amd)", "mi300x"),
        ("engines", "vLLM", "vllm"),
        ("engines", "TensorRT-LLM", "trtllm"),
        ("models", "acme/unheard-of", None),
    ],
)
def test_names_of_others_lead_to_ours(shelf: str, alias: str, name: str | None) -> None:
    assert known_as(shelf, alias) == name


def test_every_alias_leads_somewhere_and_to_one_place() -> None:
    text = (files("tollway.catalog") / "aliases.toml").read_text()
    shelves: dict[str, dict[str, list[str]]] = tomllib.loads(text)
    names = {"chips": chip_names(), "models": model_names(), "engines": engine_names()}
    assert shelves.keys() == names.keys()
    for shelf, entries in shelves.items():
        assert entries.keys() <= set(names[shelf])
        aliases = [alias for of in entries.values() for alias in of]
        assert len(aliases) == len(set(aliases))
        assert aliases == [alias.lower() for alias in aliases]


def test_one_chip_and_one_model_read_only_their_own_files() -> None:
    code = (
        "import sys\n"
        "from tollway.catalog import chip, model\n"
        "opened = []\n"
        "def hook(event, args):\n"
        "    if event == 'open' and str(args[0]).endswith('.toml'):\n"
        "        opened.append(str(args[0]).rpartition('/')[2])\n"
        "sys.addaudithook(hook)\n"
        "chip('h200'), model('qwen3-8b')\n"
        "print(opened)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['h200.toml', 'qwen3-8b.toml']"


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
        (HEADER + "bf16_tflops = [2, 1]\n" + MEMORY, r"\[low, high\]"),
        (HEADER + "bf16_tflops = [1, 2, 3]\n" + MEMORY, r"\[low, high\]"),
        (HEADER + "bf16_tflops = [0, 1]\n" + MEMORY, "above zero"),
        (HEADER + "domain = 1.5\n" + MEMORY, "whole number"),
        (HEADER + "label = 1\n" + MEMORY, "it is text"),
        (HEADER + 'status = "rumoured"\n' + MEMORY, 'status is "rumoured"'),
        (HEADER + 'available = "soon"\n' + MEMORY, "it is a date"),
        (HEADER + "memory = 1\n", "list of tables"),
        (HEADER + "usd_per_hour = 1\n" + MEMORY, "it is a table"),
        (HEADER + MEMORY + "[usd_per_hour]\nspot = 1\n", 'key is "spot"'),
    ],
)
def test_a_faulty_chip_is_refused_with_the_key(text: str, message: str) -> None:
    with pytest.raises(TollwayError, match=message):
        read_chip("x", text)


BODY = "layers=4\nhidden=1\nheads=1\nkv_heads=1\nhead_dim=1\nffn=1\nvocab=1\ncontext=9\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BODY + "experts = 8\n", "experts_per_token"),
        ("", "lacks layers"),
        (BODY.replace("ffn=1\n", ""), "lacks ffn"),
        (BODY + "experts = 2\nexperts_per_token = 3\nexpert_ffn = 1\n", "more than its 2"),
        (BODY + "window_layers = 2\n", "lacks window"),
        (BODY + "window_layers = 5\nwindow = 1\n", "more than the 4 layers"),
        (BODY + 'bf16 = ["atention"]\n', 'bf16 is "atention".*"attention"'),
        (BODY + "bf16 = true\n", "it is a list"),
        (BODY + "[[checkpoints]]\nbf16 = []\n", "lacks precision"),
        (BODY + "[mla]\nkv_rank = 1\n", "lacks rope_dim"),
        (BODY + '[linear]\nkind = "rwkv"\n', 'kind is "rwkv"'),
        (BODY + "tied_embeddings = 1\n", "true or false"),
    ],
)
def test_a_faulty_model_is_refused_with_the_key(text: str, message: str) -> None:
    with pytest.raises(TollwayError, match=message):
        read_model("x", HEADER + text)


def test_a_checkpoint_says_what_it_leaves_in_bf16() -> None:
    one = model("deepseek-r1")
    assert one.stays_bf16("fp8") == frozenset()
    assert one.stays_bf16("fp4") == {"attention_in"}
    assert model("gpt-oss-120b").bf16 == {"attention_in", "attention_out"}
    assert model("gpt-oss-120b").bf16_attention
