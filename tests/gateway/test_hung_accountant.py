"""An accountant that lives and does nothing: it is stopped, or its loop is blocked."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from gateway_rig import BODY, DONE, LAST, SSE, Client, Seen, chunk, event, json_answer, live
from process_rig import Gateway, Terms
from workers_rig import (
    COST,
    accountant,
    ask,
    everybody,
    request,
    spent,
    spread,
    until,
    workers,
)

HANG = 1.0
FOUR = f"workers = 4\nhang_timeout = '{HANG}s'"
STREAM = (
    b'{"model":"chat","stream":true,"max_tokens":3,"messages":[{"role":"user","content":"hi"}]}'
)
BUDGET = 4000 * 1_000_000
"""Pico-dollars a day."""
BLOCKING = """
import time
import tollway.gateway.process as process
status = process.Process.status
def block(self):
    import pathlib
    if pathlib.Path({mark!r}).exists():
        pathlib.Path({mark!r}).unlink()
        time.sleep(60)
    return status(self)
process.Process.status = block
"""


class Source:
    """Answers at once; streams wait for `open` before their second event, or are cut there."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.cut = False

    async def __call__(self, seen: Seen) -> None:
        if b'"stream":true' not in seen.body:
            await seen.say(json_answer(BODY))
            return
        await seen.say(SSE, chunk(event("a")))
        await self.open.wait()
        if self.cut:
            seen.writer.close()
            return
        await seen.say(chunk(event("b")), chunk(DONE) + LAST)


async def _timed(client: Client, gateway: Gateway) -> tuple[int, float]:
    began = time.monotonic()
    client.say(request(gateway))
    head = await asyncio.wait_for(client.got(), 15)
    if head.status == 503:
        assert head.headers["retry-after"] == "1"
    return head.status, time.monotonic() - began


async def _hang(gateway: Gateway, how: str, mark: Path) -> int:
    pid = accountant(gateway)
    if how == "stopped":
        os.kill(pid, signal.SIGSTOP)
    else:
        mark.touch()  # noqa: ASYNC240 - a test's own file
        _, writer = await asyncio.open_unix_connection(str(gateway.folder / "gateway.sock"))
        writer.write(b"GET /status HTTP/1.1\r\nhost: x\r\n\r\n")
        await until(lambda: not mark.exists())
        writer.close()
    return pid


@pytest.mark.parametrize("how", ["stopped", "blocked"])
def test_a_hung_accountant_is_replaced_and_no_budget_or_record_suffers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "sitecustomize.py").write_text(BLOCKING.format(mark=str(mark)))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}".rstrip(":"))

    @live
    async def run() -> None:
        source = Source()
        terms = Terms(FOUR, tenant='budget = { day = "0.004" }')
        async with workers(tmp_path, source, terms) as (gateway, mock):
            clients = await spread(gateway, 3)
            assert await asyncio.gather(*[ask(each, gateway) for each in clients]) == [200] * 12
            settled = 12 * COST
            await until(lambda: spent(gateway) == settled)
            streams = clients[::3]
            for client in streams:
                client.say(request(gateway, STREAM))
                assert (await client.head()).status == 200
            before = {one["pid"] for one in await everybody(gateway)}
            hung = await _hang(gateway, how, mark)
            # New work on every worker waits for the watchdog and no longer, and nothing is sent.
            asked = len(mock.seen)
            waiting = [asyncio.create_task(_timed(each, gateway)) for each in clients[1::3]]
            source.open.set()
            for client in streams:
                assert (await client.chunks()).endswith(DONE)
            statuses = [await each for each in waiting]
            assert [status for status, _ in statuses] == [503] * 4
            assert all(seconds < HANG + 2.0 for _, seconds in statuses)
            assert len(mock.seen) == asked
            await until(lambda: everybody(gateway))
            assert {one["pid"] for one in await everybody(gateway)} == before
            assert accountant(gateway) != hung
            words = f"the accountant (process {hung}) gave no sign of life for"
            assert gateway.log().count(words) == 1
            # What was settled before is there; the streams are settled at what was reserved; of
            # the new work it never heard.
            held = spent(gateway) - settled
            assert held > 0
            # Every worker spends what is left of the same budget, to the last request that fits.
            served = 0
            for client in clients:
                while (status := await ask(client, gateway)) == 200:
                    served += 1
                assert status == 402
            gateway.signal(signal.SIGTERM)
            assert await gateway.ended() == 0
            assert gateway.settled() == {"completed": 12 + served, "abandoned": 4}
            total = spent(gateway)
            assert total == settled + held + served * COST
            assert BUDGET - 30 * 1_000_000 < total <= BUDGET

    run()


@live
async def test_a_stream_that_is_cut_while_the_accountant_hangs_ends_in_words(
    tmp_path: Path,
) -> None:
    source = Source()
    source.cut = True
    async with workers(tmp_path, source, Terms(FOUR)) as (gateway, _):
        streams = await spread(gateway, 1)
        for client in streams:
            client.say(request(gateway, STREAM))
            assert (await client.head()).status == 200
        os.kill(accountant(gateway), signal.SIGSTOP)
        source.open.set()
        for client in streams:
            body = await asyncio.wait_for(client.chunks(), 10)
            assert body.startswith(event("a"))
            assert b'"error"' in body
            assert b"[DONE]" not in body
        await until(lambda: everybody(gateway))
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        assert gateway.settled() == {"abandoned": 4}
