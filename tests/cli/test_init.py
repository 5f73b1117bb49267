# ruff: noqa: E501 - printed lines are shown whole here
"""`tollway init`, as it is seen."""

import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from tollway.cli.app import run
from tollway.cli.init import Ask, interview
from tollway.errors import TollwayError
from tollway.inspect.demo import demo_fleet_text
from tollway.inspect.fleetfile import read_fleet
from tollway.inspect.providers import provider_table

KNOWN = provider_table().providers


@pytest.fixture(autouse=True)
def _in_an_empty_folder_without_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for provider in KNOWN:
        monkeypatch.delenv(provider.variable, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())


def called(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(argv)
    return code, out.getvalue(), err.getvalue()


def test_the_providers_whose_keys_are_here_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-SECRET")
    monkeypatch.setenv("GROQ_API_KEY", "gsk-SECRET")
    assert called("init") == (
        0,
        "fleet.toml\n",
        "Wrote fleet.toml. Next: tollway check fleet.toml && tollway up fleet.toml\n",
    )
    text = Path("fleet.toml").read_text()
    assert "SECRET" not in text
    assert list(read_fleet("fleet.toml").sources) == ["openai", "groq"]
    assert called("check") == (
        0,
        "fleet.toml is sound: 5 models, 2 sources, 6 routes, 1 tenant\n",
        "",
    )


def test_a_file_that_is_there_is_kept_without_force() -> None:
    Path("fleet.toml").write_text("mine")
    assert called("init", "--demo") == snapshot(
        (
            2,
            "",
            "fleet.toml is there already. Choose another with --output, or replace it with --force.\n",
        )
    )
    assert Path("fleet.toml").read_text() == "mine"
    assert called("init", "--demo", "--force")[0] == 0
    assert Path("fleet.toml").read_text() == demo_fleet_text()


def test_without_a_key_or_a_flag_it_says_what_to_give() -> None:
    assert called("init") == snapshot(
        (
            2,
            "",
            "tollway init: found no key of a provider (OPENAI_API_KEY and the like). Export one, or give --provider NAME, --server URL --model NAME, or --demo.\n",
        )
    )
    assert not Path("fleet.toml").exists()


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (
            ("--provider", "opnai", "--provider", "zzz"),
            snapshot("""\
--provider is "opnai"; known: anthropic, deepseek, fireworks, gemini, groq, mistral, openai, openrouter, together, xai. Did you mean "openai"?
--provider is "zzz"; known: anthropic, deepseek, fireworks, gemini, groq, mistral, openai, openrouter, together, xai
"""),
        ),
        (
            ("--server", "http://127.0.0.1:8000/v1"),
            snapshot("--server needs the model that it serves. Give --model NAME too.\n"),
        ),
        (
            ("--model", "m"),
            snapshot("--model says what an engine of yours serves. Give --server URL too.\n"),
        ),
        (
            ("--server", "127.0.0.1:8000", "--model", "m"),
            snapshot(
                'fleet.toml: sources.server.url is not an http(s) URL. Write "https://HOST/PATH", up to where `/chat/completions` would follow.\n'
            ),
        ),
    ],
)
def test_flags_that_make_no_fleet_are_refused(argv: tuple[str, ...], expected: str) -> None:
    code, out, err = called("init", *argv)
    assert (code, out) == (2, "")
    assert err == expected
    assert not Path("fleet.toml").exists()


def test_named_providers_and_an_engine_of_ones_own_are_written() -> None:
    argv = ("--provider", "anthropic", "--provider", "gemini", "--output", "x.toml")
    server = ("--server", "http://127.0.0.1:8000/v1", "--model", "local")
    assert called("init", *argv, *server)[0] == 0
    assert list(read_fleet("x.toml").sources) == ["server", "anthropic", "gemini"]


def answering(*answers: str) -> tuple[list[str], Ask]:
    asked: list[str] = []
    left: Iterator[str] = iter(answers)

    def ask(question: str, default: str) -> str:
        asked.append(f"{question} [{default}]")
        return next(left) or default

    return asked, ask


def test_a_terminal_is_asked_with_the_keys_found_as_the_default() -> None:
    asked, ask = answering("", "http://127.0.0.1:8000/v1", "", "")
    answers = interview(KNOWN, {"XAI_API_KEY": "x", "GROQ_API_KEY": ""}, ask, None)
    assert answers == (
        ("xai",),
        "http://127.0.0.1:8000/v1",
        "local-model",
        False,
        Path("fleet.toml"),
    )
    assert asked == snapshot(
        [
            "Providers (openai, anthropic, gemini, mistral, groq, together, openrouter, deepseek, fireworks, xai; keys found are the default) [xai]",
            "URL of an engine of your own [none]",
            "The model that it serves [local-model]",
            "Write to [fleet.toml]",
        ]
    )


def test_a_terminal_without_anything_gets_the_demo_or_nothing() -> None:
    _, ask = answering("", "", "", "")
    assert interview(KNOWN, {}, ask, Path("x")) == ((), None, None, True, Path("x"))
    _, ask = answering("", "", "no")
    with pytest.raises(TollwayError, match="nothing to write"):
        interview(KNOWN, {}, ask, None)
