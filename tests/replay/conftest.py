"""A stub that speaks the gateway's wire shape, one behaviour a request."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

Body = dict[str, Any]


@dataclass
class Stub:
    """Answers POSTs by what `behave` says of the request's number and body (a word of `_play`),
    and GETs with the status and JSON that `read` gives for their path."""

    behave: Callable[[int, Body], str] = lambda number, body: "ok"
    read: Callable[[str], tuple[int, object]] = lambda path: (404, {})
    bodies: list[Body] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                size = int(head.lower().split("content-length:")[1].split("\r\n")[0])
                body = json.loads(await reader.readexactly(size) or b"{}")
                if head.startswith("GET "):
                    self._answer(writer, *self.read(head.split()[1]))
                    continue
                self.heads.append(head)
                self.bodies.append(body)
                if not await self._play(self.behave(len(self.bodies) - 1, body), body, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
        finally:
            writer.close()

    async def _play(self, word: str, body: Body, writer: asyncio.StreamWriter) -> bool:
        if word in ("402", "429", "500", "503"):
            error = {"error": {"message": "no", "code": f"code_{word}", "type": "t"}}
            payload = json.dumps(error).encode()
            writer.write(
                f"HTTP/1.1 {word} X\r\ncontent-type: application/json\r\n"
                f"content-length: {len(payload)}\r\n\r\n".encode()
                + payload
            )
            return True
        source = "b" if word == "fallback" else "a"
        attempts = 2 if word == "fallback" else 1
        writer.write(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            f"transfer-encoding: chunked\r\nx-tollway-source: {source}\r\n"
            f"x-tollway-model: m\r\nx-tollway-attempts: {attempts}\r\n"
            f"x-tollway-request: r{len(self.bodies)}\r\n\r\n".encode()
        )
        tokens = body["max_tokens"]
        self._event(writer, {"choices": [{"delta": {"role": "assistant", "content": ""}}]})
        for index in range(tokens):
            self._event(writer, {"choices": [{"delta": {"content": f"{index} "}}]})
            await writer.drain()
            await asyncio.sleep(0)
            if word == "hold":
                await self.hold.wait()
            if word == "cut":
                return False
            if word == "error":
                self._event(writer, {"error": {"message": "gone", "code": "upstream_lost"}})
                writer.write(b"0\r\n\r\n")
                return True
        words = body["messages"][0]["content"].split()
        usage = {"prompt_tokens": len(words), "completion_tokens": tokens}
        self._event(writer, {"choices": [], "usage": usage})
        self._chunk(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        return True

    def _answer(self, writer: asyncio.StreamWriter, status: int, body: object) -> None:
        payload = json.dumps(body).encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
            f"content-length: {len(payload)}\r\n\r\n".encode()
            + payload
        )

    def _event(self, writer: asyncio.StreamWriter, event: object) -> None:
        self._chunk(writer, b"data: " + json.dumps(event).encode() + b"\n\n")

    def _chunk(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    made = Stub()
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        # A cancelled handler would be reported as an error of the loop.
        with contextlib.suppress(asyncio.CancelledError):
            await made.serve(reader, writer)
        running.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    for task in list(running):
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
