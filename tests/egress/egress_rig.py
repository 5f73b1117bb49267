"""A proxy with one task and hosts of its own, all on loopback."""

import asyncio
import ssl
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any

import trustme

from tollway.broker.broker import Broker, mint
from tollway.broker.vault import Vault
from tollway.egress.defences import ALL, Defences
from tollway.egress.inspection import Means
from tollway.egress.server import EgressProxy
from tollway.fleet.egressing import EgressRule, EgressSettings, SecretUse
from tollway.gateway.log import Log
from tollway.guard.event import SecurityEvent
from tollway.guard.inspection import Guard
from tollway.ledger.guarded.approvals import Approvals
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.connections import Connection, Connections
from tollway.ledger.guarded.tasks import Tasks
from tollway.units import Bytes, Seconds

SECRET = b"ghp_real+secret/0123456789abcdef"
HOST = "api.example.com"
OTHER = "evil.example.org"


@dataclass(slots=True)
class Seen:
    """A request as a host saw it, and how it answers."""

    head: bytes
    body: bytes
    writer: asyncio.StreamWriter

    @property
    def line(self) -> str:
        return self.head.split(b"\r\n", 1)[0].decode()

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()


Handler = Callable[[Seen], Awaitable[None]]


def answer(body: bytes = b"ok", headers: bytes = b"", status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
        status.encode(), len(body), headers, body,
    )  # fmt: skip


async def say_ok(seen: Seen) -> None:
    await seen.say(answer())


async def echo(seen: Seen) -> None:
    await seen.say(answer(seen.head + seen.body))


class Host:
    """A server that tells of every request."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.seen: list[Seen] = []
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self, tls: ssl.SSLContext | None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while True:
                seen = await _request(reader, writer)
                self.seen.append(seen)
                await self.handler(seen)
        except (asyncio.IncompleteReadError, OSError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await asyncio.sleep(0)


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Seen:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = {
        line.partition(b":")[0].lower(): line.partition(b":")[2].strip()
        for line in head.split(b"\r\n")[1:]
    }
    body = b""
    if b"content-length" in fields:
        body = await reader.readexactly(int(fields[b"content-length"]))
    elif fields.get(b"transfer-encoding") == b"chunked":
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    return Seen(head, body, writer)


@dataclass(slots=True)
class Got:
    """What came back from a request."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes = b""


class Client:
    """A connection to the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._socket = writer.transport

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def got(self, method: str = "GET") -> Got:
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines[1:] if line)
            }
            status = int(lines[0].split()[1])
            body = b""
            if (method in ("HEAD", "CONNECT") and status < 300) or status in (204, 304):
                pass
            elif "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            elif headers.get("transfer-encoding") == "chunked":
                while size := int(await self.reader.readline(), 16):
                    body += await self.reader.readexactly(size)
                    await self.reader.readline()
                await self.reader.readline()
            elif status != 100:
                body = await self.reader.read()
            return Got(status, headers, body, head)

    async def ask(self, head: str, body: bytes = b"") -> Got:
        await self.send(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n" + body)
        return await self.got(head.split(" ", 1)[0])

    async def ended(self) -> bool:
        async with asyncio.timeout(10):
            try:
                return await self.reader.read() == b""
            except (OSError, ssl.SSLError):
                return True

    def close(self) -> None:
        self.writer.transport.abort()
        self._socket.abort()


@dataclass
class Rig:
    """The proxy and what is around it. Change what is declared before `async with`."""

    folder: Path
    defences: Defences = ALL
    rules: tuple[EgressRule, ...] | None = None
    uses: dict[str, SecretUse] = field(default_factory=dict[str, SecretUse])
    guard: Guard | None = None
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    names: dict[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    handler: Handler = say_ok

    async def __aenter__(self) -> "Rig":
        self._clients: list[Client] = []
        self.ca = trustme.CA()
        ca_file = self.folder / "house.pem"
        self.ca.cert_pem.write_to_path(str(ca_file))
        self.host = await self.another(self.handler)
        self.book = GuardBook(self.folder / GUARD_BOOK)
        self.tasks = Tasks(self.book)
        self.approvals = Approvals(self.book)
        self.events: list[SecurityEvent] = []
        self.looked_up: list[str] = []
        self.log = StringIO()
        uses = {
            name: replace(use, ports=(self.host.port, *use.ports))
            for name, use in self.uses.items()
        }
        for name in uses:
            Vault(self.folder, {}).set(name, SECRET, 1.0)
        rule = EgressRule("all", (HOST,), ports=(self.host.port,), plain=True)
        rules = (rule,) if self.rules is None else self.rules
        self.rules = tuple(replace(it, ports=(self.host.port, *it.ports)) for it in rules)
        facts: dict[str, Any] = {
            "private": ("127.0.0.1/32",), "ca_file": str(ca_file), "connect_timeout": Seconds(5.0),
        }  # fmt: skip
        facts.update(self.settings)
        settings = EgressSettings("127.0.0.1", 0, self.rules, **facts)
        broker = Broker(self.folder, uses, self.book)
        self.means = Means(
            settings, broker, self.guard, self.tasks, self.approvals, self.events.append, time.time
        )
        self.proxy = EgressProxy(
            self.means, self.book, Log(time.time, self.log), lookup=self._lookup,
            defences=self.defences,
        )  # fmt: skip
        self.port = await self.proxy.listen("127.0.0.1", 0)
        self.task, self.token = self.tasks.open("acme", time.time(), 600.0, None)
        self.sentinels = mint(self.book, uses, self.task.id, "acme", time.time())
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        await self.proxy.close()
        for host in self._hosts:
            await host.stop()
        self.book.close()
        assert "fault" not in self.log.getvalue(), self.log.getvalue()

    async def another(self, handler: Handler, *names: str, tls: bool = True) -> Host:
        """One more host, with a certificate for the names."""
        self._hosts: list[Host] = getattr(self, "_hosts", [])
        context = None
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            names = names or (HOST, OTHER, "127.0.0.1")
            self.ca.issue_cert(*names).configure_cert(context)
        host = Host(handler)
        await host.start(context)
        self._hosts.append(host)
        return host

    def _lookup(self, host: str, port: int) -> Sequence[str]:
        self.looked_up.append(host)
        known = self.names.get(host, ("127.0.0.1",))
        if not known:
            raise OSError("no such name")
        return known

    @property
    def sentinel(self) -> str:
        return next(iter(self.sentinels.values()))

    def authorization(self, token: str | None = None) -> str:
        pair = b64encode(f"task:{token or self.token}".encode()).decode()
        return f"Proxy-Authorization: Basic {pair}\n"

    async def client(self) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        client = Client(reader, writer)
        self._clients.append(client)
        return client

    async def connect(self, to: str | None = None, more: str = "") -> tuple[Client, Got]:
        client = await self.client()
        to = to or f"{HOST}:{self.host.port}"
        got = await client.ask(f"CONNECT {to} HTTP/1.1\nHost: {to}\n{self.authorization()}{more}")
        return client, got

    async def trusting(self) -> ssl.SSLContext:
        """What a client of the task trusts."""
        authority = await self.proxy.house.authority(self.task)
        context = ssl.create_default_context(cadata=authority.pem)
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context

    async def tunnel(self, to: str | None = None, name: str | None = HOST) -> Client:
        """A client within TLS within a tunnel; `name` None names nothing in its hello."""
        client, got = await self.connect(to)
        assert got.status == 200, got
        context = await self.trusting()
        if name is None:
            context.check_hostname = False
        await client.writer.start_tls(context, server_hostname=name)
        return client

    def request(self, target: str = "/", method: str = "GET", more: str = "") -> str:
        return f"{method} {target} HTTP/1.1\nHost: {HOST}:{self.host.port}\n{more}"

    async def ask(
        self, target: str = "/", method: str = "GET", more: str = "", body: bytes = b""
    ) -> Got:
        """One request through a tunnel of its own."""
        client = await self.tunnel()
        if body:
            more += f"Content-Length: {len(body)}\n"
        try:
            return await client.ask(self.request(target, method, more), body)
        finally:
            client.close()

    async def rows(self) -> list[Connection]:
        """What was written down."""
        await self.proxy.house.record.flush()
        return [row for _, row in Connections(self.book).read(self.task.id)]

    def told(self) -> list[tuple[str, str]]:
        return [(event.concern, event.outcome) for event in self.events]


TINY = Bytes(1024)
