"""What a sandbox's exits lead to in tests: the egress proxy, or what a careless one would be."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from attack import Scene, Stage
from egress_rig import HOST, OTHER, Rig

from tollway.broker.broker import mint
from tollway.egress.defences import ALL
from tollway.fleet.egressing import EgressRule, SecretUse

PORT = 3128
BOTH = (EgressRule("hosts", (HOST, OTHER), plain=True),)
ANYWHERE = (EgressRule("anywhere", ("*",), plain=True),)
USE = SecretUse("github", (HOST,), "GITHUB_TOKEN")

PROGRAM = r"""
import ssl

def door():
    return socket.create_connection(("127.0.0.1", 3128), timeout=5)

def head(there):
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        more = there.recv(1)
        if not more: break
        got += more
    say("HEAD", got.split(b"\r\n")[0]); return got

def connect(to=None, more=""):
    to = to or F["host"] + ":%d" % F["port"]
    there = door()
    there.sendall(("CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (to, to, more)).encode())
    head(there)
    return there

def tls(there, server=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(there, server_hostname=server or F["host"])

def rest(there, seconds=2):
    got = b""
    there.settimeout(seconds)
    with contextlib.suppress(OSError):
        while more := there.recv(65536): got += more
    say("GOT", got)
    return got

def ask(to, lines="", method="GET", path="/", body=b"", there=None):
    host, port = to or F["host"], F["port"]
    there = there or tls(connect("%s:%d" % (host, port)), host)
    if body: lines += "Content-Length: %d\r\n" % len(body)
    text = "%s %s HTTP/1.1\r\nHost: %s:%d\r\n%s\r\n" % (method, path, host, port, lines)
    there.sendall(text.encode() + body)
    return rest(there, 1)
"""


def egress(before: Callable[[Rig], None] | None = None, **facts: Any) -> Stage:
    """The egress proxy behind exit 3128, with the defences of the scene; the attack of `naive` has
    a proxy that looks at nothing, and that of `token` one that goes by what a client says it is."""

    @asynccontextmanager
    async def stage(scene: Scene) -> AsyncIterator[None]:
        off = [it.removeprefix("egress.") for it in scene.off if it.startswith("egress.")]
        defences = replace(ALL, **dict.fromkeys(off, False))
        folder = Path(tempfile.mkdtemp(prefix="twe-", dir="/tmp"))
        rig = Rig(folder, defences, **facts)
        if before is not None:
            before(rig)
        try:
            async with rig:
                path = folder / "exit"
                async with _led(scene, rig, path):
                    await _tell(scene, rig)
                    yield
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    return stage


@asynccontextmanager
async def _led(scene: Scene, rig: Rig, path: Path) -> AsyncIterator[None]:
    scene.exits[PORT] = path
    if "naive." in scene.off:
        server = await asyncio.start_unix_server(lambda r, w: _naive(rig, r, w), path)
        yield
        server.close()
    elif "token." in scene.off:
        async with relayed(path, "127.0.0.1", rig.port):
            yield
    else:
        door = rig.proxy.listen_for(rig.task.id, path)
        try:
            yield
        finally:
            await door.close()


@asynccontextmanager
async def relayed(path: Path, host: str, port: int) -> AsyncIterator[None]:
    """A socket that leads to a port: whoever comes is known by what it says."""
    open_ones: set[asyncio.StreamWriter] = set()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(writer)
        await _relay(reader, writer, host, port)

    server = await asyncio.start_unix_server(lead, path)
    yield
    server.close()
    for writer in open_ones:
        writer.close()


async def _tell(scene: Scene, rig: Rig) -> None:
    authority = await rig.proxy.house.authority(rig.task)
    scene.files["ca.pem"] = authority.pem.encode()
    now = time.time()
    other, token = rig.tasks.open("acme", now, 600.0, None)
    theirs = mint(rig.book, rig.uses, other.id, "acme", now) if rig.uses else {}
    scene.found["rig"] = rig
    scene.facts.update(
        host=HOST, other=OTHER, port=rig.host.port, words=scene.canary, token=token,
        sentinel=next(iter(rig.sentinels.values()), ""), theirs=next(iter(theirs.values()), ""),
    )  # fmt: skip


async def _relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
) -> None:
    there_reader, there_writer = await asyncio.open_connection(host, port)

    async def one(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    await asyncio.gather(one(reader, there_writer), one(there_reader, writer))


async def _naive(rig: Rig, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A proxy that connects to the host, whatever it is asked, and looks at nothing."""
    with suppress(asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await _relay(reader, writer, "127.0.0.1", rig.host.port)
