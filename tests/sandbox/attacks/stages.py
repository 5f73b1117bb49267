"""What the host has while an attack is on: secrets, listeners, victims; and how the host looks."""

import asyncio
import ctypes
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from attack import Judge, Scene, Stage  # noqa: F401

_libc = ctypes.CDLL(None, use_errno=True)


def staged(act: Callable[[Scene], Awaitable[None]]) -> Stage:
    """A stage that only sees to something before."""

    @asynccontextmanager
    async def stage(scene: Scene) -> AsyncIterator[None]:
        await act(scene)
        yield

    return stage


# --- files ---------------------------------------------------------------------------------------


def _places(scene: Scene) -> list[Path]:
    """Folders where people keep things, as far as this user may write there."""
    homes = (Path.home(), Path("/var/tmp"), Path("/dev/shm"), Path("/opt"), Path("/srv"))
    return [scene.folder, *(it for it in homes if os.access(it, os.W_OK))]


@asynccontextmanager
async def files(scene: Scene) -> AsyncIterator[None]:
    """Secrets that only this user may read, and names that are free, in many places."""
    folders = [Path(tempfile.mkdtemp(prefix="tollway-attack-", dir=it)) for it in _places(scene)]
    try:
        for folder in folders:
            (folder / "secret").write_text(scene.canary)
            (folder / "secret").chmod(0o600)
        scene.facts["secrets"] = [str(it / "secret") for it in folders]
        scene.facts["markers"] = [str(it / "marker") for it in folders]
        yield
    finally:
        for folder in folders:
            shutil.rmtree(folder)


def marked(scene: Scene) -> bool:
    """Whether a file was made or changed on the host."""
    made = any(Path(it).exists() for it in scene.facts["markers"])
    return made or any(Path(it).read_text() != scene.canary for it in scene.facts["secrets"])


def mount(target: str, *, writable: bool = False) -> Stage:
    """A folder of the host is shown inside: `given` in it holds the canary."""

    @asynccontextmanager
    async def stage(scene: Scene) -> AsyncIterator[None]:
        from tollway.sandbox.order import Mount

        source = scene.folder / ("rw" if writable else "ro")
        source.mkdir()
        (source / "given").write_text(scene.canary)
        scene.mounts.append(Mount(source, target, writable))
        scene.facts["mounted"] = target
        yield

    return stage


# --- listeners -----------------------------------------------------------------------------------


def _listener(scene: Scene) -> "_Listener":
    return _Listener(scene)


class _Listener(asyncio.Protocol, asyncio.DatagramProtocol):
    """Writes down what comes, and answers with a secret."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        found = self._scene.found
        found["now"] = found.get("now", 0) + 1
        found["most"] = max(found.get("most", 0), found["now"])
        found["all"] = found.get("all", 0) + 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._scene.found["now"] -= 1

    def data_received(self, data: bytes) -> None:
        self._scene.heard += data

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._scene.heard += data


def tcp(host: str = "127.0.0.1") -> Stage:
    @asynccontextmanager
    async def stage(scene: Scene) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _listener(scene), host, 0)
        scene.facts["tcp"] = [host, server.sockets[0].getsockname()[1]]
        scene.facts["words"] = scene.canary
        yield
        server.close()

    return stage


def udp(host: str = "127.0.0.1") -> Stage:
    @asynccontextmanager
    async def stage(scene: Scene) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _listener(scene), (host, 0))
        scene.facts["udp"] = list(transport.get_extra_info("sockname")[:2])
        scene.facts["words"] = scene.canary
        yield
        transport.close()

    return stage


@asynccontextmanager
async def abstract(scene: Scene) -> AsyncIterator[None]:
    """A Unix socket that is no file."""
    opened = socket.socket(socket.AF_UNIX)
    opened.bind("\0tollway-" + scene.beacon)
    server = await asyncio.get_running_loop().create_unix_server(
        lambda: _listener(scene), sock=opened
    )
    scene.facts.update(abstract="tollway-" + scene.beacon, words=scene.canary)
    yield
    server.close()


@asynccontextmanager
async def unix(scene: Scene) -> AsyncIterator[None]:
    """Unix sockets in many places, as a desktop, Docker and a gateway have them."""
    loop = asyncio.get_running_loop()
    folders = [Path(tempfile.mkdtemp(prefix="twa-", dir=it)) for it in _places(scene)[1:]]
    servers: list[asyncio.Server] = []
    try:
        for folder in folders:
            path = str(folder / "s")
            servers.append(await loop.create_unix_server(lambda: _listener(scene), path))
        scene.facts.update(unix=[str(it / "s") for it in folders], words=scene.canary)
        yield
    finally:
        for server in servers:
            server.close()
        for folder in folders:
            shutil.rmtree(folder)


def exit_to(port: int) -> Stage:
    """An exit that leads to a listener."""

    @asynccontextmanager
    async def stage(scene: Scene) -> AsyncIterator[None]:
        path = Path(tempfile.mkdtemp(prefix="twx-", dir="/tmp")) / "exit"
        server = await asyncio.get_running_loop().create_unix_server(
            lambda: _listener(scene), str(path)
        )
        scene.exits[port] = path
        scene.facts["words"] = scene.canary
        try:
            yield
        finally:
            server.close()
            shutil.rmtree(path.parent)

    return stage


# --- processes -----------------------------------------------------------------------------------


@asynccontextmanager
async def victim(scene: Scene) -> AsyncIterator[None]:
    """A process of this user, with a secret in its arguments and its environment."""
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", "sleep 100 & wait", "--password=" + scene.canary,
        env={"PASSWORD": scene.canary, "PATH": "/usr/bin:/bin"}, cwd=scene.folder,
        start_new_session=True,
    )  # fmt: skip
    scene.facts["victim"] = process.pid
    try:
        scene.found["victim"] = process
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        await process.wait()


@asynccontextmanager
async def environment(scene: Scene) -> AsyncIterator[None]:
    """A secret in the environment of the caller."""
    name = "TOLLWAY_TOKEN_" + scene.beacon.upper()
    os.environ[name] = scene.canary
    scene.facts["mark"] = name + "="  # what it is called is known; what is in it is not
    try:
        yield
    finally:
        del os.environ[name]


@asynccontextmanager
async def open_file(scene: Scene) -> AsyncIterator[None]:
    """A file and a folder that the caller holds open, and would hand on."""
    secret = scene.folder / "open-secret"
    secret.write_text(scene.canary)
    taken = [os.open(secret, os.O_RDONLY), os.open(scene.folder, os.O_RDONLY)]
    for one in taken:
        os.set_inheritable(one, True)
    try:
        yield
    finally:
        for one in taken:
            os.close(one)


@asynccontextmanager
async def open_socket(scene: Scene) -> AsyncIterator[None]:
    """A connection that the caller holds open, and would hand on."""
    here, there = socket.socketpair()
    there.setblocking(False)
    os.set_inheritable(here.fileno(), True)
    scene.facts["words"] = scene.canary
    try:
        scene.found["socket"] = there
        yield
    finally:
        here.close()
        there.close()


@asynccontextmanager
async def swept(scene: Scene) -> AsyncIterator[None]:
    """What outlives the sandbox is ended after it was judged."""
    try:
        yield
    finally:
        for pid in beacons(scene.beacon):
            with suppress(ProcessLookupError):
                os.kill(pid, 9)


# --- how the host looks --------------------------------------------------------------------------


def beacons(name: str) -> list[int]:
    """Processes of this machine that call themselves so."""
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if (folder / "comm").read_text().strip() == name:
                    found.append(int(folder.name))
    return found


def status(pid: int) -> dict[str, str]:
    text = Path(f"/proc/{pid}/status").read_text()
    parts = (it.partition(":") for it in text.splitlines())
    return {key: value.strip() for key, _, value in parts}


def opened(pid: int) -> list[str]:
    """What the descriptors of a process lead to."""
    found: list[str] = []
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found.append(os.readlink(one))
    return found


def sockets(pid: int) -> list[tuple[int, int, int]]:
    """Families, types and protocols of the sockets that a process holds, as its kernel says."""
    found: list[tuple[int, int, int]] = []
    pidfd = os.pidfd_open(pid)
    try:
        for one in Path(f"/proc/{pid}/fd").iterdir():
            number = _libc.syscall(438, pidfd, int(one.name), 0)  # pidfd_getfd
            if number < 0:
                continue
            with _owned(number), suppress(OSError):
                if not stat.S_ISSOCK(os.fstat(number).st_mode):
                    continue
                with socket.socket(fileno=os.dup(number)) as mine:
                    found.append(
                        (
                            mine.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN),
                            mine.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE),
                            mine.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL),
                        )
                    )
    finally:
        os.close(pidfd)
    return found


@contextmanager
def _owned(number: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(number)


def namespace(pid: int, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{kind}")


def shared_memory() -> int:
    """Bytes of this machine in files in memory."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Shmem:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no Shmem")


def own_address() -> str:
    """An address of this machine that is not its loopback's; else another of the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.99", 9))  # nothing is sent
        except OSError:
            return "127.0.0.2"
        return asked.getsockname()[0]
