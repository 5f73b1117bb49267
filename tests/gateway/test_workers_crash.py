"""A gateway with four workers that is killed whole, and whose clock is set."""

import asyncio
import os
import signal
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from gateway_rig import BODY, DONE, LAST, SSE, Client, Seen, chunk, event, json_answer, live
from process_rig import Gateway, Terms
from workers_rig import (
    COST,
    FOUR,
    STREAM,
    ask,
    children,
    everybody,
    request,
    runs,
    spent,
    spread,
    until,
    workers,
)

from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_reader


class Source:
    """Answers at once; streams wait for `open` before their second event."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, seen: Seen) -> None:
        if b'"stream":true' not in seen.body:
            await seen.say(json_answer(BODY))
            return
        await seen.say(SSE, chunk(event("a")))
        await self.open.wait()
        await seen.say(chunk(event("b")), chunk(DONE) + LAST)


async def _until_cut(client: Client, gateway: Gateway) -> int:
    """Ask until the connection breaks; how many answers came."""
    count = 0
    try:
        while await ask(client, gateway) == 200:
            count += 1
    except (asyncio.IncompleteReadError, ConnectionError):
        return count
    raise AssertionError("refused, and not cut off")


@live
async def test_a_whole_gateway_killed_under_load_loses_no_record_and_leaks_no_reservation(
    tmp_path: Path,
) -> None:
    async with workers(tmp_path, Source(), Terms(FOUR)) as (gateway, mock):
        assert gateway.process is not None
        clients = await spread(gateway, 5)
        streams, others = clients[::5], [one for at, one in enumerate(clients) if at % 5]
        for client in streams:
            client.say(request(gateway, STREAM))
            assert (await client.head()).status == 200
        load = [asyncio.create_task(_until_cut(client, gateway)) for client in others]
        await until(lambda: spent(gateway) > 200 * COST)
        booked = _completed(gateway)
        pids = [*children(gateway.process.pid), gateway.process.pid]
        assert len(pids) == 6
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        answered = sum([await each for each in load])
        await gateway.ended()
        await until(lambda: not any(runs(pid) for pid in pids))
        await gateway.start()
        await until(lambda: everybody(gateway))
        settled = gateway.settled()  # asserts that nothing is open
        assert settled["completed"] >= booked >= 200
        # One row for each request that a source was asked for, and what was told is booked, but
        # for the group commit that the kill came before; that is booked at what was reserved.
        total = settled["completed"] + settled["abandoned"]
        assert len(mock.seen) <= total <= len(mock.seen) + len(others)
        assert settled["abandoned"] >= len(streams)
        assert answered <= total - len(streams)
        again = await gateway.connect()
        assert await ask(again, gateway) == 200


def _completed(gateway: Gateway) -> int:
    with closing(open_reader(gateway.folder / "ledger.sqlite")) as ledger:
        rows = ledger.usage(UsageQuery(by=("outcome",))).rows
    return {str(row.group[0]): row.totals.requests for row in rows}["completed"]


@live
async def test_sigterm_under_load_refuses_or_answers_and_breaks_off_nobody(tmp_path: Path) -> None:
    source = Source()
    async with workers(tmp_path, source, Terms(FOUR)) as (gateway, mock):
        clients = await spread(gateway, 5)
        streams, others = clients[::5], [one for at, one in enumerate(clients) if at % 5]
        for client in streams:
            client.say(request(gateway, STREAM))
            assert (await client.head()).status == 200
        load = [asyncio.create_task(_until_closed(client, gateway)) for client in others]
        await until(lambda: len(mock.seen) > 200)
        gateway.signal(signal.SIGTERM)
        await gateway.logged("stopping:")
        statuses = sum([await each for each in load], Counter[int]())
        assert set(statuses) <= {200, 503}
        source.open.set()
        for client in streams:
            assert (await client.chunks()).endswith(DONE)
        assert await gateway.ended() == 0
        assert statuses[200] == len(mock.seen) - len(streams)
        assert gateway.settled() == {"completed": len(mock.seen)}


async def _until_closed(client: Client, gateway: Gateway) -> Counter[int]:
    """Ask until the gateway closes the connection between two answers; statuses."""
    seen: Counter[int] = Counter()
    while True:
        client.say(request(gateway))
        try:
            head = await client.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            assert not getattr(error, "partial", b"")  # noqa: PT017 - no half an answer
            return seen
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        await client.reader.readexactly(length)
        seen[int(head.split()[1])] += 1
        if b"connection: close" in head.lower():
            return seen


CLOCK = """
import pathlib, time
real, file, cache = time.time, pathlib.Path({file!r}), [0.0, 0.0]
def stepped():
    now = time.monotonic()
    if now - cache[0] > 0.05:
        cache[:] = now, float(file.read_text() or 0)
    return real() + cache[1]
time.time = stepped
"""
DAY = 86_400.0


@live
async def test_steps_of_the_clock_end_no_stream_and_forgive_no_budget_on_any_worker(
    tmp_path: Path,
) -> None:
    file = tmp_path / "offset"
    file.write_text("0")
    (tmp_path / "sitecustomize.py").write_text(CLOCK.format(file=str(file)))
    body = STREAM.replace(b'"stream":true', b'"stream":true,"max_tokens":3')
    terms = Terms(FOUR, tenant='budget = { day = "0.0005" }')
    most = 500 * 1_000_000 // COST
    with pytest.MonkeyPatch.context() as patch:
        here = os.environ.get("PYTHONPATH", "")
        patch.setenv("PYTHONPATH", f"{tmp_path}:{here}".rstrip(":"))
        source = Source()
        async with workers(tmp_path, source, terms) as (gateway, _):
            clients = await spread(gateway, 2)
            streams, others = clients[::2], clients[1::2]
            for client in streams:
                client.say(request(gateway, body))
                assert (await client.head()).status == 200

            async def spend() -> int:
                count = 0
                for client in others:
                    while (status := await ask(client, gateway)) == 200:
                        count += 1
                    assert status == 402
                return count

            async def step(offset: float, words: str) -> None:
                file.write_text(str(offset))
                await gateway.logged(words)

            assert 0 < await spend() < most
            await step(DAY, f"the wall clock was set by +{DAY:.1f} s")
            assert 0 < await spend() < most  # a new day, and the streams' holds are in it
            await step(0.0, f"the wall clock was set by -{DAY:.1f} s")
            assert await spend() == 0  # going back forgives nothing
            await step(-400 * DAY, f"the wall clock was set by -{400 * DAY:.1f} s")
            assert await spend() == 0
            begun = time.monotonic()
            assert await gateway.get("/readyz") == 200
            source.open.set()
            for client in streams:
                assert (await client.chunks()).endswith(DONE)
            assert time.monotonic() - begun < 5
            gateway.signal(signal.SIGTERM)
            assert await gateway.ended() == 0
            assert set(gateway.settled()) == {"completed"}
