"""`tollway console`: serves, takes a changed fleet file, and ends with its parent."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from console_site import FLEET

from free_ports import free_ports
from tollway.cli.app import run
from tollway.console.adminkey import is_admin_key


def await_line(process: "subprocess.Popen[str]", word: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return line
    pytest.fail(f"no line with {word!r}: code {process.wait(10)}")


def test_it_serves_takes_a_changed_fleet_and_ends_with_its_parent(tmp_path: Path) -> None:
    [port] = free_ports(1)
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(FLEET.replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    words = ["console", "serve", "--fleet", str(fleet), "--state", str(tmp_path), "--until-eof"]
    with subprocess.Popen(
        [sys.executable, "-m", "tollway", *words],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert f"console: http://127.0.0.1:{port}" in await_line(process, "console:")
            asked = Request(f"http://127.0.0.1:{port}/sign-in", headers={"accept": "text/html"})
            with urlopen(asked, timeout=20) as answer:
                assert b"Admin key" in answer.read()
            fleet.write_text("version = 1\n[console]\nlisten = 7\n")
            process.send_signal(signal.SIGHUP)
            assert "nothing is changed" in await_line(process, "console:")
            fleet.write_text(FLEET)
            process.send_signal(signal.SIGHUP)
            assert "the fleet file is taken" in await_line(process, "taken")
            assert process.stdin is not None
            process.stdin.close()
            began = time.monotonic()
            assert process.wait(20) == 0
            assert time.monotonic() - began < 15
        finally:
            process.kill()


def test_a_fleet_without_a_console_is_refused_with_the_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(FLEET.replace('[console]\nlisten = "127.0.0.1:0"\n', ""))
    code = run(["console", "serve", "--fleet", str(fleet), "--state", str(tmp_path)])
    assert code == 2
    assert 'has no [console]. Write [console] with listen = "127.0.0.1:8440".' in (
        capsys.readouterr().err
    )


def test_the_key_is_printed_alone_and_lets_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["console", "key", "--state", str(tmp_path / "new")]) == 0
    printed = capsys.readouterr()
    assert is_admin_key(printed.out.strip(), tmp_path / "new")
    assert printed.err == ""
