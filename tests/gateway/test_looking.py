"""What a running gateway shows of itself, and drains of it, with one process and with several."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from gateway_rig import BODY, SSE, Seen, chunk, event, good_body, live
from process_rig import HELD, Gate, Gateway, Terms, running
from workers_rig import COST, SMALL, TWO, accountant, ask, everybody, request, until, workers

from tollway.dispatch.recording import verify
from tollway.fleet.parse import parse

ONE = ""
SIZES = pytest.mark.parametrize("size", [ONE, TWO], ids=["one-process", "two-workers"])
SECOND = """
[sources.b]
kind = "server"
url = "{0}"
credential = "up"
[sources.b.serves.m]
"""


def gateway_of(folder: Path, answer: object, size: str) -> Any:
    terms = Terms(size)
    return running(folder, answer, "5s", terms) if size == ONE else workers(folder, answer, terms)


async def look(gateway: Gateway, after: int = 0) -> Any:
    status, answer = await gateway.admin("GET", f"/live?after={after}")
    assert status == 200
    return answer


@SIZES
def test_what_has_ended_is_told_with_totals_that_are_the_ledgers(tmp_path: Path, size: str) -> None:
    @live
    async def run() -> None:
        async with gateway_of(tmp_path, good_body, size) as (gateway, _):
            client = await gateway.connect()
            for _ in range(3):
                assert await ask(client, gateway) == 200
            seen = await until(lambda: _ended(gateway, 3))
            source = seen["sources"]["a"]
            assert (source["requests"], source["cost"], source["tokens"]) == (3, 3 * COST, 9)
            assert source["outstanding"] == source["flowing"] == 0
            assert [one["n"] for one in seen["ended"]] == [1, 2, 3]
            assert {one["outcome"] for one in seen["ended"]} == {"completed"}
            assert sum(one["cost"] for one in seen["ended"]) == 3 * COST
            assert (await look(gateway, 3))["ended"] == []
            (flow,) = seen["flows"]
            assert (flow["route"], flow["source"], flow["ended"]) == ("chat", "a", 3)
            wrong = await gateway.admin("GET", "/live?after=x")
            assert wrong[0] == 400

    run()


async def _ended(gateway: Gateway, count: int) -> Any:
    seen = await look(gateway)
    return seen if seen["seq"] == count else None


@SIZES
def test_a_live_stream_is_listed_and_its_tokens_count_before_it_ends(
    tmp_path: Path, size: str
) -> None:
    @live
    async def run() -> None:
        gate = Gate()
        async with gateway_of(tmp_path, gate, size) as (gateway, _):
            client = await gateway.asking(stream=True)
            assert (await client.head()).status == 200

            async def flowing() -> Any:
                seen = await look(gateway)
                return seen if seen["sources"]["a"]["tokens"] else None

            seen = await until(flowing)
            (one,) = seen["requests"]
            assert (one["phase"], one["source"], one["route"]) == ("streaming", "a", "chat")
            assert seen["sources"]["a"]["outstanding"] == seen["live"] == 1
            status, found = await gateway.admin("GET", f"/requests/{one['id']}")
            assert (status, found["phase"]) == (200, "streaming")
            gate.open.set()
            await client.chunks()

    run()


async def _halting(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("a")))
    await asyncio.sleep(0.4)  # the pause that is looked for
    await seen.say(chunk(event("b")), chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")


@SIZES
def test_one_requests_life_is_told_after_its_end_with_its_pauses(tmp_path: Path, size: str) -> None:
    @live
    async def run() -> None:
        async with gateway_of(tmp_path, _halting, size) as (gateway, _):
            client = await gateway.asking(stream=True)
            await client.head()
            await client.chunks()
            seen = await until(lambda: _ended(gateway, 1))

            async def told() -> Any:
                _, found = await gateway.admin("GET", f"/requests/{seen['ended'][0]['id']}")
                attempts: Any = found["attempts"]
                return found if attempts[0]["pauses"] else None

            life = await until(told)
            (attempt,) = life["attempts"]
            (pause,) = attempt["pauses"]
            assert 0.3 < pause["seconds"] < 3.0
            assert pause["offset"] >= 0.0
            assert life["arrived"] <= attempt["sent"] <= attempt["first"] <= attempt["ended"]
            assert (attempt["end"], life["outcome"]) == ("completed", "completed")
            status, said = await gateway.admin("GET", "/requests/nobody")
            assert status == 404
            assert "ledger" in str(said)

    run()


@SIZES
def test_a_drained_source_gets_nothing_new_over_reload_and_restart(
    tmp_path: Path, size: str
) -> None:
    @live
    async def run() -> None:
        async with gateway_of(tmp_path, good_body, size) as (gateway, mock):
            client = await gateway.connect()
            status, said = await gateway.admin("POST", "/drain", {"source": "a", "why": "x"})
            assert status == 409
            assert "nothing serves routes chat, m" in str(said)
            assert await ask(client, gateway) == 200
            order = {"source": "a", "why": "x", "by": "kim", "all": True}
            status, _ = await gateway.admin("POST", "/drain", order)
            assert status == 200
            assert await ask(client, gateway) == 503
            shown = (await look(gateway))["sources"]["a"]["drained"]
            assert (shown["why"], shown["by"]) == ("x", "kim")
            assert await gateway.admin("POST", "/reload") == (200, HELD)
            assert await ask(client, gateway) == 503
            await _restart(gateway, size)
            client = await gateway.connect()
            assert await ask(client, gateway) == 503
            assert (await look(gateway))["sources"]["a"]["drained"] == shown
            assert (await gateway.admin("POST", "/undrain", {"source": "a"}))[0] == 200
            assert await ask(client, gateway) == 200
            assert len(mock.seen) == 2
            gateway.signal(signal.SIGTERM)
            assert await gateway.ended() == 0
            lines = (tmp_path / "recording.jsonl").read_bytes().splitlines(keepends=True)
            assert verify(lines, parse)[1] is None
            assert any(b'"Drained"' in line for line in lines)

    run()


async def _restart(gateway: Gateway, size: str) -> None:
    if size == ONE:
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        await gateway.start()
        return
    os.kill(accountant(gateway), signal.SIGKILL)
    await gateway.logged("the accountant (process")
    await until(lambda: everybody(gateway))


@live
async def test_what_is_in_flight_at_a_drained_source_ends_there(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, gate) as (gateway, _):
        client = await gateway.asking(stream=True)
        assert (await client.head()).status == 200
        await gateway.admin("POST", "/drain", {"source": "a", "all": True})
        gate.open.set()
        assert b"[DONE]" in await client.chunks()
        assert (await look(gateway))["sources"]["a"]["outstanding"] == 0


@live
async def test_a_drained_source_that_a_reload_removes_is_forgotten(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, _):
        text = gateway.path.read_text()
        url = text.partition('url = "')[2].partition('"')[0]
        gateway.path.write_text(text + SECOND.format(url))
        assert (await gateway.admin("POST", "/reload"))[0] == 200
        assert (await gateway.admin("POST", "/drain", {"source": "b"}))[0] == 200
        assert 'tollway_source_drained{source="b"} 1' in await _metrics(gateway)
        gateway.path.write_text(text)
        assert (await gateway.admin("POST", "/reload"))[0] == 200
        await gateway.logged("drain: b is not in the fleet any more, and is forgotten")
        assert (tmp_path / "drains.json").read_text() == '{"sources":{}}'
        client = await gateway.connect()
        client.say(request(gateway, SMALL))
        assert (await client.got()).body == BODY


async def _metrics(gateway: Gateway) -> str:
    client = await gateway.connect()
    client.say(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n")
    return (await client.got()).body.decode()
