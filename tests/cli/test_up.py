import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from free_ports import free_ports
from tollway.cli.running import is_alive, read_running

FLEET = """\
version = 1
[gateway]
listen = "127.0.0.1:{gateway}"
drain = "2s"
[models."llama-3.1-8b"]
[sources.engine]
kind = "emulated"
listen = "127.0.0.1:{engine}"
chip = "h200"
[sources.engine.serves."llama-3.1-8b"]
precision = "bf16"
prices = [{{ since = 2026-01-01, input = "0.05", output = "0.10" }}]
[routes.chat]
model = "llama-3.1-8b"
[tenants.demo]
"""

Tollway = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    gateway, engine = free_ports(2)
    path = tmp_path / "fleet.toml"
    path.write_text(FLEET.format(gateway=gateway, engine=engine))
    return path


@pytest.fixture
def tollway(tmp_path: Path) -> Iterator[Tollway]:
    """Runs a command in a folder of its own, whose state folder is `.tollway`."""
    state = tmp_path / ".tollway"
    state.mkdir(mode=0o700)
    environ = {name: value for name, value in os.environ.items() if name != "TOLLWAY_STATE"}

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tollway", *argv],
            cwd=tmp_path,
            env=environ,
            check=False,
            capture_output=True,
            text=True,
            timeout=90,
        )

    yield run
    running = read_running(state)
    if running is not None:
        os.kill(running.pid, signal.SIGKILL)


def up(tollway: Tollway) -> dict[str, Any]:
    done = tollway("up", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def status_of(url: str) -> int:
    host = url.removeprefix("http://").partition("/")[0]
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", "/readyz")
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_printed_curl_line_streams_tokens(tollway: Tollway, fleet: Path) -> None:
    done = tollway("up")
    assert done.returncode == 0, done.stderr
    curl = shlex.split(done.stdout.partition("Try it:")[2].replace("\\\n", " "))
    url = next(word for word in curl if word.startswith("http://"))
    headers = dict(curl[at + 1].split(": ", 1) for at, word in enumerate(curl) if word == "-H")
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("POST", f"/{path}", curl[curl.index("-d") + 1], headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200, text
    assert text.count("data: ") > 10
    assert text.endswith("data: [DONE]\n\n")


def test_ready_means_ready_and_again_changes_nothing(tollway: Tollway, fleet: Path) -> None:
    first = up(tollway)
    assert status_of(first["url"]) == 200
    again = tollway("up", "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout) == first
    assert "up already" in again.stderr
    status = json.loads(tollway("status", "--json").stdout)
    assert (status["ready"], status["pid"], status["url"]) == (True, first["pid"], first["url"])


def test_after_a_kill_the_next_start_works_and_keeps_the_key(tollway: Tollway, fleet: Path) -> None:
    first = up(tollway)
    os.kill(first["pid"], signal.SIGKILL)
    second = up(tollway)
    assert second["pid"] != first["pid"]
    assert second["key"] == first["key"]
    assert status_of(second["url"]) == 200


def test_down_stops_it_and_says_when_nothing_runs(
    tollway: Tollway, fleet: Path, tmp_path: Path
) -> None:
    up(tollway)
    running = read_running(tmp_path / ".tollway")
    assert running is not None
    done = tollway("down")
    assert (done.returncode, done.stderr) == (0, "Tollway is down.\n")
    assert not is_alive(running)
    again = tollway("down")
    assert again.returncode == 0
    assert "Nothing runs in" in again.stderr
    assert tollway("status").returncode == 1
    up(tollway)  # its ports are free again


def test_another_fleet_is_refused_while_one_runs(
    tollway: Tollway, fleet: Path, tmp_path: Path
) -> None:
    up(tollway)
    other = tmp_path / "other.toml"
    other.write_text(fleet.read_text())
    done = tollway("up", str(other))
    assert done.returncode == 2
    assert "runs here with another fleet" in done.stderr
    assert "tollway down" in done.stderr


def test_a_changed_fleet_is_said_to_need_a_reload(tollway: Tollway, fleet: Path) -> None:
    up(tollway)
    fleet.write_text(fleet.read_text() + "# changed\n")
    done = tollway("up")
    assert done.returncode == 0
    assert "tollway reload" in done.stderr
    assert tollway("reload").returncode == 0
    assert "reload" not in tollway("up").stderr


def test_a_busy_port_is_one_line_with_holder_and_mend(tollway: Tollway, fleet: Path) -> None:
    port = int(fleet.read_text().partition('listen = "127.0.0.1:')[2].partition('"')[0])
    with socket.create_server(("127.0.0.1", port)):
        done = tollway("up")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{port} is taken by process {os.getpid()}" in done.stderr
    assert "give gateway.listen in" in done.stderr


def test_when_the_gateway_dies_its_last_words_are_shown(
    tollway: Tollway, fleet: Path, tmp_path: Path
) -> None:
    # A Unix socket's path is at most 107 bytes long.
    text = fleet.read_text().replace("[gateway]", f'[gateway]\nadmin_socket = "{"x" * 120}.sock"')
    fleet.write_text(text)
    done = tollway("up")
    assert done.returncode == 1
    assert "The gateway ended with exit code" in done.stderr
    assert str(tmp_path / ".tollway" / "tollway.log") in done.stderr
    assert "Traceback" not in done.stderr
    assert read_running(tmp_path / ".tollway") is None


def test_a_faulty_fleet_starts_nothing(tollway: Tollway, fleet: Path, tmp_path: Path) -> None:
    fleet.write_text(fleet.read_text().replace("chip =", "chpi ="))
    done = tollway("up")
    assert done.returncode == 2
    assert "chpi" in done.stderr
    assert not (tmp_path / ".tollway" / "tollway.log").exists()


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_fleet_that_cannot_be_emulated_is_refused_at_once(
    tollway: Tollway, fleet: Path, tmp_path: Path, command: str
) -> None:
    fleet.write_text(fleet.read_text().replace('chip = "h200"', 'chip = "h200"\ntp = 3'))
    done = tollway(command, "fleet.toml")
    assert done.returncode == 2
    assert "cannot be emulated: tp 3 does not divide" in done.stderr
    assert tollway("check", "fleet.toml").stderr.startswith(done.stderr)
    assert not (tmp_path / ".tollway" / "tollway.log").exists()


def test_what_to_run_next_names_the_state_folder_that_a_bare_command_would_not_find(
    tollway: Tollway, fleet: Path, tmp_path: Path
) -> None:
    other = tmp_path / "st ate"
    done = tollway("up", "--state", "st ate")
    assert done.returncode == 0, done.stderr
    stop = shlex.split(done.stdout.partition("  stop ")[2].partition("\n")[0])
    try:
        assert stop == ["tollway", "down", "--state", str(other)]
        (tmp_path / "other.toml").write_text(fleet.read_text())
        refused = tollway("up", "other.toml", "--state", "st ate")
        assert f"(`tollway down --state '{other}'`)" in refused.stderr
        made = tollway("keys", "create", "--tenant", "nonesuch", "--state", "st ate")
        assert made.returncode == 0
        assert made.stdout.startswith("tw_")
        assert made.stderr.startswith(
            f"warning: --tenant, by the fleet that runs here ({fleet}), "
            'is "nonesuch"; known: demo\n'
        )
        made = tollway("keys", "create", "--tenant", "demo", "--state", "st ate")
        assert "warning" not in made.stderr
    finally:
        assert tollway(*stop[1:]).returncode == 0
    assert "tollway up --state" in tollway("status", "--state", "st ate").stderr


def test_where_nothing_runs_a_reload_says_how_to_start_it(tollway: Tollway, tmp_path: Path) -> None:
    done = tollway("reload")
    assert done.returncode == 2
    assert "no gateway runs here. Start one (`tollway up`)" in done.stderr
    with socket.socket(socket.AF_UNIX) as left:  # by a kill -9
        left.bind(str(tmp_path / ".tollway" / "gateway.sock"))
    assert "no gateway runs here. Start one" in tollway("reload").stderr
