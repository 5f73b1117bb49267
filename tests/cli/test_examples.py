"""The examples of guides are what the commands print."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def examples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples", ROOT / "scripts" / "examples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_examples_of_guides_are_what_the_commands_print(examples: ModuleType) -> None:
    for page in examples.PAGES:
        assert examples.rewritten(page) == page.read_text(), f"{page} is stale: run `make docs`"
