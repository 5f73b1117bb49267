"""An answer of the console is sent at once."""

import asyncio
import socket
from typing import Any

from tollway.tools.listening import listen


async def test_an_answer_is_not_held_back_until_the_last_one_is_acknowledged() -> None:
    delays: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for connection in listener._state.connections:
            there = connection.transport.get_extra_info("socket")
            delays.append(there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    listener = await listen(app, "127.0.0.1", 0)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        await reader.readline()
        writer.close()
        await writer.wait_closed()
    finally:
        await listener.close()
    assert delays
    assert all(delays)
