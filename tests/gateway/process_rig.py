"""A whole gateway as a process, over a raw upstream."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway_rig import DONE, LAST, SSE, Client, Mock, Seen, chunk, event

from free_ports import free_port
from tollway.fleet.objects import KeyTerms
from tollway.ledger.keys import KeyRecord, key_digest, key_id, new_key
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_for_keys, open_reader

FLEET = """
version = 1
[gateway]
listen = "127.0.0.1:{port}"
drain = "{drain}"
{gateway}
recording = "recording.jsonl"
[models.m]
[credentials]
up = "env:TEST_UPSTREAM_KEY"
[sources.a]
kind = "server"
url = "{url}"
credential = "up"
{source}
[sources.a.serves.m]
prices = [{{ since = 2025-01-01, input = "1", output = "2" }}]
[routes.chat]
model = "m"
[tenants.t]
{tenant}
"""


HELD = {"ok": True, "faults": [], "notes": []}
"""The answer to a reload that put everything into force."""


@dataclass(frozen=True)
class Terms:
    """What a test adds to the fleet: lines of its tables."""

    gateway: str = ""
    source: str = ""
    tenant: str = ""


class Gateway:
    """A `tollway serve` process over one raw upstream."""

    def __init__(self, folder: Path, url: str, drain: str, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self.environment: dict[str, str] = {}
        self.folder = folder
        self.path = folder / "fleet.toml"
        self.port = free_port()
        self.drain = drain
        self.key = new_key()
        self.write(url)
        with closing(open_for_keys(folder / "ledger.sqlite")) as ledger:
            own = KeyTerms(key_id(self.key), "t")
            ledger.add_key(KeyRecord(own, "n", key_digest(self.key.encode()), time.time()))
        self.process: asyncio.subprocess.Process | None = None
        self.clients: list[Client] = []

    def write(self, url: str) -> None:
        self.path.write_text(
            FLEET.format(port=self.port, url=url, drain=self.drain, **asdict(self.terms))
        )

    async def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tollway", "serve", str(self.path)),
                stderr=log,
                env={**os.environ, "TEST_UPSTREAM_KEY": "upstream-secret", **self.environment},
            )
        async with asyncio.timeout(20):
            while await self.get("/readyz") != 200:
                assert self.process.returncode is None, self.log()
                await asyncio.sleep(0.02)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self) -> int:
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), 15)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    async def logged(self, words: str) -> None:
        async with asyncio.timeout(10):
            while words not in self.log():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)

    async def get(self, path: str) -> int | None:
        try:
            client = await self.connect()
        except OSError:
            return None
        client.say(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
        got = await client.got()
        client.writer.close()
        return got.status

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def asking(self, stream: bool = False, key: str | None = None) -> Client:
        client = await self.connect()
        body = b'{"model":"chat",%b"messages":[{"role":"user","content":"hi"}]}' % (
            b'"stream":true,' if stream else b""
        )
        client.say(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n"
            b"content-length: %d\r\n\r\n%b" % ((key or self.key).encode(), len(body), body)
        )
        return client

    async def admin(
        self, method: str, path: str, body: object = None
    ) -> tuple[int, dict[str, object]]:
        streams = await asyncio.open_unix_connection(str(self.folder / "gateway.sock"))
        client = Client(*streams)
        said = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        client.say(f"{head}content-length: {len(said)}\r\n\r\n".encode() + said)
        got = await client.got()
        client.writer.close()
        return got.status, json.loads(got.body)

    def settled(self) -> dict[str, int]:
        with closing(open_reader(self.folder / "ledger.sqlite")) as ledger:
            report = ledger.usage(UsageQuery(by=("outcome",)))
            counts = {str(row.group[0]): row.totals.requests for row in report.rows}
            return {**counts, "open": report.open_count} if report.open_count else counts


@asynccontextmanager
async def running(
    folder: Path, answer: object, drain: str = "5s", terms: Terms | None = None
) -> AsyncIterator[tuple[Gateway, Mock]]:
    mock = Mock(answer)  # type: ignore[arg-type]
    server = await asyncio.start_server(mock.serve, "127.0.0.1", 0, backlog=512)
    mock.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    gateway = Gateway(folder, mock.url, drain, terms)
    await gateway.start()
    try:
        yield gateway, mock
    finally:
        server.close()
        for client in gateway.clients:
            client.writer.transport.abort()
        if gateway.process is not None and gateway.process.returncode is None:
            gateway.process.kill()
            await gateway.process.wait()
        await asyncio.sleep(0)


class Gate:
    """A stream whose end waits until it is opened."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, seen: Seen) -> None:
        await seen.say(SSE, chunk(event("a")))
        await self.open.wait()
        await seen.say(chunk(event("b")), chunk(DONE) + LAST)
