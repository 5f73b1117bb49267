import ast
import importlib.util
import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tollway.cli.app import COMMANDS, help_page, run

HEAVY = ("cyclopts", "rich", "pydantic", "msgspec", "uvicorn", "uvloop", "httptools", "asyncio")


def called(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = run(argv)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return code, out.getvalue(), err.getvalue()


def docstring_of(target: str) -> str:
    """The docstring of a function, or of the module where the target is an App for a group."""
    module, _, name = target.partition(":")
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return ast.get_docstring(node) or ""
    return ""


@pytest.mark.parametrize("command", COMMANDS)
def test_the_table_says_the_first_line_of_the_commands_docstring(command: str) -> None:
    target, summary = COMMANDS[command]
    docstring = docstring_of(target)
    if docstring:
        assert docstring.splitlines()[0] == summary
    else:  # a group: cyclopts shows the App's own help
        code, out, _ = called(command, "--help")
        assert code == 0
        assert summary in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_help_on_standard_output(command: str) -> None:
    code, out, err = called(command, "--help")
    assert code == 0
    assert f"tollway {command}" in out
    assert err == ""


def test_the_help_page_lists_every_command() -> None:
    for command, (_, summary) in COMMANDS.items():
        assert command in help_page()
        assert summary in help_page()
        assert len(f"  {command}  {summary}") <= 100


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(word: str) -> None:
    script = (
        "import sys; from tollway.cli.app import run; "
        f"code = run([{word!r}]); "
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]; "
        "sys.exit(f'imported {heavy}' if heavy or code else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "tollway" in done.stdout


def test_an_unknown_command_gets_one_line_and_a_hint() -> None:
    code, out, err = called("upp")
    assert (code, out) == (2, "")
    assert err == 'tollway: "upp" is not a command. Did you mean "up"?\n'


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["up", "--stat", "x"], "Did you mean --state?"),
        (["up", "--wait", "soon"], '"soon"'),
        (["up", "a.toml", "b.toml"], "b.toml"),
        (["up", "--state"], "--state"),
    ],
)
def test_a_command_line_without_sense_gets_one_line_on_standard_error(
    argv: list[str], says: str
) -> None:
    code, out, err = called(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("tollway up: ")
    assert says in err
    assert err.endswith("`tollway up --help` lists its options.\n")
    assert err.count("\n") == 1


def test_a_fault_of_the_users_is_words_and_not_a_traceback() -> None:
    code, out, err = called("up", "no-such-fleet.toml")
    assert (code, out) == (2, "")
    assert "no-such-fleet.toml" in err
    assert "Traceback" not in err


def test_a_state_folder_that_cannot_be_made_is_one_line_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    for folder in ("/proc/x", str(tmp_path / "file" / "x")):
        monkeypatch.setenv("TOLLWAY_STATE", folder)
        for argv in (["up"], ["usage"], ["keys", "create", "--tenant", "t"]):
            code, out, err = called(*argv)
            assert (code, out, err.count("\n")) == (2, "", 1), err
            assert folder in err


@pytest.mark.parametrize("kind", [PermissionError, FileNotFoundError, NotADirectoryError])
def test_a_path_that_may_not_be_used_is_one_line_and_other_errors_are_not_hidden(
    monkeypatch: pytest.MonkeyPatch, kind: type[OSError]
) -> None:
    def fail(error: OSError) -> int:
        raise error

    monkeypatch.setattr(
        "tollway.cli.app._call", lambda _: fail(kind(1, "Not so", "/srv/tollway.pid"))
    )
    assert called("status") == (
        2,
        "",
        "/srv/tollway.pid: not so. Name a path that this user may read and write; --state names "
        "the state folder.\n",
    )
    for other in (kind(1, "Not so"), OSError(5, "Input/output error", "/srv/x")):
        monkeypatch.setattr("tollway.cli.app._call", lambda _, other=other: fail(other))
        with pytest.raises(OSError, match=str(other.strerror)):
            called("status")
