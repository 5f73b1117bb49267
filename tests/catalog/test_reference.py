"""The reference page of the catalogue: current, and its examples do what they say."""

import importlib.util
import re
from datetime import date
from pathlib import Path

from tollway.catalog import numbers_of
from tollway.catalog.own import own

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "reference" / "catalogue.md"


def example(kind: str) -> str:
    found = re.search(rf"^```toml {kind}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_page_is_what_the_catalogue_says() -> None:
    path = ROOT / "scripts" / "catalogue_reference.py"
    spec = importlib.util.spec_from_file_location("catalogue_reference", path)
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    current = PAGE.read_text() == generator.reference()
    assert current, "docs/reference/catalogue.md is stale: run `make docs`"


def test_the_chip_of_ten_lines_is_one() -> None:
    text = example("chip")
    assert len(text.splitlines()) == 10
    one = own({"acme-one": text}, date(2026, 11, 1)).chip("acme-one")
    assert one.memory[0].bandwidth == 3200e9
    assert one.flops == {"fp8": 500e12}
    assert one.at(1).flops["bf16"] == 250e12
    assert one.facts["bf16_tflops"].note == "depends on the clock"


def test_the_model_of_a_few_lines_is_one() -> None:
    one = own({"acme-7b": example("model")}, date(2026, 11, 1)).model("acme-7b")
    assert 8.0e9 < numbers_of(one).total < 8.1e9


def test_the_engine_of_a_few_lines_is_one() -> None:
    mine = own({"acme-serve": example("engine")}, date(2026, 11, 1))
    said = mine.engine_defaults("acme-serve", None, mine.chip("h200"))
    assert (said.sequences, said.batch_tokens, said.prefill) == (512, 16384, "chunked")
    assert not said.doubts
