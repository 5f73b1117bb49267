"""Whoever is slow, silent or many keeps nobody else out. Each attack has its positive control."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tollway.tools.connection import Limits
from tollway.tools.listening import TaskDoor, listen
from tollway.units import Seconds

LONG = Seconds(30.0)
SHORT = Seconds(0.2)
HEAD = b"GET /quick HTTP/1.1\r\nhost: here\r\n"
POST = b"POST /quick HTTP/1.1\r\nhost: here\r\ncontent-length: 4\r\n\r\n"
Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Application:
    """Answers at once, except where it is asked to wait for `go`, or for much."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked = asyncio.Semaphore(0)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            if not message["more_body"]:
                break
        if scope["path"] == "/who":
            body = f"{scope['client'][0]} {scope['scheme']}".encode()
        if scope["path"] == "/wait":
            self.asked.release()
            await self.go.wait()
        said = b"a" * (1 << 25) if scope["path"] == "/much" else b"said " + body
        length = str(len(said)).encode()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
        )
        await send({"type": "http.response.body", "body": said})


@asynccontextmanager
async def served(limits: Limits) -> AsyncIterator[tuple[int, Application]]:
    app = Application()
    listener = await listen(app, "127.0.0.1", 0, limits=limits)
    try:
        async with asyncio.timeout(30):
            yield listener.port, app
    finally:
        app.go.set()
        await listener.close()


async def peer(port: int, stack: AsyncExitStack, own: str = "127.0.0.1", **more: Any) -> Peer:
    """A connection from an address of this machine."""
    made = await asyncio.open_connection("127.0.0.1", port, local_addr=(own, 0), **more)
    stack.callback(made[1].close)
    return made


async def status(one: Peer) -> int:
    line = await one[0].readline()
    if not line:
        return 0
    head = await one[0].readuntil(b"\r\n\r\n")
    length = int(head.partition(b"content-length: ")[2].split()[0])
    await one[0].readexactly(length if length < 1000 else 0)
    return int(line.split()[1])


async def is_answered(port: int, own: str = "127.0.0.1") -> bool:
    async with AsyncExitStack() as stack:
        one = await peer(port, stack, own)
        one[1].write(HEAD + b"\r\n")
        try:
            return await status(one) == 200
        except ConnectionError:
            return False


@pytest.mark.parametrize(
    ("sent", "name", "told", "rest"),
    [
        (b"", "head", [0], HEAD + b"\r\n"),
        (HEAD, "head", [408], b"\r\n"),
        (POST, "body", [408], b"abcd"),
        (POST + b"abc", "body", [408], b"d"),
        (HEAD + b"\r\n", "idle", [200, 0], HEAD + b"\r\n"),
        (HEAD + b"\r\n" + HEAD, "head", [200, 408], b"\r\n"),
    ],
    ids=["silent", "head", "no-body", "half-a-body", "between", "second-head"],
)
async def test_whoever_is_waited_for_is_cut_off(
    sent: bytes, name: str, told: list[int], rest: bytes
) -> None:
    patient = Limits(head=LONG, body=LONG, idle=LONG, taking=LONG)
    hurried = replace(patient, head=SHORT) if name == "head" else replace(patient, body=SHORT)
    hurried = replace(patient, idle=SHORT) if name == "idle" else hurried
    async with served(hurried) as (port, _), AsyncExitStack() as stack:
        one = await peer(port, stack)
        one[1].write(sent)
        assert [await status(one) for _ in told] == told
        assert await one[0].read() == b""
    async with served(patient) as (port, _), AsyncExitStack() as stack:  # the control
        one = await peer(port, stack)
        one[1].write(sent)
        await asyncio.sleep(2 * SHORT)
        one[1].write(rest)
        assert [await status(one) for _ in told] == [200] * len(told)


async def test_a_head_that_comes_byte_by_byte_is_cut_off_all_the_same() -> None:
    async with served(Limits(head=Seconds(0.3))) as (port, _), AsyncExitStack() as stack:
        one = await peer(port, stack)
        answer = asyncio.create_task(status(one))
        sent = 0
        for letter in HEAD * 100:
            if answer.done() or one[1].is_closing():
                break
            one[1].write(bytes([letter]))
            sent += 1
            await asyncio.sleep(0.02)
        assert await answer == 408
        assert sent < 100


async def test_time_that_the_application_takes_is_not_the_peers() -> None:
    limits = Limits(head=SHORT, body=SHORT, idle=SHORT, taking=SHORT)
    async with served(limits) as (port, app), AsyncExitStack() as stack:
        one = await peer(port, stack)
        one[1].write(HEAD.replace(b"/quick", b"/wait") + b"\r\n")
        asyncio.get_running_loop().call_later(1.0, app.go.set)
        assert await status(one) == 200


async def test_whoever_takes_nothing_of_an_answer_is_cut_off() -> None:
    ask = HEAD.replace(b"/quick", b"/much") + b"\r\n"
    async with served(Limits(taking=SHORT)) as (port, _), AsyncExitStack() as stack:
        one = await peer(port, stack, limit=1024)
        one[1].write(ask)
        await asyncio.sleep(1.0)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await one[0].readexactly(1 << 25)
        other = await peer(port, stack)
        other[1].write(ask)
        assert await status(other) == 200
        assert len(await other[0].readexactly(1 << 25)) == 1 << 25


@pytest.mark.parametrize(
    "sent", [b"", HEAD, POST, HEAD + b"\r\n"], ids=["no", "head", "body", "idle"]
)
async def test_as_many_silent_connections_as_there_may_be_keep_nobody_out(sent: bytes) -> None:
    limits = Limits(most=512, share=512, head=LONG, body=LONG, idle=LONG)
    async with served(limits) as (port, _), AsyncExitStack() as stack:
        for _ in range(limits.most):
            one = await peer(port, stack)
            one[1].write(sent)
        assert await is_answered(port)


async def test_whose_answer_is_being_made_is_not_cut_off_for_another() -> None:
    async with served(Limits(most=2, share=2)) as (port, app), AsyncExitStack() as stack:
        busy = [await peer(port, stack) for _ in range(2)]
        for one in busy:
            one[1].write(HEAD.replace(b"/quick", b"/wait") + b"\r\n")
        for _ in busy:
            await app.asked.acquire()
        late = await peer(port, stack)
        late[1].write(HEAD + b"\r\n")
        assert await status(late) == 503
        app.go.set()
        assert [await status(one) for one in busy] == [200, 200]
        assert await is_answered(port)


@pytest.mark.parametrize("share", [2, 4], ids=["share", "all"])
async def test_one_peer_cannot_take_all_connections(share: int) -> None:
    """With a share of all there is, the same peer keeps the other out: the control."""
    async with served(Limits(most=4, share=share)) as (port, app), AsyncExitStack() as stack:
        for _ in range(4):
            one = await peer(port, stack, "127.0.0.2")
            one[1].write(HEAD.replace(b"/quick", b"/wait") + b"\r\n")
        for _ in range(share):
            await app.asked.acquire()
        assert await is_answered(port, "127.0.0.3") is (share == 2)


async def test_the_connections_of_a_peer_make_room_for_its_own_first() -> None:
    async with served(Limits(most=4, share=2)) as (port, _), AsyncExitStack() as stack:
        other = await peer(port, stack, "127.0.0.3")
        mine = [await peer(port, stack, "127.0.0.2") for _ in range(3)]
        assert await mine[0][0].read() == b""
        for one in (other, *mine[1:]):
            one[1].write(HEAD + b"\r\n")
            assert await status(one) == 200


async def test_nobody_says_themselves_which_peer_they_are() -> None:
    async with served(Limits()) as (port, _), AsyncExitStack() as stack:
        one = await peer(port, stack, "127.0.0.2")
        lies = b"x-forwarded-for: 203.0.113.9\r\nx-forwarded-proto: https\r\n"
        one[1].write(HEAD.replace(b"/quick", b"/who") + lies + b"\r\n")
        assert (await one[0].readuntil(b" http")).endswith(b"said 127.0.0.2 http")


async def test_a_tasks_own_socket_has_the_same_limits(tmp_path: Path) -> None:
    path = tmp_path / "s"
    door = TaskDoor(Application(), path, Limits(head=SHORT))
    try:
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(HEAD)
            assert await status((reader, writer)) == 408
            writer.close()
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(HEAD + b"\r\n")
            assert await status((reader, writer)) == 200
            writer.close()
    finally:
        await door.close()


def test_the_limits_let_a_slow_network_through() -> None:
    usual = Limits()
    assert usual.share < usual.most
    assert min(usual.head, usual.idle) >= 10.0
    assert usual.body >= 60.0
