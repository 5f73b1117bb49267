# ruff: noqa: E501 - printed lines are shown whole here
"""`tollway predict`: what it prints, refuses and hands to programs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from tollway.catalog import chip, model
from tollway.cli.app import run
from tollway.cli.predict_table import print_answer, print_answers
from tollway.engine import (
    EngineSettings,
    Estimate,
    Layout,
    Prediction,
    Question,
    Scenario,
    TierUse,
    Workload,
)
from tollway.simulator.answer import Answer

KEYS_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "predict-json.md"

ACME_ONE = """\
label = "Acme One"
source = "https://example.com/acme-one"
date = 2026-11-01
confidence = "vendor data sheet"
bf16_tflops = { value = [200, 250], note = "depends on the clock" }
fp8_tflops = 500
power_w = 450
[[memory]]
gb = 128
gb_s = 3200
"""
ACME_7B = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path))
    return tmp_path


def asked(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    assert run(["predict", *options, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["answers"]


def question(name: str = "h200", tp: int = 8, users: int = 64) -> Question:
    return Question(
        model=model("llama-3.3-70b"),
        chip=chip(name),
        workload=Workload(1024, 512, concurrency=users),
        layout=Layout(tp=tp),
        settings=EngineSettings(precision="fp8", version="0.11.0"),
    )


def prediction(**changes: object) -> Prediction:
    """Round numbers, so that what is printed does not move with the fit."""
    whole: dict[str, Any] = {
        "ttft": Estimate(0.5, 0.4, 1.25),
        "tpot": Estimate(0.0125, 0.01, 0.016),
        "user_tokens": Estimate(80.0, 62.5, 100.0),
        "chip_tokens": Estimate(600.0, 480.0, 1250.0),
        "total_tokens": Estimate(4800.0, 3840.0, 10_000.0),
        "requests": Estimate(9.375, 7.5, 19.53),
        "energy": Estimate(1.17, 0.56, 1.46),
        "usd_per_mtok": Estimate(1.04, 0.5, 1.3),
        "memory": (TierUse("HBM3e", 150 * 10**9, 138 * 10**9, 10**10, 2 * 10**9, 10**11, 10**9, True),),
        "kv_tokens": 6_245_520,
        "running": 61.8,
        "waiting": 2.14,
        "preempted": 0.0,
        "chips": 8,
        "precision": "fp8",
        "origin": "interpolated",
        "binds": "bandwidth",
        "shares": {"dense": 0.4, "kv": 0.3, "network": 0.2, "overhead": 0.1},
        "scenarios": (),
        "warnings": (),
        "refused": (),
    }  # fmt: skip
    return Prediction(**{**whole, **changes})


def test_one_deployment_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer(Answer(question(), prediction(), None, ()))
    assert capsys.readouterr().out == snapshot("""\
llama-3.3-70b in fp8, KV in fp8, on 8 x h200: tp 8, vllm 0.11.0
64 users, 1,024 tokens in, 512 out

                     predicted  80% from       to  provenance
TTFT                    500 ms    400 ms   1.25 s  interpolated
TPOT                   12.5 ms   10.0 ms  16.0 ms  interpolated
tokens/s a user           80.0      62.5      100  interpolated
tokens/s a chip            600       480    1,250  interpolated
tokens/s, all chips      4,800     3,840   10,000  interpolated
requests/s                9.38      7.50     19.5  interpolated
J/token                   1.17      0.56     1.46  rated power
USD/Mtok                  1.04      0.50     1.30  interpolated

GB a chip   size  usable  weights  runtime  KV room  KV used
HBM3e      150.0   138.0     10.0      2.0    100.0      1.0
KV for 6,245,520 tokens. On average 61.8 decode, 2.14 wait for a first token.

Binds: bandwidth (reading weights and KV from memory).
Time of a step: dense 40%, kv 30%, network 20%, overhead 10%.
Provenance: interpolated: model, chip and engine were each measured, but not together.
""")


def test_a_chip_that_nobody_measured_has_scenarios_and_no_ttft(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scenarios = (Scenario("software x1", 1.0, None, 0.1, 80.0), Scenario("software x2", 2.0, None, 0.2, 40.0))  # fmt: skip
    blind = prediction(
        ttft=None, energy=None, usd_per_mtok=None, origin="spec sheet", scenarios=scenarios
    )
    print_answer(Answer(question("ai250", 1, 1), blind, None, ()))
    out = capsys.readouterr().out
    assert out.splitlines()[3:12] == snapshot(
        [
            "                     predicted  80% from       to  provenance",
            "TTFT                         -                     refused: FLOPS unknown",
            "TPOT                   12.5 ms   10.0 ms  16.0 ms  spec sheet",
            "tokens/s a user           80.0      62.5      100  spec sheet",
            "tokens/s a chip            600       480    1,250  spec sheet",
            "tokens/s, all chips      4,800     3,840   10,000  spec sheet",
            "requests/s                9.38      7.50     19.5  spec sheet",
            "J/token                      -                     no power is known",
            "USD/Mtok                     -                     give --price",
        ]
    )
    assert out.splitlines()[-4:] == snapshot(
        [
            "Were its software so many times slower than on mature chips:",
            "scenario     TTFT    TPOT  tokens/s a user  a chip",
            "software x1     -  100 ms             10.0    80.0",
            "software x2     -  200 ms             5.00    40.0",
        ]
    )


def test_several_in_one_table_of_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [
        Answer(question(), prediction(), None, ()),
        Answer(
            question("crescent-island-480"),
            prediction(ttft=None, usd_per_mtok=None, origin="spec sheet"),
            None,
            (),
        ),
        Answer(question("l4", 1), None, "it does not fit: 72.7 GB > 22.2 GB.", ()),
    ]
    print_answers(answers, "", lambda one: one.chips)
    out = capsys.readouterr().out
    assert out == snapshot("""\
                             TTFT       TPOT  tok/s user  tok/s chip     $/Mtok
8 x h200                   500 ms    12.5 ms        80.0         600       1.04
interpolated, bandwidth  400-1250  10.0-16.0    62.5-100    480-1250  0.50-1.30
8 x crescent-island-480         -    12.5 ms        80.0         600          -
spec sheet, bandwidth              10.0-16.0    62.5-100    480-1250
1 x l4                    refused
1 x l4 refused: it does not fit: 72.7 GB > 22.2 GB.
""")
    assert max(map(len, out.splitlines())) <= 80


REFUSALS: Mapping[str, tuple[str, str]] = {
    "does not fit": (
        "--model llama-3.3-70b --chip h200",
        snapshot(
            "llama-3.3-70b in bf16 does not fit on 1 x h200: 141.1 GB of weights / 1 = 141.1 GB a chip, plus 1.7 GB for the runtime, against 150.8 GB x 0.92 = 138.7 GB. Use tp 2, or a smaller precision.\n"
        ),
    ),
    "heads": (
        "--model llama-3.3-70b --chip h200 --tp 3",
        snapshot(
            "tp 3 does not divide the 64 heads of llama-3.3-70b (64 / 3 = 21.33). Use tp 1, 2, 4, 8, 16.\n"
        ),
    ),
    "precision": (
        "--model qwen3-32b --chip h200 --precision fp5",
        snapshot(
            'precision is "fp5"; known: bf16, fp16, fp4, fp8, int4, int8. Did you mean "fp8"?\n'
        ),
    ),
    "bandwidth": (
        "--model qwen3-32b --chip xcena-mx1",
        snapshot(
            "the memory bandwidth of xcena-mx1 is not published, and decode is reading memory. Assume one in GB/s: --assume bandwidth=LO..HI.\n"
        ),
    ),
    "FLOPS of a chip that prefills": (
        "--model qwen3-32b --chip h200 --prefill-chip crescent-island-480",
        snapshot(
            "the arithmetic rate of crescent-island-480 is not published, and prefill is arithmetic. Assume one: --assume bf16_tflops=LO..HI.\n"
        ),
    ),
    "no chip": (
        "--model qwen3-32b",
        snapshot("Say --chip CHIP, or --compare CHIP,CHIP,… for several.\n"),
    ),
    "unknown chip": (
        "--model qwen3-32b --chip h2000",
        snapshot(
            'chip is "h2000"; known: a100, a100-40gb, a100-pcie, ai200, ai250, arc-b60, b200, b300, crescent-island-160, crescent-island-480, dgx-spark, dgx-station and 36 more. Did you mean "h200"?\n'
        ),
    ),
    "unknown model": (
        "--model qwen3-33b --chip h200",
        snapshot(
            'model is "qwen3-33b"; known: bloom-7b1, codellama-13b, deepseek-r1, deepseek-r1-distill-qwen-14b, deepseek-v3, deepseek-v3.1, deepseek-v3.2, falcon-180b, gemma-3-12b, gemma-3-27b, gemma-3-4b, glm-4.5 and 62 more. Did you mean "qwen3-32b"?\n'
        ),
    ),
    "unknown engine": (
        "--model qwen3-32b --chip h200 --engine vlm",
        snapshot(
            'engine is "vlm"; known: dynamo-sglang, dynamo-trtllm, dynamo-vllm, llama.cpp, lmdeploy, sglang, tgi, trtllm, vllm. Did you mean "vllm"?\n'
        ),
    ),
    "no such file": (
        "--model nothere/config.json --chip h200",
        snapshot(
            "nothere/config.json: no such file or directory. Name a file, or a name of the catalogue.\n"
        ),
    ),
    "a chip for a model": (
        "--model acme-one.toml --chip h200",
        snapshot("acme-one.toml describes no model. Hand in a config.json, or TOML with layers.\n"),
    ),
    "a model for a chip": (
        "--model qwen3-32b --chip acme-7b/config.json",
        snapshot("acme-7b/config.json is no chip. Hand in TOML with [[memory]] tables.\n"),
    ),
    "a misspelt fact": (
        "--model qwen3-32b --chip wrong.toml",
        snapshot(
            'wrong.toml: chip wrong: key is "pwer_w"; known: all_in_power_w, available, bf16_tflops, domain, fp16_tflops, fp4_tflops, fp8_tflops, int4_tops, int8_tops, label, link, link_gb_s and 6 more. Did you mean "power_w"?\n'
        ),
    ),
    "assumption": (
        "--model qwen3-32b --chip h200 --assume speed=3",
        snapshot(
            '--assume is "speed"; known: bandwidth, bf16_tflops, fp16_tflops, fp4_tflops, fp8_tflops, int4_tops, int8_tops, link_gb_s, power_w\n'
        ),
    ),
    "no range": (
        "--model qwen3-32b --chip h200 --assume bandwidth=3..2",
        snapshot(
            "--assume bandwidth=3..2 is not KEY=LO..HI. Write numbers above zero, the smaller first: --assume bf16_tflops=200..250, or one: --assume power_w=350.\n"
        ),
    ),
    "price": (
        "--model qwen3-32b --chip h200 --price cheap",
        snapshot(
            "--price cheap is not a price. Write USD an hour of one chip (2.50 or h200=2.50), or hyperscaler, neocloud, rental for the catalogue's.\n"
        ),
    ),
    "sweep": (
        "--model qwen3-32b --chip h200 --sweep tp",
        snapshot("--sweep tp cannot be. Sweep concurrency, or concurrency=1,8,64.\n"),
    ),
    "two loads": (
        "--model qwen3-32b --chip h200 --rate 3 --concurrency 2",
        snapshot("--rate and --concurrency are two kinds of load. Give one of them.\n"),
    ),
    "no requests": (
        "--model qwen3-32b --chip h200 --requests 0",
        snapshot("--requests is 0. It is a whole number, 1 or more.\n"),
    ),
    "half of speculation": (
        "--model qwen3-32b --chip h200 --spec-tokens 3",
        snapshot(
            "--spec-tokens and --acceptance belong together: how many tokens are drafted a step, and the share of them that is kept.\n"
        ),
    ),
    "impossible acceptance": (
        "--model qwen3-32b --chip h200 --spec-tokens 3 --acceptance 2",
        snapshot(
            "--spec-tokens 3 --acceptance 2 cannot be. Draft at least one token; the share that is kept is from 0 to 1.\n"
        ),
    ),
    "one token out": (
        "--model qwen3-32b --chip h200 --out 1",
        snapshot(
            "1024 tokens in and 1 out cannot be. A prompt has at least one token, and an answer two: of one there is no time between tokens.\n"
        ),
    ),
    "prefill without a chip": (
        "--model qwen3-32b --chip h200 --prefill-tp 2",
        snapshot("--prefill-… needs --prefill-chip. Say which chip prefills.\n"),
    ),
    "plot": (
        "--model qwen3-32b --chip h200 --plot x.gif",
        snapshot("--plot x.gif ends in neither .svg nor .png. Name one of these.\n"),
    ),
    "no catalogue": (
        "--model qwen3-32b --chip h200 --catalog nowhere",
        snapshot("--catalog nowhere is not a folder. Name one with *.toml or *.json.\n"),
    ),
    "no calibration": (
        "--model qwen3-32b --chip h200 --calibrated acme-one.toml",
        snapshot("acme-one.toml is not of format 1. Write it anew with `tollway calibrate`.\n"),
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_refusal_is_one_line_with_its_mend(
    capsys: pytest.CaptureFixture[str], folder: Path, what: str
) -> None:
    (folder / "acme-one.toml").write_text(ACME_ONE)
    (folder / "wrong.toml").write_text(ACME_ONE.replace("power_w", "pwer_w"))
    (folder / "acme-7b").mkdir()
    (folder / "acme-7b" / "config.json").write_text(json.dumps(ACME_7B))
    options, words = REFUSALS[what]
    assert run(["predict", *options.split()]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == words
    assert said.err.count("\n") == 1
    assert not list(folder.glob("x.*"))


def test_a_tp_that_splits_kv_heads_unevenly_is_refused_with_the_division(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["predict", "--model", "phi-4", "--chip", "h200", "--tp", "4"]) == 2
    assert (
        "10 KV heads of phi-4 nor is a multiple of them (10 / 4 = 2.50)" in capsys.readouterr().err
    )


def test_where_every_chip_is_refused_each_reason_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["predict", "--model", "qwen3-32b", "--compare", "rtx-4090,l4"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert re.findall(r"does not fit on 1 x (\S+):", said.err) == ["rtx-4090", "l4"]


def flattened(value: object, place: str = "") -> set[str]:
    if isinstance(value, dict):
        inner = [flattened(one, f"{place}.{key}" if place else key) for key, one in value.items()]
        return set().union(*inner) | ({place} if place and not place.endswith("[]") else set())
    if isinstance(value, list):
        return {f"{place}[]"}.union(*(flattened(one, f"{place}[]") for one in value))
    return {place}


def test_the_documented_keys_are_the_keys(capsys: pytest.CaptureFixture[str]) -> None:
    disaggregated = ("--prefill-chip", "b200", "--price", "2")
    answers = asked(capsys, "--model", "qwen3-8b", "--chip", "crescent-island-480", *disaggregated)
    found = flattened({"format": 1, "answers": answers})
    short = {key.removeprefix("answers[].") for key in found}
    estimate = re.compile(r"\.(value|low|high|provenance)$")
    rows = re.findall(r"^\| `([^`]+)` \|", KEYS_PAGE.read_text(), re.MULTILINE)
    assert {key for key in short if not estimate.search(key)} == set(rows)


def test_every_figure_lies_within_its_interval_and_says_its_provenance(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (one,) = asked(capsys, "--model", "qwen3-32b", "--chip", "h200", "--price", "2.5")
    figures = [value for key, value in one.items() if isinstance(value, dict) and "low" in value]
    assert len(figures) == 8
    for figure in figures:
        assert figure["low"] < figure["value"] < figure["high"]
        assert figure["provenance"] in {one["provenance"], "spec sheet"}
    per_second = one["chips"] * 2.5 / 3600
    assert one["usd_mtok"]["value"] == pytest.approx(
        per_second / one["total_tokens_s"]["value"] * 1e6
    )


def test_a_refused_chip_stays_in_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    names = "2xh200,crescent-island-480,l4"
    options = ("--model", "llama-3.3-70b", "--precision", "fp8", "--compare", names)
    h200, island, l4 = asked(capsys, *options)
    assert (h200["tp"], island["tp"], l4["tp"]) == (2, 1, 1)
    assert h200["refused"] == []
    assert island["ttft_s"] is None
    assert island["tpot_s"]["high"] > 2 * island["tpot_s"]["low"]
    assert "arithmetic rate of crescent-island-480 is not published" in island["refused"][0]
    assert [scenario["slowdown"] for scenario in island["scenarios"]] == [1.0, 2.0, 4.0]
    assert (l4["tpot_s"], l4["memory"]) == (None, [])
    assert "does not fit on 1 x l4" in l4["refused"][0]


def test_what_is_assumed_of_several_chips_leaves_what_is_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--model", "qwen3-8b", "--compare", "h200,crescent-island-480")
    before, _ = asked(capsys, *options)
    after, island = asked(capsys, *options, "--assume", "bf16_tflops=100..200")
    assert before == after
    assert island["ttft_s"]["low"] < island["ttft_s"]["value"]
    (alone,) = asked(
        capsys, "--model", "qwen3-8b", "--chip", "h200", "--assume", "bandwidth=1000..2000"
    )
    assert alone["tpot_s"]["value"] > 2 * before["tpot_s"]["value"]


def test_a_sweep_is_one_answer_for_each_number_of_users(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--model", "qwen3-8b", "--chip", "h100", "--sweep", "concurrency=64,1,8")
    answers = asked(capsys, *options)
    assert [one["concurrency"] for one in answers] == [1, 8, 64]
    speeds = [one["user_tokens_s"]["value"] for one in answers]
    assert speeds == sorted(speeds, reverse=True)
    throughput = [one["chip_tokens_s"]["value"] for one in answers]
    assert throughput == sorted(throughput)


def test_a_chip_that_is_refused_at_every_load_says_so_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--model", "qwen3-32b", "--compare", "h200,l4", "--sweep", "concurrency")
    assert run(["predict", *options]) == 0
    out = capsys.readouterr().out
    assert out.count("does not fit on 1 x l4") == 1
    assert "\nqwen3-32b on 1 x l4\nrefused: qwen3-32b in bf16 does not fit" in out


@pytest.mark.parametrize("name", ["h200", "NVIDIA H200"])
def test_a_name_that_others_give_is_known(capsys: pytest.CaptureFixture[str], name: str) -> None:
    (one,) = asked(capsys, "--model", "Qwen/Qwen3-32B-FP8", "--chip", name)
    assert (one["model"], one["chip"]) == ("qwen3-32b", "h200")


def test_a_config_json_and_a_chip_in_toml_are_read_by_path(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "acme-7b").mkdir()
    (folder / "acme-7b" / "config.json").write_text(json.dumps(ACME_7B))
    (folder / "acme-one.toml").write_text(ACME_ONE)
    (one,) = asked(capsys, "--model", "acme-7b/config.json", "--chip", "acme-one.toml")
    assert (one["model"], one["chip"], one["precision"]) == ("acme-7b", "acme-one", "bf16")
    assert one["provenance"] == "spec sheet"
    assert one["ttft_s"]["low"] < one["ttft_s"]["value"]


def test_a_folder_of_ones_own_comes_before_the_packaged_catalogue(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "h200.toml").write_text(ACME_ONE)
    (folder / "mine" / "slow.toml").write_text(
        'source = "our own"\ndate = 2026-11-01\nconfidence = "our own"\n'
        "[[defaults]]\nsequences = 2\nbatch_tokens = 512\nmemory_share = 0.5\n"
    )
    options = ("--model", "qwen3-8b", "--chip", "h200", "--concurrency", "8")
    (packaged,) = asked(capsys, *options)
    (own,) = asked(capsys, *options, "--catalog", "mine", "--engine", "slow")
    assert packaged["memory"][0]["size"] > own["memory"][0]["size"] == 128 * 10**9
    assert own["memory"][0]["usable"] == 64 * 10**9
    assert own["binds"] == "capacity"
    assert any("slow was never measured" in words for words in own["warnings"])


def test_prices_are_given_or_the_catalogues(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--model", "qwen3-8b", "--compare", "h200,htx301")
    given, other = asked(capsys, *options, "--price", "2", "--price", "htx301=9")
    assert (given["chip_hour_usd"], other["chip_hour_usd"]) == (2.0, 9.0)
    known, unknown = asked(capsys, *options, "--price", "neocloud")
    assert known["chip_hour_usd"] > 0
    assert unknown["usd_mtok"] is None
    assert any("no neocloud price of htx301" in words for words in unknown["warnings"])


def test_words_go_to_standard_error_and_each_is_said_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["predict", "--model", "deepseek-v3", "--compare", "8xh200,8xb200"]) == 0
    said = capsys.readouterr()
    assert "warning" not in said.out
    lines = said.err.splitlines()
    assert len(lines) == len(set(lines))
    assert any("can predict several tokens a step" in line for line in lines)


def test_rich_pydantic_and_pillow_are_not_imported_for_a_plain_answer(folder: Path) -> None:
    script = (
        "import sys\nfrom tollway.cli.app import run\n"
        "assert run(['predict', '--model', 'qwen3-8b', '--chip', 'h200', '--plot', 'x.svg']) == 0\n"
        "heavy = {'rich.table', 'pydantic', 'PIL', 'numpy', 'asyncio', 'sqlite3'}\n"
        "found = heavy & set(sys.modules)\nsys.exit(str(found) if found else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stderr
