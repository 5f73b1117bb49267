"""The server: it ends at once, busy or not, and says who is in its way."""

import asyncio

import pytest
from emulator_rig import MODEL, Wire, chat, emulator, until

from tollway.emulator.server import start
from tollway.errors import TollwayError


@pytest.mark.parametrize("fault", ["", "stall", "stall-after=1", "slow-headers=1000"])
async def test_it_ends_at_once_with_streams_in_flight(fault: str) -> None:
    app = emulator(warp=0.1)
    headers = {"x-emulator-fault": fault} if fault else {}
    async with asyncio.timeout(5):
        async with start(app) as url:
            reader, writer = await Wire(url).send(
                "/v1/chat/completions", chat(max_tokens=1000, stream=True), headers
            )
            if fault in ("", "stall-after=1"):
                await until(lambda: app.pools[MODEL].replicas[0].load)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readuntil(b"[DONE]")
        writer.close()
    assert app.pools[MODEL].replicas[0].load == 0


async def test_a_port_in_use_is_named_with_the_mend() -> None:
    async with start(emulator()) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(TollwayError, match=f"cannot listen on 127.0.0.1:{port}.*another port"):
            async with start(emulator(), port=port):
                pass


async def test_connections_are_kept_alive() -> None:
    async with start(emulator()) as url:
        reader, writer = await Wire(url).send("/v1/embeddings", {"model": MODEL, "input": "a"})
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        writer.write(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()
