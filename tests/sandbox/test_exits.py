"""The relays out of a sandbox."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tollway.sandbox.defences import ALL
from tollway.sandbox.exits import Exits
from tollway.sandbox.order import Limits

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo_at_eof(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read())
    writer.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


@asynccontextmanager
async def led(exits: Exits, port: int = 8400) -> AsyncIterator[tuple[str, int]]:
    """A TCP port whose connections are led over the exits."""
    server = await asyncio.start_server(lambda r, w: exits.lead(port, r, w), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()
        await exits.close()


@asynccontextmanager
async def door(path: Path, handler: Handler) -> AsyncIterator[None]:
    async with await asyncio.start_unix_server(handler, path):
        yield


async def test_each_way_is_relayed_to_its_own_end_and_counted(tmp_path: Path) -> None:
    exits = Exits({8400: tmp_path / "door"}, Limits())
    async with door(tmp_path / "door", echo_at_eof), led(exits) as at:
        reader, writer = await asyncio.open_connection(*at)
        writer.write(b"x" * 1_000_000)
        writer.write_eof()  # only then does the door answer
        assert await reader.read() == b"x" * 1_000_000
        writer.close()
    assert exits.out == {8400: 1_000_000} == exits.back
    assert exits.connections == {8400: 1}


async def test_one_connection_more_than_allowed_is_closed_at_once(tmp_path: Path) -> None:
    exits = Exits({8400: tmp_path / "door"}, Limits(connections=2))
    async with door(tmp_path / "door", silent), led(exits) as at:
        held = [await asyncio.open_connection(*at) for _ in range(2)]
        reader, writer = await asyncio.open_connection(*at)
        assert await reader.read() == b""
        writer.close()
        for _, one in held:
            one.close()
    assert exits.connections == {8400: 3}


async def test_connections_are_without_bound_when_the_defence_is_off(tmp_path: Path) -> None:
    exits = Exits({8400: tmp_path / "door"}, Limits(connections=0), replace(ALL, channel=False))
    async with door(tmp_path / "door", echo_at_eof), led(exits) as at:
        reader, writer = await asyncio.open_connection(*at)
        writer.write(b"x")
        writer.write_eof()
        assert await reader.read() == b"x"
        writer.close()


async def test_a_door_that_is_gone_closes_the_connection(tmp_path: Path) -> None:
    exits = Exits({8400: tmp_path / "nobody"}, Limits())
    async with led(exits) as at:
        reader, writer = await asyncio.open_connection(*at)
        assert await reader.read() == b""
        writer.close()


async def test_a_door_that_breaks_ends_both_ways(tmp_path: Path) -> None:
    async def abort(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.transport.abort()

    exits = Exits({8400: tmp_path / "door"}, Limits())
    async with door(tmp_path / "door", abort), led(exits) as at:
        reader, writer = await asyncio.open_connection(*at)
        writer.write(b"x")
        assert await reader.read() == b""
        writer.close()


async def test_closing_breaks_off_what_is_open(tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        arrived.set()
        await reader.read()
        writer.close()

    exits = Exits({8400: tmp_path / "door"}, Limits())
    async with door(tmp_path / "door", hold), led(exits) as at:
        reader, writer = await asyncio.open_connection(*at)
        writer.write(b"x")
        await arrived.wait()
        await exits.close()
        assert await reader.read() == b""
        writer.close()
