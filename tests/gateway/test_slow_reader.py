"""A gateway's own memory under a client that reads slowly."""

import asyncio
import signal
from pathlib import Path

import pytest
from gateway_rig import DONE, LAST, SSE, Client, Seen, chunk, event, live
from process_rig import Terms, running
from workers_rig import children, request, until, workers

SHORT = b'{"model":"chat","stream":true,"max_tokens":9,"messages":[{"role":"user"}]}'
MEGABYTES = 300
PIECE = chunk(event("x" * 60_000))
COUNT = MEGABYTES * 1_000_000 // len(PIECE) + 1


async def _endless(seen: Seen) -> None:
    """Short for `max_tokens`; else 300 MB."""
    await seen.say(SSE)
    for _ in range(50 if b"max_tokens" in seen.body else COUNT):
        await seen.say(PIECE)
    await seen.say(chunk(DONE) + LAST)


def _peak(pid: int) -> int:
    """The most that a process has had in memory since `_forget`; bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _forget(pid: int) -> int:
    """Let the peak be what there is now; bytes."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _peak(pid)


async def _read_slowly(client: Client) -> int:
    """Stop for a second again and again, so that every buffer on the way is full; bytes read."""
    read, tail, stops = 0, b"", 0
    while not tail.endswith(LAST):
        if read >= stops * MEGABYTES * 100_000:
            stops += 1
            await asyncio.sleep(0.3)
        data = await asyncio.wait_for(client.reader.read(2**16), 10)
        assert data
        read += len(data)
        tail = (tail + data)[-len(LAST) :]
    assert stops > 9
    return read


@pytest.mark.slow
@pytest.mark.parametrize("many", [False, True], ids=["one process", "two workers"])
def test_a_slow_reader_of_300_mb_costs_the_process_less_than_2_mb(
    tmp_path: Path, many: bool
) -> None:
    @live
    async def run() -> None:
        begin = (
            workers(tmp_path, _endless, Terms("workers = 2"))
            if many
            else running(tmp_path, _endless)
        )
        async with begin as (gateway, _):
            assert gateway.process is not None
            pids = [gateway.process.pid, *children(gateway.process.pid)]
            for _ in range(4):  # what a first stream needs is no part of what a slow one costs
                warm = await gateway.connect()
                warm.say(request(gateway, SHORT))
                assert (await warm.head()).status == 200
                await warm.chunks()
            await until(lambda: gateway.settled().get("completed") == 4)
            client = await gateway.asking(stream=True)
            assert (await client.head()).status == 200
            before = {pid: _forget(pid) for pid in pids}
            assert await _read_slowly(client) > MEGABYTES * 1_000_000
            cost = sum(_peak(pid) - before[pid] for pid in pids)
            assert cost < 2 * 2**20
            await until(lambda: gateway.settled().get("completed") == 5)
            gateway.signal(signal.SIGTERM)
            assert await gateway.ended() == 0

    run()


@live
async def test_streams_that_nobody_reads_cost_less_than_2_mb_each_however_fast_the_source(
    tmp_path: Path,
) -> None:
    count, said = 8, 0
    go = asyncio.Event()

    async def answer(seen: Seen) -> None:
        nonlocal said
        await seen.say(SSE, PIECE)
        await go.wait()
        for _ in range(COUNT):
            await seen.say(PIECE)
            said += len(PIECE)

    async def stalled() -> bool:
        before = said
        await asyncio.sleep(0.3)
        return before == said

    async with running(tmp_path, answer) as (gateway, _):
        assert gateway.process is not None
        pid = gateway.process.pid
        clients = [await gateway.asking(stream=True) for _ in range(count)]
        for client in clients:
            assert (await client.head()).status == 200
            client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        before = _forget(pid)
        # Everything that fits between the source and the gateway is there when it reads again.
        gateway.signal(signal.SIGSTOP)
        go.set()
        await until(stalled)
        assert said > count * 2_000_000
        gateway.signal(signal.SIGCONT)
        await until(stalled)
        assert said < count * 40_000_000
        assert _peak(pid) - before < count * 2 * 2**20
