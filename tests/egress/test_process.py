"""The proxy as a process: it starts, reloads and ends, or says why not."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from free_ports import free_port
from tollway.broker.vault import Vault
from tollway.egress.admin import task_ca
from tollway.errors import TollwayError
from tollway.gateway.doors import EGRESS_SOCKET, open_door
from tollway.guard.sentinel import SENTINEL
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.tasks import Tasks

FLEET = """version = 1
[models.m]
[sources.s]
kind = "server"
url = "http://127.0.0.1:9000/v1"
serves.m = {}
[egress]
listen = "127.0.0.1:PORT"
[[egress.allow]]
name = "code"
hosts = ["api.example.com"]
"""
SECRET = '[secrets.github]\nhosts = ["api.example.com"]\n'


def fleet_file(folder: Path, more: str = "") -> int:
    port = free_port()
    (folder / "fleet.toml").write_text(FLEET.replace("PORT", str(port)) + more)
    return port


async def start(folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tollway", "egress", "--fleet", str(folder / "fleet.toml"),
        "--until-eof", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TOLLWAY_STATE": ""},
    )  # fmt: skip


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await start(folder)
    try:
        await heard(process, "tasks connect to")
        yield process
    finally:
        if process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            async with asyncio.timeout(10):
                assert await process.wait() == 0


async def heard(process: asyncio.subprocess.Process, words: str) -> str:
    """The line on standard error that holds these words."""
    assert process.stderr is not None
    async with asyncio.timeout(20):
        while line := await process.stderr.readline():
            if words in line.decode():
                return line.decode()
    raise AssertionError(f"it ended without: {words}")


async def asked(port: int, text: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text.replace("\n", "\r\n").encode() + b"\r\n")
    async with asyncio.timeout(10):
        got = await reader.read()
    writer.close()
    return got.decode()


async def test_it_serves_until_its_standard_input_ends(tmp_path: Path) -> None:
    port = fleet_file(tmp_path)
    async with serving(tmp_path):
        assert "407" in await asked(port, "CONNECT api.example.com:443 HTTP/1.1\n")
        assert (tmp_path / "egress.sock").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "egress.sock").exists()


async def test_a_signal_ends_it(tmp_path: Path) -> None:
    fleet_file(tmp_path)
    async with serving(tmp_path) as process:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0


async def test_a_reload_takes_all_of_a_file_or_nothing(tmp_path: Path) -> None:
    port = fleet_file(tmp_path)
    book = GuardBook(tmp_path / GUARD_BOOK)
    _, token = Tasks(book).open("acme", time.time(), 60.0, None)
    book.close()
    said = f"Proxy-Authorization: Bearer {token}\n"
    text = (tmp_path / "fleet.toml").read_text()
    async with serving(tmp_path) as process:
        to = "CONNECT other.example.com:443 HTTP/1.1\n" + said
        assert "403" in await asked(port, to)
        (tmp_path / "fleet.toml").write_text(text.replace("api.", "other.") + "[egress.x]\n")
        process.send_signal(signal.SIGHUP)
        assert "nothing is changed" in await heard(process, "refused")
        assert "403" in await asked(port, to)
        (tmp_path / "fleet.toml").write_text(text.replace("api.", "other."))
        process.send_signal(signal.SIGHUP)
        await heard(process, "reloaded")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(to.replace("\n", "\r\n").encode() + b"\r\n")
        assert b" 200 " in await reader.readline()
        writer.close()


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        ("no egress", "declares no [egress]"),
        ("no store", "holds no secrets yet"),
        ("no value", "secrets.github has no value. Run: tollway secrets set github"),
        ("no key", "key is missing"),
        ("taken port", "cannot be listened on"),
        ("no CA file", "egress.ca_file"),
        ("no documents", "cannot be read"),
    ],
)
async def test_it_refuses_to_start_where_something_is_missing(
    tmp_path: Path, prepare: str, why: str
) -> None:
    taken = socket.socket()
    port = fleet_file(tmp_path, SECRET if prepare.split()[1] in ("store", "value", "key") else "")
    file = tmp_path / "fleet.toml"
    if prepare == "no egress":
        file.write_text(file.read_text().partition("[egress]")[0])
    elif prepare == "no value":
        Vault(tmp_path, {}).set("other", b"some-secret", 1.0)
    elif prepare == "no key":
        Vault(tmp_path, {}).set("github", b"some-secret", 1.0)
        (tmp_path / "secrets.key").unlink()
    elif prepare == "taken port":
        taken.bind(("127.0.0.1", port))
        taken.listen()
    elif prepare == "no CA file":
        file.write_text(file.read_text().replace("[[egress", 'ca_file = "none.pem"\n[[egress'))
    elif prepare == "no documents":
        file.write_text(file.read_text() + '[guard]\nfingerprints = "none"\n')
    process = await start(tmp_path)
    _, err = await asyncio.wait_for(process.communicate(), 20)
    taken.close()
    assert process.returncode == 2
    assert why in err.decode()
    assert len(err.decode().splitlines()) == 1


async def test_its_owner_is_given_certificates_and_doors(tmp_path: Path) -> None:
    fleet_file(tmp_path)
    book = GuardBook(tmp_path / GUARD_BOOK)
    task, _ = Tasks(book).open("acme", time.time(), 60.0, None)
    book.close()
    async with serving(tmp_path):
        pem = await asyncio.to_thread(task_ca, tmp_path, task.id)
        assert pem.startswith("-----BEGIN CERTIFICATE-----")
        path = tmp_path / "task.sock"
        async with open_door(tmp_path / EGRESS_SOCKET, task.id, path) as door:
            assert door.pem == pem
            assert path.is_socket()
        assert not path.exists()
        with pytest.raises(TollwayError, match="has no tools"):
            async with open_door(tmp_path / EGRESS_SOCKET, task.id, path, ("a/b",)):
                pass
        with pytest.raises(TollwayError, match="no task"):
            await asyncio.to_thread(task_ca, tmp_path, "none")
    with pytest.raises(TollwayError, match=r"nobody answers there\. Declare .egress"):
        await asyncio.to_thread(task_ca, tmp_path, task.id)


async def test_a_task_that_is_opened_gets_sentinels_and_what_its_programs_need(
    tmp_path: Path,
) -> None:
    fleet_file(tmp_path, "[tenants.acme]\n[tenants.other]\n" + SECRET + 'tenants = ["acme"]\n')
    Vault(tmp_path, {}).set("github", b"some-secret", 1.0)
    found = {}
    for tenant in ("acme", "other"):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tollway", "tasks", "open", "--tenant", tenant, "--json",
            "--fleet", str(tmp_path / "fleet.toml"), "--state", str(tmp_path),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        found[tenant] = json.loads(out)["environment"]
    assert SENTINEL.fullmatch(found["acme"]["GITHUB"].encode())
    assert "GITHUB" not in found["other"]
    assert found["acme"]["https_proxy"].startswith("http://task:tt_")


def shown(pid: int, what: str) -> str:
    """What the system shows of a process."""
    return " ".join(Path(f"/proc/{pid}/{what}").read_text("latin-1").split())


async def test_no_other_process_may_look_into_it(tmp_path: Path) -> None:
    fleet_file(tmp_path, SECRET)
    Vault(tmp_path, {}).set("github", b"some-secret", 1.0)
    async with serving(tmp_path) as process:
        assert "Max core file size 0 0" in shown(process.pid, "limits")
        assert "some-secret" not in shown(process.pid, "cmdline")
        assert "some-secret" not in shown(process.pid, "environ")
