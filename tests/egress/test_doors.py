"""A task's own way to the proxy: what ends with it, and what a task cannot do with it."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from egress_rig import HOST, Client, Rig, Seen

BURST = 200
"""More than the bound of one door."""


async def through(path: Path) -> Client:
    return Client(*await asyncio.open_unix_connection(path))


async def test_what_is_under_way_is_broken_off_with_the_door_and_written_down(
    tmp_path: Path,
) -> None:
    asked = asyncio.Event()

    async def never(_: Seen) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with Rig(tmp_path, handler=never) as rig:
        path = tmp_path / "door"
        door = rig.proxy.listen_for(rig.task.id, path)
        client = await through(path)
        to = f"{HOST}:{rig.host.port}"
        assert (await client.ask(f"CONNECT {to} HTTP/1.1\nHost: {to}\n")).status == 200
        await client.writer.start_tls(await rig.trusting(), server_hostname=HOST)
        await client.send(rig.request("/slow").replace("\n", "\r\n").encode() + b"\r\n")
        await asyncio.wait_for(asked.wait(), 5)
        silent = await through(path)
        await asyncio.wait_for(door.close(), 2)
        assert await client.ended()
        assert await silent.ended()
        [row] = await rig.rows()
        assert (row.path, row.why) == ("/slow", "broken off (CancelledError)")
        client.close()
        silent.close()


async def test_a_task_that_connects_without_end_keeps_nobody_out(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        path = tmp_path / "door"
        door = rig.proxy.listen_for(rig.task.id, path)
        clients: list[Client] = []
        for _ in range(BURST):
            with suppress(OSError):
                clients.append(await through(path))
        assert await clients[-1].ended()
        rig.task, rig.token = rig.tasks.open("acme", time.time(), 60.0, None)
        assert (await rig.ask()).status == 200, "another task's"
        await door.close()
        for client in clients:
            client.close()
        await asyncio.sleep(0)
