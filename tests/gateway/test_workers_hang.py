"""Workers that are stopped or blocked: nobody waits for them, and they are replaced."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from gateway_rig import Client, good_body, live
from process_rig import Gateway, Terms
from workers_rig import TWO, ask, everybody, request, until, workers


@live
async def test_stopped_workers_are_replaced_and_no_queued_connection_is_reset(
    tmp_path: Path,
) -> None:
    async with workers(tmp_path, good_body, Terms(TWO)) as (gateway, _):
        before = {one["pid"] for one in await everybody(gateway)}
        for pid in before:
            os.kill(pid, signal.SIGSTOP)
        begun = time.monotonic()
        clients = [await gateway.connect() for _ in range(20)]
        assert await asyncio.gather(*[_answered(each, gateway) for each in clients]) == [200] * 20
        assert time.monotonic() - begun < 10

        async def replaced() -> bool:
            after = {one["pid"] for one in await everybody(gateway)}
            return bool(after) and not before & after

        await until(replaced)  # the first who is may have answered everyone
        assert gateway.log().count("gave no sign of life") == 2


async def _answered(client: Client, gateway: Gateway) -> int:
    client.say(request(gateway))
    head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 15)
    return int(head.split()[1])


LETTING_GO = """
import tollway.gateway.workers.supervisor as supervisor
died = supervisor.Supervisor._died
def let_go(self, child, code, now):
    self._close()
    died(self, child, code, now)
supervisor.Supervisor._died = let_go
"""


@live
async def test_control_a_supervisor_without_the_sockets_would_have_the_queue_reset(
    tmp_path: Path,
) -> None:
    (tmp_path / "sitecustomize.py").write_text(LETTING_GO)
    with pytest.MonkeyPatch.context() as patch:
        here = os.environ.get("PYTHONPATH", "")
        patch.setenv("PYTHONPATH", f"{tmp_path}:{here}".rstrip(":"))
        async with workers(tmp_path, good_body, Terms(TWO)) as (gateway, _):
            for one in await everybody(gateway):
                os.kill(one["pid"], signal.SIGSTOP)
            client = await gateway.connect()
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await _answered(client, gateway)


@live
async def test_one_stopped_worker_keeps_nobody_waiting(tmp_path: Path) -> None:
    terms = Terms("workers = 2\nhang_timeout = '60s'")
    async with workers(tmp_path, good_body, terms) as (gateway, _):
        stopped = (await everybody(gateway))[0]["pid"]
        os.kill(stopped, signal.SIGSTOP)
        for _ in range(20):
            assert await ask(await gateway.connect(), gateway) == 200
        os.kill(stopped, signal.SIGKILL)


BLOCKING = """
import time
import tollway.gateway.routes as routes
start = routes.Routes.start
def block(self, connection, request):
    if request.headers.get(b"x-tollway-tag") == b"block":
        time.sleep(60)
    start(self, connection, request)
routes.Routes.start = block
"""


@live
async def test_a_worker_with_a_blocked_loop_is_replaced(
    tmp_path: Path,
) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKING)
    with pytest.MonkeyPatch.context() as patch:
        here = os.environ.get("PYTHONPATH", "")
        patch.setenv("PYTHONPATH", f"{tmp_path}:{here}".rstrip(":"))
        async with workers(tmp_path, good_body, Terms(TWO)) as (gateway, _):
            before = {one["pid"] for one in await everybody(gateway)}
            victim = await gateway.connect()
            victim.say(request(gateway, extra=b"x-tollway-tag: block\r\n"))
            await gateway.logged("gave no sign of life")
            assert await victim.closed() == b""
            for _ in range(8):
                assert await ask(await gateway.connect(), gateway) == 200
            after = {one["pid"] for one in await until(lambda: everybody(gateway))}
            assert len(before & after) == 1
