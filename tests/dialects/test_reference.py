"""The page that says what each dialect can carry is what the code says."""

import importlib.util
import types
from pathlib import Path

import pytest
from keeping import kept

from tollway.dialects.meaning import Ask
from tollway.dialects.registry import FORMS
from tollway.fleet.objects import Dialect

ROOT = Path(__file__).parent.parent.parent
UNSAID = {"model", "unread", "wants_usage"}
"""What is no matter of carrying: the source's own name, what has no meaning, the gateway's wish."""


def script() -> types.ModuleType:
    path = ROOT / "scripts" / "dialects_reference.py"
    spec = importlib.util.spec_from_file_location("dialects_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROBES = script()


def test_the_page_is_what_the_code_says() -> None:
    assert PROBES.page() == PROBES.TARGET.read_text(), "run `make docs`"


def test_every_member_of_a_question_has_a_row() -> None:
    plain = PROBES.ask()
    asked = {
        name
        for ask in PROBES.QUESTIONS.values()
        for name in Ask.__struct_fields__
        if getattr(ask, name) != getattr(plain, name)
    }
    assert set(Ask.__struct_fields__) - UNSAID <= asked


@pytest.mark.parametrize("dialect", FORMS)
def test_what_the_page_calls_carried_comes_again_when_it_is_read(dialect: Dialect) -> None:
    form = FORMS[dialect]
    lost: dict[str, list[str]] = {}
    for what, (fate, _) in PROBES.questions(form).items():
        if fate == "yes":
            ask = PROBES.QUESTIONS[what]
            path = ("m", ask.stream) if dialect == "gemini" else (None, None)
            again = form.read_ask(form.write_ask(ask, "m")[0], *path)
            different = [*kept(ask, again, ()), *again.unread]
            if different:
                lost[what] = different
    assert lost == {}
