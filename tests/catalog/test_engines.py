"""Serving engines: what they take by themselves, by version and chip, and what of it is doubted."""

from datetime import date

import pytest

from tollway.catalog import chip, chip_names, engine_defaults, engine_names
from tollway.catalog.engines import read_engine
from tollway.catalog.own import own
from tollway.errors import TollwayError

HEADER = 'source = "https://example.com"\ndate = 2026-11-01\nconfidence = "test"\n'
TODAY = date(2026, 11, 1)
ENTRY = "[[defaults]]\nsequences = 1\n"


def test_the_engines_that_people_serve_with_are_known() -> None:
    wanted = {"vllm", "sglang", "trtllm", "tgi", "llama.cpp", "lmdeploy"}
    assert wanted | {f"dynamo-{one}" for one in ("vllm", "sglang", "trtllm")} == set(engine_names())


@pytest.mark.parametrize("name", engine_names())
def test_every_default_of_an_engine_has_source_date_and_confidence(name: str) -> None:
    for on in chip_names():
        said = engine_defaults(name, None, chip(on))
        assert said.sequences
        assert said.batch_tokens
        for fact in said.facts.values():
            assert fact.source.startswith("https://")
            assert fact.confidence


@pytest.mark.parametrize(
    ("version", "on", "sequences", "tokens", "prefill", "share"),
    [
        ("0.11.0", "h100", 1024, 8192, "chunked", 0.9),
        ("0.11.0", "mi300x", 1024, 8192, "chunked", 0.9),
        ("0.11.0", "a100", 256, 2048, "chunked", 0.9),
        ("0.11.0", "l40s", 256, 2048, "chunked", 0.9),
        ("0.8.1.post2", "h200", 256, 2048, "chunked", 0.9),
        ("v0.8.5", "h200", 256, 8192, "chunked", 0.9),
        ("0.6.5.dev964+mlperf50", "mi300x", 256, 8192, "separate", 0.9),
        ("0.25.0", "h200", 1024, 8192, "chunked", 0.92),
    ],
)
def test_vllm_takes_what_its_version_and_the_chip_say(
    version: str, on: str, sequences: int, tokens: int, prefill: str, share: float
) -> None:
    said = engine_defaults("vllm", version, chip(on))
    assert (said.sequences, said.batch_tokens, said.prefill) == (sequences, tokens, prefill)
    assert said.memory_share == share


def test_sglang_computes_prompts_in_steps_of_their_own() -> None:
    said = engine_defaults("sglang", "0.5.9", chip("b200"))
    assert (said.prefill, said.batch_tokens, said.block) == ("separate", 16384, 1)


def test_a_wrapper_takes_what_it_wraps() -> None:
    on = chip("gb200")
    assert engine_defaults("dynamo-trtllm", None, on) == engine_defaults("trtllm", None, on)


def test_an_unknown_version_is_the_newest_and_a_doubt() -> None:
    said = engine_defaults("vllm", None, chip("h200"))
    assert said.memory_share == engine_defaults("vllm", "0.30.0", chip("h200")).memory_share
    assert "version is not said" in said.doubts[0]


def test_what_is_recalled_is_a_doubt_that_names_field_and_value() -> None:
    said = engine_defaults("trtllm", "1.0.0", chip("h200"))
    assert any("sequences of 2048 on h200 is a recollection" in doubt for doubt in said.doubts)
    assert not engine_defaults("vllm", "0.11.0", chip("h200")).doubts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER, "no defaults"),
        (HEADER + "[[defaults]]\nsequence = 1\n", '"sequence".*Did you mean "sequences"'),
        (HEADER + '[[defaults]]\nprefill = "chunky"\n', 'prefill is "chunky".*"chunked"'),
        (HEADER + '[[defaults]]\nmemory_of = "some"\n', 'memory_of is "some"'),
        (HEADER + '[[defaults]]\nsince = "new"\n', 'since is "new"; it is a version'),
        (HEADER + "[[defaults]]\nprefix_cache = 1\n", "true or false"),
        (HEADER + "[[defaults]]\nblock = 1.5\n", "whole number"),
        (HEADER + "defaults = 1\n", "list of tables"),
    ],
)
def test_a_faulty_engine_is_refused_with_the_key(text: str, message: str) -> None:
    with pytest.raises(TollwayError, match=message):
        read_engine("x", text)


@pytest.mark.parametrize(
    "version", ["nightly-5b8c30d62b754b57", "gpt-oss-dev", "a6aa6f545", "39eab74a0", "b7b85da9c"]
)
def test_a_commit_or_a_nightly_build_is_the_newest_and_a_doubt(version: str) -> None:
    said = engine_defaults("vllm", version, chip("h200"))
    assert said.memory_share == engine_defaults("vllm", None, chip("h200")).memory_share
    assert f'version is "{version}", no number' in said.doubts[0]


def test_builds_of_llama_cpp_are_versions() -> None:
    slots = [engine_defaults("llama.cpp", build, chip("l4")).sequences for build in ("b4589", None)]
    assert slots == [1, 4]


def test_an_engine_of_ones_own_is_ten_lines() -> None:
    mine = own({"mine": HEADER + ENTRY, "over": HEADER + 'same_as = "mine"\n[[defaults]]\n'}, TODAY)
    assert mine.engine_defaults("over", None, chip("h200")).sequences == 1
    assert mine.engine_defaults("vllm", "0.11.0", chip("h200")).sequences == 1024
