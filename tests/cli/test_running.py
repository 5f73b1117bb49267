import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from free_ports import free_port
from tollway.cli.detach import Outcome, detach, last_lines, wait_ready
from tollway.cli.ports import holder_of, is_busy
from tollway.cli.running import Running, read_running, start_of, write_running
from tollway.errors import TollwayError

SERVES = """
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        self.send_response(200 if Handler.asked >= 3 else 503)
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("listening", flush=True)
server.serve_forever()
"""


def quiet(_: float) -> None:
    pass


def ours(started: str | None = None) -> Running:
    return Running(
        os.getpid(), started or start_of(os.getpid()) or "", "::1", 8400, "a.sock", "f.toml", 30.0
    )


def test_a_live_process_is_known_by_its_record(tmp_path: Path) -> None:
    write_running(tmp_path, ours())
    assert read_running(tmp_path) == ours()
    assert ours().url == "http://[::1]:8400/v1"


def test_another_process_with_the_same_id_is_not_taken_for_the_gateway(tmp_path: Path) -> None:
    write_running(tmp_path, ours(started="an-earlier-boot/1"))
    assert read_running(tmp_path) is None


def test_a_killed_process_is_gone_even_before_anyone_reaps_it(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = start_of(child.pid)
    assert started is not None
    write_running(tmp_path, Running(child.pid, started, "::1", 8400, "a.sock", "f.toml", 30.0))
    assert read_running(tmp_path) is not None
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still a zombie
    assert read_running(tmp_path) is None
    assert child.stdin is not None
    child.stdin.close()
    child.wait()


@pytest.mark.parametrize("content", [b"", b"4711\n", b'{"pid": "x"}', b"\xff\xfe"])
def test_a_damaged_record_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tollway.pid").write_bytes(content)
    assert read_running(tmp_path) is None


def test_the_record_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_running(tmp_path, ours())
    assert (tmp_path / "tollway.pid").stat().st_mode & 0o777 == 0o600


def test_a_busy_port_is_named_with_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_busy("127.0.0.1", port)
        holder = holder_of(port)
        assert holder is not None
        assert holder.pid == os.getpid()
        assert "python" in holder.command
    assert not is_busy("127.0.0.1", port)
    assert holder_of(port) is None


def test_an_address_of_another_machine_is_refused_with_the_mend() -> None:
    with pytest.raises(TollwayError, match=r"192\.0\.2\.1:8400 can't be listened on: .*Name an"):
        is_busy("192.0.2.1", 8400)


def test_a_detached_child_has_a_session_and_no_descriptor_of_ours(tmp_path: Path) -> None:
    leak = os.open(tmp_path / "leak", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(leak, True)
    script = "import os, sys; print(os.getsid(0) == os.getpid(), len(os.listdir('/proc/self/fd')),"
    script += " sys.stdin.read() == '')"
    log = tmp_path / "log"
    child = detach([sys.executable, "-c", script], log)
    assert child.wait(20) == 0
    os.close(leak)
    # 0, 1, 2, and the one that lists them.
    assert log.read_text().split() == ["True", "4", "True"]
    assert log.stat().st_mode & 0o777 == 0o600


def test_ready_means_that_readyz_answered_200(tmp_path: Path) -> None:
    port = free_port()
    child = detach([sys.executable, "-c", SERVES, str(port)], tmp_path / "log")
    try:
        assert wait_ready(child, "127.0.0.1", port, 30.0, quiet) is Outcome.READY
    finally:
        child.kill()
        child.wait()


def test_waiting_ends_when_the_child_does_and_its_last_words_are_found(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("an earlier run\n")
    since = log.stat().st_size
    child = detach([sys.executable, "-c", "print('no disk'); raise SystemExit(3)"], log)
    assert wait_ready(child, "127.0.0.1", free_port(), 30.0, quiet) is Outcome.DIED
    assert child.returncode == 3
    assert last_lines(log, since) == "no disk"


def test_waiting_is_bounded_and_reports(tmp_path: Path) -> None:
    child = detach([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "log")
    try:
        assert wait_ready(child, "127.0.0.1", free_port(), 0.2, quiet) is Outcome.LATE
    finally:
        child.kill()
        child.wait()


def test_a_long_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tollway.cli.detach.LOG_KEPT", 10)
    log = tmp_path / "log"
    log.write_text("more than ten bytes\n")
    detach([sys.executable, "-c", "print('new')"], log).wait(20)
    assert log.read_text() == "new\n"
    assert (tmp_path / "log.1").read_text() == "more than ten bytes\n"


def test_a_record_that_may_not_be_read_does_not_count_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PermissionError):
        read_running(tmp_path)
