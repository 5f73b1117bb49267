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


def test_every_lock_file_is_among_them() -> None:
    text = (ROOT / "own.toml").read_text()
    assert [
        it.name for it in (ROOT / "locks").glob("*.txt") if f'"locks/{it.name}"' not in text
    ] == []
