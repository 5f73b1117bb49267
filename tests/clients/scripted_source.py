"""A provider that isn't there: HTTP in front of a transcript, and what was asked of it."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from transcripts import Heard, Json, Transcript, Wire, strings, turn_for

SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came. `heard` is None where it asked for no answer of the model."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Json
    heard: Heard | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}{'?' if self.query else ''}{self.query}"


@dataclass
class ScriptedSource:
    """Answers by `transcript`. `faults` says what the real API would have refused: it is refused
    here too, so a test that asserts `faults == []` says which request was wrong, and why."""

    wire: Wire
    transcript: Transcript
    requests: list[Request] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    url: str = ""
    cut: bool = False
    """Whether a stream closes in good order after half of it."""

    @property
    def asked(self) -> list[Request]:
        """The requests of the task itself: those with tools."""
        return [one for one in self.requests if one.heard and one.heard.tools]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *fields = head.rstrip().split("\r\n")
                method, target, _ = line.split(" ")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (one.partition(":") for one in fields)
                }
                body = await _body(reader, headers)
                path, _, query = target.partition("?")
                said = json.loads(body) if body else {}
                for part in self._answer(method, path, query, headers, said):
                    writer.write(part)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(
        self, method: str, path: str, query: str, headers: dict[str, str], body: Json
    ) -> list[bytes]:
        if method != "POST" or not self.wire.asks(path):
            self.requests.append(Request(method, path, query, headers, body, None))
            other = self.wire.other(method, path, body)
            if other is None:
                return [_json(404, self.wire.error(404, f"{method} {path} is not here"), method)]
            return [_json(200, json.dumps(other).encode(), method)]
        heard = self.wire.hear(path, body, headers)
        self.requests.append(Request(method, path, query, headers, body, heard))
        turn = turn_for(self.transcript, heard)
        shown = "\n".join(strings(body))
        faults = [*heard.faults, *(f"did not see {one!r}" for one in turn.sees if one not in shown)]
        if faults:
            self.faults += [f"request {len(self.requests)}: {fault}" for fault in faults]
            return [_json(400, self.wire.error(400, "; ".join(faults)), method)]
        if not heard.stream:
            return [_json(200, self.wire.whole(turn, heard), method)]
        events = [_chunk(event) for event in self.wire.stream(turn, heard)]
        if self.cut:
            del events[len(events) // 2 :]
        return [SSE, *events, b"0\r\n\r\n"]


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    body = b""
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
    return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body


def _json(status: int, body: bytes, method: str) -> bytes:
    head = b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (status, len(body)) + (b"" if method == "HEAD" else body)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@asynccontextmanager
async def scripted(wire: Wire, transcript: Transcript) -> AsyncIterator[ScriptedSource]:
    """A scripted source on a loopback port of its own; `url` ends without a slash or path."""
    source = ScriptedSource(wire, transcript)
    server = await asyncio.start_server(source.serve, "127.0.0.1", 0, limit=64 * 1024 * 1024)
    source.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield source
    finally:
        server.close()


@dataclass
class ClosedNetwork:
    """A proxy that lets nothing through, and remembers who was called for."""

    called: list[str] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readuntil(b"\r\n")
            self.called.append(line.decode("latin-1").strip())
            writer.write(b"HTTP/1.1 403 closed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def closed_network() -> AsyncIterator[ClosedNetwork]:
    """The only way out that a program under test is given, besides loopback."""
    network = ClosedNetwork()
    server = await asyncio.start_server(network.serve, "127.0.0.1", 0)
    network.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield network
    finally:
        server.close()
