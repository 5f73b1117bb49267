"""The gateway as a process: real dispatch, real ledger, raw upstreams."""

import asyncio
import os
import signal
import stat
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from gateway_rig import BODY, DONE, Mock, event, good_body, live
from process_rig import HELD, Gate, Gateway, running

from tollway.dispatch.recording import verify
from tollway.fleet.objects import KeyTerms
from tollway.fleet.parse import parse
from tollway.ledger.keys import KeyRecord, key_digest, key_id, new_key
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_for_keys, open_reader


@live
async def test_a_request_passes_and_is_settled_exactly(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, mock):
        client = await gateway.asking()
        assert (await client.got()).body == BODY
        assert b"authorization: Bearer upstream-secret" in mock.seen[0].head
        client.writer.close()
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        with closing(open_reader(tmp_path / "ledger.sqlite")) as ledger:
            total = ledger.usage(UsageQuery()).total
        assert (total.completed, total.input, total.output) == (1, 7, 3)
        assert total.cost == 7 * 1_000_000 + 3 * 2_000_000
        everything = gateway.log() + (tmp_path / "recording.jsonl").read_text()
        assert gateway.key not in everything
        assert "upstream-secret" not in everything


@live
async def test_sigterm_loses_no_stream_that_can_end_in_the_drain_time(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, gate) as (gateway, _):
        idle = await gateway.connect()
        streams = [await gateway.asking(stream=True) for _ in range(5)]
        for client in streams:
            await client.head()
        gateway.signal(signal.SIGTERM)
        await gateway.logged("stopping: 5 requests")
        assert await gateway.get("/readyz") is None  # nobody listens any more
        assert await idle.closed() == b""
        gate.open.set()
        for client in streams:
            assert (await client.chunks()).endswith(DONE)
        assert await gateway.ended() == 0
        assert gateway.settled() == {"completed": 5}


@live
async def test_what_outlasts_the_drain_time_ends_in_an_error_event(tmp_path: Path) -> None:
    async with running(tmp_path, Gate(), drain="300ms") as (gateway, _):
        client = await gateway.asking(stream=True)
        await client.head()
        gateway.signal(signal.SIGTERM)
        body = await client.chunks()
        assert body.startswith(event("a"))
        assert b'"error"' in body
        assert b"[DONE]" not in body
        assert await gateway.ended() == 0
        assert gateway.settled() == {"failed": 1}


@live
async def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, Gate(), drain="60s") as (gateway, _):
        client = await gateway.asking(stream=True)
        await client.head()
        gateway.signal(signal.SIGTERM)
        await gateway.logged("stopping: 1 requests")
        gateway.signal(signal.SIGINT)
        assert b'"error"' in await client.chunks()
        assert await gateway.ended() == 0
        assert gateway.settled() == {"failed": 1}


@live
async def test_sigkill_leaks_no_reservation(tmp_path: Path) -> None:
    async with running(tmp_path, Gate()) as (gateway, _):
        client = await gateway.asking(stream=True)
        await client.head()
        gateway.signal(signal.SIGKILL)
        await gateway.ended()
        client.writer.close()
        await gateway.start()  # the lock, the port and the socket of the dead are free
        assert "1 reservations left open by a crash were settled" in gateway.log()
        assert gateway.settled() == {"abandoned": 1}


@live
async def test_a_reload_moves_new_requests_and_lets_streams_end(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, gate) as (gateway, _):
        other = Mock(good_body)
        server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
        streaming = await gateway.asking(stream=True)
        await streaming.head()
        gateway.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        assert await gateway.admin("POST", "/reload") == (200, HELD)
        client = await gateway.asking()
        assert (await client.got()).body == BODY
        assert len(other.seen) == 1
        gate.open.set()
        assert (await streaming.chunks()).endswith(DONE)
        server.close()
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        with (tmp_path / "recording.jsonl").open("rb") as lines:
            steps, divergence = verify(lines, parse)
        assert divergence is None
        assert steps >= 8


@live
async def test_a_reload_says_what_takes_effect_at_the_next_start(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, _):
        began = gateway.path.read_text()
        text = began.replace(f":{gateway.port}", ":1").replace("recording.jsonl", "other.jsonl")
        gateway.path.write_text(text)
        notes = [
            "gateway.listen takes effect at the next start",
            "gateway.recording takes effect at the next start",
        ]
        for _ in range(2):  # asked again, it is still so
            answer = await gateway.admin("POST", "/reload")
            assert answer == (200, {**HELD, "notes": notes})
        await gateway.logged("gateway.listen takes effect at the next start")
        gateway.path.write_text(began)
        assert await gateway.admin("POST", "/reload") == (200, HELD)


@pytest.mark.parametrize("how", ["socket", "signal"])
def test_a_faulty_reload_changes_nothing_and_says_why(tmp_path: Path, how: str) -> None:
    @live
    async def run() -> None:
        async with running(tmp_path, good_body) as (gateway, _):
            gateway.path.write_text(gateway.path.read_text().replace('"server"', '"sever"'))
            if how == "socket":
                status, answer = await gateway.admin("POST", "/reload")
                assert status == 409
                assert "sever" in str(answer["faults"])
            else:
                gateway.signal(signal.SIGHUP)
            await gateway.logged("reload refused: fleet.toml: sources.a.kind")
            client = await gateway.asking()
            assert (await client.got()).status == 200

    run()


@live
async def test_a_key_made_or_revoked_meanwhile_holds_within_a_second(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, _):
        key = new_key()
        with closing(open_for_keys(tmp_path / "ledger.sqlite")) as ledger:
            terms = KeyTerms(key_id(key), "t")
            ledger.add_key(KeyRecord(terms, "n", key_digest(key.encode()), time.time()))
            await _status_becomes(gateway, key, 200)
            ledger.revoke_key(key_id(key), time.time())
            await _status_becomes(gateway, key, 401)


async def _status(gateway: Gateway, key: str) -> int:
    client = await gateway.asking(key=key)
    got = await client.got()
    client.writer.close()
    return got.status


async def _status_becomes(gateway: Gateway, key: str, status: int) -> None:
    async with asyncio.timeout(3):
        while await _status(gateway, key) != status:  # noqa: ASYNC110 - keys are polled there
            await asyncio.sleep(0.05)


@live
async def test_the_admin_socket_is_its_owners_alone(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, _):
        assert stat.S_IMODE((tmp_path / "gateway.sock").stat().st_mode) == 0o600
        status, answer = await gateway.admin("GET", "/status")
        assert (status, answer["ready"], answer["live"]) == (200, True, 0)
        assert (await gateway.admin("GET", "/reload"))[0] == 405
        assert (await gateway.admin("GET", "/v1/models"))[0] == 404
        assert await gateway.admin("POST", "/shutdown") == (202, {"ok": True})
        assert await gateway.ended() == 0


@live
async def test_a_busy_port_and_a_second_gateway_are_named(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, _):
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tollway", "serve", str(gateway.path),
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TEST_UPSTREAM_KEY": "x"},
        )  # fmt: skip
        _, said = await second.communicate()
        assert second.returncode == 2
        assert b"in use" in said
        elsewhere = tmp_path / "b"
        third = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tollway", "serve", str(gateway.path), "--state", str(elsewhere),
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TEST_UPSTREAM_KEY": "x"},
        )  # fmt: skip
        _, said = await third.communicate()
        assert third.returncode == 2
        assert f"127.0.0.1:{gateway.port} is in use".encode() in said


@live
async def test_a_missing_secret_stops_the_start_and_is_named(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, "http://127.0.0.1:9/v1", "1s")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tollway", "serve", str(gateway.path),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"sources.a.credential" in said
    assert b"TEST_UPSTREAM_KEY is not set" in said
