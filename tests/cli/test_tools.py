"""`tollway tools`: what it prints, what it exits with, and that it serves, reloads and ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAD = """version = 1
models.m = {}
[tenants.team]
[sources.s]
kind = "server"
url = "http://127.0.0.1:9/v1"
serves.m = {}
"""
SERVER = '''
from mcp.server.mcpserver import MCPServer

server = MCPServer("desk")


@server.tool()
def list_mails() -> str:
    """Lists mails."""
    return "none"


@server.tool()
def send(to: str, body: str) -> str:
    """Sends a mail."""
    return "sent"


server.run("stdio")
'''
TOOLS = """
[tools.servers.desk.tools.list_mails]
effect = "none"
[tools.servers.desk.tools.send]
reads = "nothing"
content = ["body"]
[[tools.rules]]
name = "no"
tools = ["desk/send"]
where = { to = { domain = ["rival.example"] } }
"""


def tollway(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tollway", "tools", *words]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet file, a server of tools, and its pins."""
    folder = tmp_path_factory.mktemp("tools")
    (folder / "desk.py").write_text(SERVER)
    (folder / "fleet.toml").write_text(fleet_text(TOOLS))
    assert tollway(folder, "pin").returncode == 0
    return folder


def fleet_text(tools: str) -> str:
    command = f'command = ["{sys.executable}", "desk.py"]'
    return f'{HEAD}[tools]\nlisten = "127.0.0.1:0"\n[tools.servers.desk]\n{command}\n{tools}'


def test_list_says_what_each_tool_does(folder: Path) -> None:
    shown = tollway(folder, "list")
    assert shown.returncode == 0
    assert "desk/send" in shown.stdout
    told = json.loads(tollway(folder, "list", "--json").stdout)["tools"]
    assert [one["tool"] for one in told] == ["desk/list_mails", "desk/send"]
    assert told[1]["pinned"] is True
    assert told[1]["rules"] == ["no"]
    assert tollway(folder, "list", "--tenant", "taem").returncode == 2


@pytest.mark.parametrize(
    ("to", "more", "action", "code"),
    [
        ("bob@good.example", ("--task-request", "Send bob@good.example a hello"), "allow", 0),
        ("bob@good.example", ("--task-request", "What is new?"), "ask", 1),
        ("bob@good.example", ("--after", "nothing"), "allow", 0),
        ("boss@rival.example", ("--after", "nothing"), "deny", 1),
    ],
)
def test_explain_says_what_a_call_would_get(
    folder: Path, to: str, more: tuple[str, ...], action: str, code: int
) -> None:
    call = {"tool": "desk__send", "arguments": {"to": to, "body": "x"}}
    (folder / "call.json").write_text(json.dumps(call))
    words = ("explain", "call.json", "--tenant", "team", *more)
    shown = tollway(folder, *words, "--json")
    assert shown.returncode == code, shown.stderr
    assert json.loads(shown.stdout)["action"] == action
    assert f"desk/send: {action}, by" in tollway(folder, *words).stdout


@pytest.mark.parametrize("text", ["{", "[]", '{"tool": 3}', '{"tool": "a__b", "arguments": []}'])
def test_explain_refuses_what_is_no_call(folder: Path, text: str) -> None:
    (folder / "bad.json").write_text(text)
    refused = tollway(folder, "explain", "bad.json")
    assert refused.returncode == 2
    assert 'Write {"tool"' in refused.stderr


def test_annotate_drafts_what_is_not_declared(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "desk.py").write_text(SERVER)
    (tmp_path / "fleet.toml").write_text(fleet_text(""))
    drafted = tollway(tmp_path, "annotate")
    assert drafted.returncode == 0
    assert '[tools.servers.desk.tools."send"]  # draft: Sends a mail.' in drafted.stdout
    (tmp_path / "fleet.toml").write_text(fleet_text(drafted.stdout))
    assert tollway(tmp_path, "pin").returncode == 0
    assert tollway(tmp_path, "annotate").stdout == ""


def test_it_does_not_serve_without_pins(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text(fleet_text(TOOLS))
    refused = tollway(tmp_path, "--state", "state")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "tollway tools pin" in refused.stderr


@pytest.mark.parametrize("how", ["eof", "term"])
def test_it_serves_reloads_and_ends(folder: Path, how: str) -> None:
    command = [sys.executable, "-m", "tollway", "tools", "--state", f"state-{how}", "--until-eof"]
    pipe: Any = subprocess.PIPE
    process = subprocess.Popen(command, cwd=folder, stdin=pipe, stderr=pipe, text=True)
    assert process.stderr is not None
    assert process.stdin is not None
    try:
        assert "MCP at http://127.0.0.1:" in process.stderr.readline()
        process.send_signal(signal.SIGHUP)
        assert "the fleet file is taken" in process.stderr.readline()
        if how == "eof":
            process.stdin.close()
        else:
            process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        process.stdin.close()
