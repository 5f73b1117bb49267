"""Tollway is held to what it holds others to: its own components are locked."""

from pathlib import Path

import pytest

from tollway.cli.app import run

ROOT = Path(__file__).parent.parent


def test_what_tollway_is_made_of_is_as_locked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    code = run(["verify", "own.toml"])
    said = capsys.readouterr()
    assert (code, said.out) == (0, ""), f"{said.out}{said.err}run: tollway lock own.toml"


def test_an_audit_finds_nothing_and_names_what_it_could_not_ask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    code = run(["audit", "--offline"])
    said = capsys.readouterr().out
    assert code == 3, said
    assert all(it.startswith("not audited ") for it in said.splitlines())
    assert "advisories: none were given" in said


def test_no_threat_to_it_is_open_that_nobody_answers_or_accepts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    code = run(["threatmodel", "own.toml"])
    said = capsys.readouterr().out
    assert (code, " 0 open," in said.partition("\n")[0]) == (3, True), said


def test_every_lock_file_is_among_them() -> None:
    text = (ROOT / "own.toml").read_text()
    assert [
        it.name for it in (ROOT / "locks").glob("*.txt") if f'"locks/{it.name}"' not in text
    ] == []
