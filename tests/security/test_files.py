"""The gateway writes its own files and no others, and nobody else decides where."""

import os
import sys
from pathlib import Path
from subprocess import run

import pytest

from tollway.cli.running import Running, read_running, start_of, write_running
from tollway.errors import TollwayError
from tollway.ledger.state import make_state_folder

FLEET = """
version = 1
[gateway]
listen = "127.0.0.1:0"
{setting}
[models.m]
[sources.a]
kind = "server"
url = "http://127.0.0.1:9/v1"
[sources.a.serves.m]
"""
PRECIOUS = "precious, and without an end of line"


@pytest.mark.parametrize(
    "setting", ['admin_socket = "precious"', 'recording = "precious"', 'ledger = "precious"']
)
def test_a_file_that_is_not_the_gateways_own_is_left_as_it_is(tmp_path: Path, setting: str) -> None:
    fleet, precious = tmp_path / "fleet.toml", tmp_path / "precious"
    fleet.write_text(FLEET.format(setting=setting))
    precious.write_text(PRECIOUS)
    command = [sys.executable, "-m", "tollway", "serve", str(fleet)]
    ended = run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert "precious" in ended.stderr
    assert precious.read_text() == PRECIOUS


def test_a_recording_in_the_ledgers_file_is_refused_and_the_ledger_whole(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(FLEET.format(setting='recording = "ledger.sqlite"'))
    command = [sys.executable, "-m", "tollway", "serve", str(fleet)]
    for _ in range(2):
        ended = run(command, capture_output=True, text=True, timeout=30, check=False)
        assert (ended.returncode, "is not a recording" in ended.stderr) == (2, True)


def test_a_folder_that_all_users_share_holds_no_state_and_names_no_process(tmp_path: Path) -> None:
    own, shared = tmp_path / "own", tmp_path / "shared"
    planted = Running(os.getpid(), start_of(os.getpid()) or "", "h", 1, "a", "f", 1.0)
    for folder, mode in ((own, 0o700), (shared, 0o1777)):
        folder.mkdir()
        folder.chmod(mode)
        write_running(folder, planted)
    assert make_state_folder(own) == own
    assert read_running(own) == planted
    for use in (make_state_folder, read_running):
        with pytest.raises(TollwayError, match="shared by all users"):
            use(shared)


def test_somebody_elses_folder_holds_no_state_and_names_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = tmp_path.stat().st_uid
    if owner == 0:
        os.chown(tmp_path, owner := 12345, -1)
    assert make_state_folder(tmp_path) == tmp_path, "its owner, or root, uses it"
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    for use in (make_state_folder, read_running):
        with pytest.raises(TollwayError, match=f"belongs to user {owner}"):
            use(tmp_path)
