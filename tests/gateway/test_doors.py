"""A task's own sockets: who opens them, and when they are gone."""

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import pytest
import uvloop

from tollway.errors import TollwayError
from tollway.gateway.doors import Doors, open_door
from tollway.gateway.log import Log
from tollway.gateway.private import Bounded
from tollway.ledger.guarded.tasks import Task

ALIVE = Task("alive", "t", None, None, 0.0, 1e12)
MOST = 3


class FakeDoor:
    """Says whose door it is, and then nothing."""

    def __init__(self, task: str, path: Path) -> None:
        self._task = task
        self.open: set[asyncio.StreamWriter] = set()
        self._listener = Bounded(self._protocol, path, MOST)
        self.close = self._listener.close

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._connected)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        writer.write(self._task.encode())


@dataclass
class Rig:
    folder: Path
    lives: dict[str, Task] = field(default_factory=lambda: {"alive": ALIVE})
    fails: bool = False
    tools: list[tuple[str, ...] | None] = field(default_factory=list[tuple[str, ...] | None])
    doors: list[FakeDoor] = field(default_factory=list[FakeDoor])
    log: StringIO = field(default_factory=StringIO)

    @property
    def socket(self) -> Path:
        return self.folder / "tools.sock"

    def find(self, task: str, utc: float) -> Task | None:
        if self.fails:
            raise TollwayError("the book cannot be read")
        return self.lives.get(task)

    async def pem(self, task: Task) -> str:
        return f"pem of {task.id}"

    async def open(self, task: Task, path: Path, tools: tuple[str, ...] | None) -> FakeDoor:
        self.tools.append(tools)
        door = FakeDoor(task.id, path)
        self.doors.append(door)
        return door


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Rig]:
    rig = Rig(folder)
    doors = Doors(rig.socket, rig, rig.find, time.time, Log(time.time, rig.log))
    await doors.listen()
    try:
        yield rig
    finally:
        await doors.close()
        assert not rig.socket.exists()
        assert "fault" not in rig.log.getvalue(), rig.log.getvalue()


async def until_gone(path: Path) -> None:
    async with asyncio.timeout(5):
        while path.name in os.listdir(path.parent):  # noqa: ASYNC110 - another process removes it
            await asyncio.sleep(0.01)


async def test_a_door_is_open_until_its_asker_leaves(tmp_path: Path) -> None:
    path = tmp_path / "door"
    async with serving(tmp_path) as rig:
        async with open_door(rig.socket, "alive", path, ("a/b",)) as door:
            assert door.pem == "pem of alive"
            assert path.stat().st_mode & 0o777 == 0o600
            reader, writer = await asyncio.open_unix_connection(path)
            assert await reader.readexactly(5) == b"alive"
        assert not path.exists()
        assert await reader.read() == b""
        writer.close()
        assert rig.tools == [("a/b",)]


async def test_who_asks_early_may_wait_for_who_opens(tmp_path: Path) -> None:
    entered = asyncio.Event()

    async def ask() -> None:
        async with open_door(tmp_path / "tools.sock", "alive", tmp_path / "door", patience=10):
            entered.set()

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0)
    assert not entered.is_set()
    async with serving(tmp_path):
        await asyncio.wait_for(asking, 10)
    assert entered.is_set()


ASKER = """
import socket, sys, time
asking = socket.socket(socket.AF_UNIX)
asking.connect(sys.argv[1])
asking.sendall(sys.argv[2].encode() + b"\\n")
sys.stdout.buffer.write(asking.recv(4096))
sys.stdout.flush()
time.sleep(60)
"""


async def test_a_door_is_gone_when_its_asker_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "door"
    async with serving(tmp_path) as rig:
        wish = json.dumps({"ask": "open", "task": "alive", "path": str(path)})
        asker = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ASKER, str(rig.socket), wish, stdout=asyncio.subprocess.PIPE
        )
        assert asker.stdout is not None
        assert json.loads(await asker.stdout.readline()) == {"pem": "pem of alive", "error": ""}
        reader, writer = await asyncio.open_unix_connection(path)
        assert await reader.readexactly(5) == b"alive"
        asker.kill()
        await asker.wait()
        assert await asyncio.wait_for(reader.read(), 1) == b""
        await until_gone(path)
        writer.close()


async def test_a_door_is_gone_within_a_second_once_its_task_is_over(tmp_path: Path) -> None:
    path = tmp_path / "door"
    async with serving(tmp_path) as rig, open_door(rig.socket, "alive", path) as door:
        reader, writer = await asyncio.open_unix_connection(path)
        assert await reader.readexactly(5) == b"alive"
        begun = time.monotonic()
        rig.lives.clear()
        assert await asyncio.wait_for(reader.read(), 5) == b""
        await asyncio.wait_for(door.gone(), 5)
        assert time.monotonic() - begun < 1
        assert not path.exists()
        writer.close()


async def test_a_task_that_cannot_be_looked_up_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "door"
    async with serving(tmp_path) as rig:
        async with open_door(rig.socket, "alive", path) as door:
            rig.fails = True
            await asyncio.wait_for(door.gone(), 5)
            assert not path.exists()
        assert "the book cannot be read" in rig.log.getvalue()
        with pytest.raises(TollwayError, match="tools: the book cannot be read"):
            async with open_door(rig.socket, "alive", path):
                pass


async def test_all_doors_are_gone_when_their_process_ends(tmp_path: Path) -> None:
    path = tmp_path / "door"
    async with serving(tmp_path) as rig:
        asking = open_door(rig.socket, "alive", path)
        door = await asking.__aenter__()
    await asyncio.wait_for(door.gone(), 5)
    assert not path.exists()
    await asking.__aexit__(None, None, None)
    with pytest.raises(TollwayError, match=r"tools\.sock: nobody answers there. Declare"):
        async with open_door(rig.socket, "alive", path):
            pass


async def refused(rig: Rig, path: Path, task: str = "alive") -> str:
    with pytest.raises(TollwayError) as error:
        async with open_door(rig.socket, task, path):
            pass
    return str(error.value)


async def test_a_door_is_refused_where_something_is_already(tmp_path: Path) -> None:
    path = tmp_path / "door"
    async with serving(tmp_path) as rig:
        assert "no task" in await refused(rig, path, "another")
        async with open_door(rig.socket, "alive", path):
            assert "another process answers there" in await refused(rig, path)
            link = tmp_path / "link"
            link.symlink_to(path)
            assert "is a link" in await refused(rig, link)
            assert path.is_socket(), "who was refused has closed nothing"
        file = tmp_path / "file"
        file.write_text("mine")
        assert "is not a socket" in await refused(rig, file)
        assert file.read_text() == "mine"
        (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
        assert "is a link" in await refused(rig, tmp_path / "dangling")
        assert "cannot be listened on" in await refused(rig, tmp_path / "no" / "door")
        assert "at most 107 bytes" in await refused(rig, tmp_path / ("x" * 200))
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))  # as one that was killed leaves it
        async with open_door(rig.socket, "alive", path):
            reader, writer = await asyncio.open_unix_connection(path)
            assert await reader.readexactly(5) == b"alive"
            writer.close()


async def test_a_socket_whose_queue_is_full_stops_nobody(tmp_path: Path) -> None:
    path = tmp_path / "door"
    waiting: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(path))
        busy.listen(0)
        while True:
            one = socket.socket(socket.AF_UNIX)
            waiting.append(one)
            one.setblocking(False)
            try:
                one.connect(str(path))
            except BlockingIOError:
                break
        async with serving(tmp_path) as rig:
            told = await asyncio.wait_for(refused(rig, path), 5)
            assert "another process answers there" in told
    for one in waiting:
        one.close()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"ask":"close","task":"alive"}',
        b'{"ask":"open","task":"alive","path":"relative"}',
        b'{"ask":"open","task":"alive","path":"/a\\u0000b"}',
        b'{"ask":"open","task":"alive","path":"/x","key":"mine"}',
        b'{"ask":"open","task":"alive","path":"/x","tools":"all"}',
        b"\xff\xfe",
    ],
)
async def test_what_is_no_question_is_refused_in_words(tmp_path: Path, line: bytes) -> None:
    async with serving(tmp_path) as rig:
        reader, writer = await asyncio.open_unix_connection(rig.socket)
        writer.write(line + b"\n")
        told = json.loads(await asyncio.wait_for(reader.read(), 5))
        assert told["error"]
        assert not rig.doors
        writer.close()


async def test_a_line_without_end_is_not_kept(tmp_path: Path) -> None:
    async with serving(tmp_path) as rig:
        reader, writer = await asyncio.open_unix_connection(rig.socket)
        writer.write(b"x" * 1_000_000)
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_the_certificate_alone_is_given_too(tmp_path: Path) -> None:
    async with serving(tmp_path) as rig:
        reader, writer = await asyncio.open_unix_connection(rig.socket)
        writer.write(b'{"ask":"ca","task":"alive"}\n')
        assert json.loads(await reader.read()) == {"pem": "pem of alive", "error": ""}
        assert not rig.doors
        writer.close()


async def test_one_connection_too_many_is_broken_off_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "door"
    async with serving(tmp_path) as rig, open_door(rig.socket, "alive", path):
        writers: list[asyncio.StreamWriter] = []
        for _ in range(MOST):
            reader, writer = await asyncio.open_unix_connection(path)
            assert await reader.readexactly(5) == b"alive"
            writers.append(writer)
        for _ in range(200):
            reader, writer = await asyncio.open_unix_connection(path)
            with suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
        assert len(rig.doors[0].open) == MOST
        assert not any(it.transport.is_closing() for it in rig.doors[0].open)
        for writer in writers:
            writer.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_who_reads_nothing_holds_a_connection_until_it_is_broken_off(
    tmp_path: Path, run: Callable[[Coroutine[None, None, None]], None]
) -> None:
    async def check() -> None:
        path = tmp_path / "door"
        made: list[asyncio.StreamWriter] = []

        def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"x" * (1 << 20))
            writer.close()  # which waits until all was sent
            made.append(writer)

        door = Bounded(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader(), flood), path, MOST
        )
        with ExitStack() as stack:
            clients = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(9)]
            for client in clients:
                client.setblocking(False)
                client.connect(str(path))
                await asyncio.sleep(0.01)
            assert len(made) == MOST
            await door.close()
            await asyncio.sleep(0.01)
            for client in clients:
                with suppress(ConnectionResetError):
                    while client.recv(1 << 20):
                        pass  # else BlockingIOError: it is not at its end

    run(check())


async def test_who_connects_in_the_moment_of_closing_is_broken_off(tmp_path: Path) -> None:
    path = tmp_path / "door"
    for turns in range(6):
        door = FakeDoor("alive", path)
        reader, writer = await asyncio.open_unix_connection(path)
        for _ in range(turns):
            await asyncio.sleep(0)
        await door.close()
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 5) in (b"", b"alive")
        writer.close()


async def test_many_doors_at_once_leave_the_process_as_it_was(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        async with serving(tmp_path) as rig:

            async def use(number: int) -> None:
                path = tmp_path / str(number)
                async with open_door(rig.socket, "alive", path):
                    assert path.stat().st_mode & 0o777 == 0o600

            await asyncio.gather(*(use(number) for number in range(32)))
        assert os.umask(0o022) == 0o022
        assert os.listdir(tmp_path) == []
    finally:
        os.umask(before)
