"""`tollway emulate` as a process: ready fast, ends with its parent, refuses with the mend."""

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tollway.cli.app import run

ARGS = [sys.executable, "-m", "tollway", "emulate"]
ONE = ["--model", "llama-3.1-8b", "--chip", "h200"]


def _url(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    return process.stderr.readline().split(" at ")[1].strip()


def test_it_serves_until_its_standard_input_ends() -> None:
    with subprocess.Popen(
        [*ARGS, *ONE, "--listen", "127.0.0.1:0", "--until-eof"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        with urllib.request.urlopen(f"{_url(process)}/models", timeout=5) as answer:
            assert b"llama-3.1-8b" in answer.read()
        process.stdin.close()
        assert process.wait(5) == 0


def test_it_ends_on_sigterm() -> None:
    with subprocess.Popen(
        [*ARGS, *ONE, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True
    ) as process:
        _url(process)
        process.terminate()
        assert process.wait(5) == 0


def test_a_fleet_is_served_by_one_process(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.toml"
    sources = "".join(
        f'[sources.{name}]\nkind = "emulated"\nlisten = "127.0.0.1:{port}"\nchip = "{name}"\n'
        f'tp = 1\n[sources.{name}.serves."llama-3.1-8b"]\n'
        for name, port in (("h100", 18411), ("h200", 18412))
    )
    fleet.write_text(f'version = 1\n[models."llama-3.1-8b"]\n{sources}')
    with subprocess.Popen(
        [*ARGS, "--fleet", str(fleet), "--until-eof"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        for url in (_url(process), _url(process)):
            with urllib.request.urlopen(f"{url}/models", timeout=5) as answer:
                assert answer.status == 200
        process.stdin.close()
        assert process.wait(5) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--model and --chip are both needed"),
        (["--model", "llama-3.1-8b", "--chip", "h20"], 'Did you mean "h200"?'),
        (["--model", "llama-3.3-70b", "--chip", "h100"], "does not fit on 1 x h100"),
        ([*ONE, "--listen", "8411"], "is not HOST:PORT"),
        ([*ONE, "--replicas", "0"], "--replicas is 0"),
        ([*ONE, "--script", "/nonexistent.toml"], "No such file"),
        ([*ONE, "--fleet", "x.toml"], "Leave out --model"),
    ],
)
def test_bad_input_is_one_line_with_the_mend(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["emulate", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert words in shown.err
    assert len(shown.err.splitlines()) == 1


def test_a_busy_port_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with subprocess.Popen(
        [*ARGS, *ONE, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True
    ) as process:
        port = _url(process).split(":")[2].split("/")[0]
        assert run(["emulate", *ONE, "--listen", f"127.0.0.1:{port}"]) == 2
        process.terminate()
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err
