"""Where the state folder is."""

from pathlib import Path

import pytest

from tollway.ledger.state import make_state_folder, state_folder


def test_the_folder_asked_for_wins_then_the_environment_then_here_then_xdg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    everything = {"TOLLWAY_STATE": "/srv/state", "XDG_STATE_HOME": "/srv/xdg"}
    assert state_folder("asked", everything) == tmp_path / "asked"
    assert state_folder(None, everything) == Path("/srv/state")
    del everything["TOLLWAY_STATE"]
    assert state_folder(None, everything) == Path("/srv/xdg/tollway")
    (tmp_path / ".tollway").mkdir()
    assert state_folder(None, everything) == tmp_path / ".tollway"


@pytest.mark.parametrize("xdg", [{}, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "relative"}])
def test_without_anything_it_is_in_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xdg: dict[str, str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    assert state_folder(None, xdg) == Path("/home/someone/.local/state/tollway")


def test_the_folder_is_for_its_owner_alone(tmp_path: Path):
    folder = make_state_folder(tmp_path / "a" / "b")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert make_state_folder(folder) == folder
