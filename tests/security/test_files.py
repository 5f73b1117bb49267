"""The gateway writes its own files and no others, and nobody else decides where."""

import sys
from pathlib import Path
from subprocess import run

import pytest

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
