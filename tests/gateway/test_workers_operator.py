"""What an operator asks of a named source, where workers hold the clients."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from gateway_rig import BODY, DONE, Client, Mock, good_body, live
from process_rig import HELD, Gate, Gateway, Terms
from workers_rig import (
    COST,
    SMALL,
    STREAM,
    TWO,
    accountant,
    everybody,
    request,
    spent,
    until,
    workers,
)

ONLY = b"x-tollway-only: a:m\r\n"


async def _ask(gateway: Gateway, body: bytes = SMALL, extra: bytes = ONLY) -> Client:
    streams = await asyncio.open_unix_connection(str(gateway.folder / "gateway.sock"))
    client = Client(*streams)
    gateway.clients.append(client)
    client.say(request(gateway, body, extra))
    return client


@live
async def test_a_named_source_is_asked_after_a_reload_and_by_the_next_accountant_too(
    tmp_path: Path,
) -> None:
    async with workers(tmp_path, good_body, Terms(TWO)) as (gateway, mock):
        assert (await (await _ask(gateway)).got()).body == BODY
        other = Mock(good_body)
        server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
        gateway.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        assert await gateway.admin("POST", "/reload") == (200, HELD)
        assert (await (await _ask(gateway)).got()).body == BODY
        await until(lambda: spent(gateway) == 2 * COST)
        os.kill(accountant(gateway), signal.SIGKILL)
        await gateway.logged("the accountant (process")
        await until(lambda: everybody(gateway))
        assert (await (await _ask(gateway)).got()).body == BODY
        assert (len(mock.seen), len(other.seen)) == (1, 2)
        assert b"authorization: Bearer upstream-secret" in other.seen[1].head
        unknown = await (await _ask(gateway, extra=b"x-tollway-only: b:m\r\n")).got()
        assert (unknown.status, b"no_such_source" in unknown.body) == (400, True)
        server.close()
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        assert gateway.settled() == {"completed": 3}


@live
async def test_an_accountant_that_cannot_read_a_credential_any_more_still_decides(
    tmp_path: Path,
) -> None:
    async with workers(tmp_path, good_body, Terms(TWO)) as (gateway, mock):
        secret = tmp_path / "secret"
        secret.write_text("from-a-file")
        secret.chmod(0o600)
        text = gateway.path.read_text()
        gateway.path.write_text(text.replace("env:TEST_UPSTREAM_KEY", f"file:{secret}"))
        assert await gateway.admin("POST", "/reload") == (200, HELD)
        secret.unlink()
        os.kill(accountant(gateway), signal.SIGKILL)
        await gateway.logged("the accountant cannot reach its sources: fleet.toml: sources.a")
        await until(lambda: everybody(gateway))
        client = await gateway.connect()
        client.say(request(gateway))
        assert (await client.got()).body == BODY
        assert b"authorization: Bearer from-a-file" in mock.seen[0].head
        refused = await (await _ask(gateway)).got()
        assert refused.status == 502
        assert len(mock.seen) == 1


@pytest.mark.parametrize("ends", [True, False])
def test_what_an_operator_asked_is_drained_like_any_request(tmp_path: Path, ends: bool) -> None:
    @live
    async def run() -> None:
        gate = Gate()
        async with workers(tmp_path, gate, Terms(TWO), "5s" if ends else "300ms") as (gateway, _):
            client = await _ask(gateway, STREAM)
            assert (await client.head()).status == 200
            gateway.signal(signal.SIGTERM)
            await gateway.logged("stopping: 1 requests")
            if ends:
                gate.open.set()
            body = await client.chunks()
            assert body.endswith(DONE) if ends else b'"error"' in body
            assert await gateway.ended() == 0
            assert gateway.settled() == {"completed" if ends else "failed": 1}

    run()
