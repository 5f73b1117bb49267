"""Several workers, one accountant: real processes that are killed, stopped and blocked."""

import asyncio
import os
import signal
import struct
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from gateway_rig import BODY, DONE, Client, Mock, Seen, good_body, json_answer, live
from process_rig import HELD, Gate, Gateway, Terms
from workers_rig import (
    COST,
    FOUR,
    STREAM,
    TWO,
    accountant,
    ask,
    children,
    everybody,
    live_is,
    request,
    runs,
    spent,
    spread,
    until,
    workers,
)

from tollway.dispatch.recording import verify
from tollway.fleet.parse import parse
from tollway.gateway.workers.frames import Hello, Prepared
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_reader


@live
async def test_four_workers_never_spend_over_the_budget_and_use_all_of_it(tmp_path: Path) -> None:
    budget = 1000 * 1_000_000
    terms = Terms(FOUR, tenant='budget = { day = "0.001" }')
    async with workers(tmp_path, good_body, terms) as (gateway, mock):

        async def spend(client: Client) -> int:
            count = 0
            while (status := await ask(client, gateway)) == 200:
                count += 1
            assert status == 402
            return count

        served = await asyncio.gather(*map(spend, await spread(gateway, 6)))
        # Whoever was refused while others were in flight may find what those did not use.
        client = await gateway.connect()
        last = await spend(client)
        assert await spend(client) == 0
        assert len(mock.seen) == sum(served) + last
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        assert spent(gateway) == COST * len(mock.seen)
        # Not one more request of this size would have fitted.
        assert budget - 30 * 1_000_000 < spent(gateway) <= budget


@live
async def test_a_limit_of_concurrency_is_exact_across_workers(tmp_path: Path) -> None:
    gate = Gate()
    terms = Terms(FOUR, tenant="limits = { concurrency = 8 }")
    async with workers(tmp_path, gate, terms) as (gateway, mock):
        clients = await spread(gateway, 10)
        for wave in (1, 2):
            for client in clients:
                client.say(request(gateway, STREAM))
            heads = await asyncio.gather(*[client.head() for client in clients])
            assert sorted(head.status for head in heads) == [200] * 8 + [429] * 32
            assert len(mock.seen) == 8 * wave
            gate.open.set()
            for client, head in zip(clients, heads, strict=True):
                if head.status == 200:
                    assert (await client.chunks()).endswith(DONE)
                else:
                    await client.reader.readexactly(int(head.headers["content-length"]))
            await until(lambda: live_is(gateway, 0))
            gate.open.clear()


@live
async def test_slots_of_a_source_are_one_count_and_one_queue_for_all_workers(
    tmp_path: Path,
) -> None:
    now, most = 0, 0

    async def answer(seen: Seen) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        await seen.say(json_answer(BODY))

    async with workers(tmp_path, answer, Terms(FOUR, source="slots = 4")) as (gateway, _):
        clients = await spread(gateway, 6)
        assert await asyncio.gather(*[ask(each, gateway) for each in clients]) == [200] * 24
        assert most == 4


@live
async def test_without_the_accountant_streams_end_well_and_new_work_gets_503(
    tmp_path: Path,
) -> None:
    gate = Gate()
    async with workers(tmp_path, gate, Terms(TWO, source="slots = 1")) as (gateway, mock):
        assert gateway.process is not None
        streaming = await gateway.asking(stream=True)
        await streaming.head()
        waiting = await gateway.asking(stream=True)
        await until(lambda: _waits(gateway))
        gateway.signal(signal.SIGSTOP)  # so that nobody starts another one meanwhile
        os.kill(accountant(gateway), signal.SIGKILL)
        refused = await waiting.got()
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        for _ in range(8):
            got = await (await gateway.asking()).got()
            assert (got.status, got.headers["retry-after"]) == (503, "1")
        assert await gateway.get("/readyz") == 503
        gate.open.set()
        assert (await streaming.chunks()).endswith(DONE)
        gateway.signal(signal.SIGCONT)
        await until(lambda: everybody(gateway))
        for _ in range(8):
            again = await gateway.asking(stream=True)
            assert (await again.head()).status == 200
            assert (await again.chunks()).endswith(DONE)
        assert len(mock.seen) == 9
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        # What waited was refused by the worker; its reservation is one that the crash left open.
        assert gateway.settled() == {"abandoned": 2, "completed": 8}
        assert "2 reservations left open by a crash were settled" in gateway.log()


async def _waits(gateway: Gateway) -> bool:
    _, answer = await gateway.admin("GET", "/status")
    dispatch: Any = answer["dispatch"]
    return dispatch["waiting"]["interactive"] == 1


@live
async def test_a_killed_workers_requests_are_settled_and_no_slot_leaks(tmp_path: Path) -> None:
    gate = Gate()
    terms = Terms(TWO, tenant="limits = { concurrency = 10 }")
    async with workers(tmp_path, gate, terms) as (gateway, _):
        clients = await spread(gateway, 5)
        for client in clients:
            client.say(request(gateway, STREAM))
            assert (await client.head()).status == 200
        first, second = await everybody(gateway)
        assert (first["live"], second["live"]) == (5, 5)
        os.kill(first["pid"], signal.SIGKILL)
        await until(lambda: live_is(gateway, second["live"]))
        more = [await gateway.asking(stream=True) for _ in range(first["live"] + 1)]
        statuses = [(await client.head()).status for client in more]
        assert sorted(statuses) == [200] * first["live"] + [429]
        gate.open.set()
        ended = [await _end(client) for client in clients]
        assert ended.count(True) == second["live"]
        await until(lambda: live_is(gateway, 0))
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        assert gateway.settled() == {"completed": 10, "cancelled": first["live"]}
        with closing(open_reader(tmp_path / "ledger.sqlite")) as ledger:
            rows = ledger.usage(UsageQuery(by=("outcome",))).rows
        lost = next(row.totals for row in rows if row.group[0] == "cancelled")
        assert lost.estimated == lost.requests
        assert lost.cost > 0


async def _end(client: Client) -> bool:
    try:
        return (await client.chunks()).endswith(DONE)
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return False


@live
async def test_a_reload_reaches_every_worker_at_once(tmp_path: Path) -> None:
    async with workers(tmp_path, good_body, Terms(FOUR)) as (gateway, mock):
        other = Mock(good_body)
        server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
        clients = await spread(gateway, 4)
        assert [await ask(each, gateway) for each in clients] == [200] * 16
        gateway.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        assert await gateway.admin("POST", "/reload") == (200, HELD)
        assert [await ask(each, gateway) for each in clients] == [200] * 16
        assert (len(mock.seen), len(other.seen)) == (16, 16)
        # A worker that comes later, and an accountant, go by the fleet in force, not by the file.
        gateway.path.write_text("no fleet")
        before = {one["pid"] for one in await everybody(gateway)}
        for pid in [*before, accountant(gateway)]:
            os.kill(pid, signal.SIGKILL)
        found = await until(lambda: everybody(gateway))
        assert not before & {one["pid"] for one in found}
        assert await ask(await gateway.connect(), gateway) == 200
        assert len(other.seen) == 17
        server.close()


@live
async def test_a_worker_that_cannot_take_a_fleet_refuses_it_for_all(tmp_path: Path) -> None:
    async with workers(tmp_path, good_body, Terms(FOUR)) as (gateway, mock):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "gateway.sock.workers"))
        _say(writer, Hello(9, 1))
        gateway.write("http://127.0.0.1:9/v1")
        reload = asyncio.create_task(gateway.admin("POST", "/reload"))
        number = 0
        while not number:
            size = struct.unpack(">I", await reader.readexactly(4))[0]
            for message in msgspec.msgpack.decode(await reader.readexactly(size)):
                number = message["number"] if message["type"] == "Prepare" else number
        _say(writer, Prepared(number, ("worker 9 has no secret.",)))
        assert await reload == (
            409,
            {"ok": False, "faults": ["worker 9 has no secret."], "notes": []},
        )
        writer.close()
        for _ in range(8):
            assert await ask(await gateway.connect(), gateway) == 200
        assert len(mock.seen) == 8


def _say(writer: asyncio.StreamWriter, message: object) -> None:
    data = msgspec.msgpack.encode([message])
    writer.write(len(data).to_bytes(4, "big") + data)


@live
async def test_a_drain_loses_no_stream_of_any_worker_and_its_recording_replays(
    tmp_path: Path,
) -> None:
    gate = Gate()
    async with workers(tmp_path, gate, Terms(FOUR)) as (gateway, _):
        pids = {one["pid"] for one in await everybody(gateway)} | {accountant(gateway)}
        streams = await spread(gateway, 3)
        for client in streams:
            client.say(request(gateway, STREAM))
            await client.head()
        gateway.signal(signal.SIGTERM)
        await gateway.logged("stopping: 12 requests")
        await until(lambda: _refused(gateway))
        gate.open.set()
        for client in streams:
            assert (await client.chunks()).endswith(DONE)
        assert await gateway.ended() == 0
        assert gateway.settled() == {"completed": 12}
        assert not any(runs(pid) for pid in pids)
        with (tmp_path / "recording.jsonl").open("rb") as lines:
            steps, divergence = verify(lines, parse)
        assert divergence is None
        assert steps >= 12 * 4


async def _refused(gateway: Gateway) -> bool:
    return await gateway.get("/readyz") is None


@live
async def test_what_outlasts_the_drain_of_workers_ends_in_an_error_event(tmp_path: Path) -> None:
    async with workers(tmp_path, Gate(), Terms(TWO), drain="300ms") as (gateway, _):
        clients = [await gateway.asking(stream=True) for _ in range(4)]
        for client in clients:
            await client.head()
        assert await gateway.admin("POST", "/shutdown") == (202, {"ok": True})
        for client in clients:
            assert b'"error"' in await client.chunks()
        assert await gateway.ended() == 0
        assert gateway.settled() == {"failed": 4}


@live
async def test_a_second_signal_ends_all_workers_at_once(tmp_path: Path) -> None:
    async with workers(tmp_path, Gate(), Terms(TWO), drain="60s") as (gateway, _):
        clients = [await gateway.asking(stream=True) for _ in range(4)]
        for client in clients:
            await client.head()
        gateway.signal(signal.SIGTERM)
        await gateway.logged("stopping: 4 requests")
        gateway.signal(signal.SIGINT)
        for client in clients:
            assert b'"error"' in await client.chunks()
        assert await gateway.ended() == 0
        assert gateway.settled() == {"failed": 4}


@live
async def test_a_killed_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    async with workers(tmp_path, Gate(), Terms(TWO), drain="300ms") as (gateway, _):
        assert gateway.process is not None
        pids = children(gateway.process.pid)
        assert len(pids) == 3
        client = await gateway.asking(stream=True)
        await client.head()
        gateway.signal(signal.SIGKILL)
        assert b'"error"' in await client.chunks()
        await until(lambda: not any(runs(pid) for pid in pids))
        assert gateway.settled() == {"failed": 1}
        await gateway.ended()
        await gateway.start()  # nothing of the dead is in the way
        assert await ask(await gateway.connect(), gateway) in (200, 502)


@live
async def test_metrics_on_any_worker_are_those_of_all(tmp_path: Path) -> None:
    async with workers(tmp_path, good_body, Terms(FOUR)) as (gateway, _):
        for client in await spread(gateway, 6):
            assert await ask(client, gateway) == 200
        for _ in range(8):
            assert await gateway.get("/nowhere") == 404
        wanted = {
            'tollway_requests_total{source="a",model="m",outcome="completed"} 24',
            'tollway_ttft_seconds_count{source="a",model="m"} 24',
            'tollway_refusals_total{reason="not_found"} 8',
            "tollway_live_streams 0",
        }
        for _ in range(6):
            await until(lambda: _shows(gateway, wanted), 5)


async def _shows(gateway: Gateway, wanted: set[str]) -> bool:
    client = await gateway.connect()
    client.say(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    got = await client.got()
    client.writer.close()
    return wanted <= set(got.body.decode().splitlines())


@live
async def test_a_second_gateway_on_the_same_state_is_refused_in_words(tmp_path: Path) -> None:
    async with workers(tmp_path, good_body, Terms(TWO)) as (gateway, _):
        text = gateway.path.read_text().replace(f":{gateway.port}", ":0")
        (tmp_path / "second.toml").write_text(text)
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tollway", "serve", str(tmp_path / "second.toml")),
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TEST_UPSTREAM_KEY": "x"},
        )
        _, said = await asyncio.wait_for(second.communicate(), 15)
        assert second.returncode == 2
        assert b"in use by process" in said
        assert await ask(await gateway.connect(), gateway) == 200
