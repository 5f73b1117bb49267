"""Drives an emulator: as an ASGI application in this process, and over a loopback port."""

import asyncio
import json
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tollway.emulator.app import Emulator
from tollway.emulator.build import emulate

MODEL = "llama-3.1-8b"


def emulator(warp: float = 1000.0, **options: Any) -> Emulator:
    made = emulate(MODEL, "h200", **options)
    made.clock.factor = warp
    return made


def chat(content: str = "hello there", **fields: Any) -> dict[str, Any]:
    """A request. With `max_tokens` the answer is exactly so long, unless the test says else."""
    exact = {"ignore_eos": True} if "max_tokens" in fields else {}
    return {"model": MODEL, "messages": [{"role": "user", "content": content}], **exact, **fields}


async def until(condition: Callable[[], object]) -> None:
    """Let everything else run until the condition holds."""
    while not condition():  # noqa: ASYNC110 - what it waits for has no event
        await asyncio.sleep(0)


@dataclass
class Answer:
    """What came back. `whole` is whether the body came to its proper end."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    whole: bool = False

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[str]:
        return [part.removeprefix("data: ") for part in self.body.decode().split("\n\n") if part]

    def chunks(self) -> list[Any]:
        return [json.loads(event) for event in self.events() if event != "[DONE]"]

    def text(self) -> str:
        deltas = [one["choices"][0]["delta"] for one in self.chunks() if one["choices"]]
        return "".join(delta.get("content") or "" for delta in deltas)


class InProcess:
    """One ASGI call at a time, whose client may leave."""

    def __init__(self, app: Emulator, client: str = "127.0.0.1") -> None:
        self._app = app
        self._client = client

    async def call(
        self,
        path: str,
        body: object = None,
        *,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        leave: asyncio.Event | None = None,
    ) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        inbox = [{"type": "http.request", "body": raw, "more_body": False}]
        over = leave or asyncio.Event()
        answer = Answer()

        async def receive() -> MutableMapping[str, Any]:
            if inbox:
                return inbox.pop()
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {key.decode(): value.decode() for key, value in message["headers"]}
            else:
                answer.body += message["body"]
                answer.whole = not message.get("more_body", False)

        scope = {
            "type": "http",
            "method": method or ("GET" if body is None else "POST"),
            "path": path,
            "client": (self._client, 1),
            "headers": [(key.encode(), value.encode()) for key, value in (headers or {}).items()],
        }
        await self._app(scope, receive, send)
        return answer


class Wire:
    """A raw HTTP/1.1 client: it shows where a body was cut."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 0

    async def send(
        self, path: str, body: object, headers: dict[str, str] | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        raw = json.dumps(body).encode()
        extra = "".join(f"{key}: {value}\r\n" for key, value in (headers or {}).items())
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(
            f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(raw)}\r\n{extra}\r\n".encode()
            + raw
        )
        await writer.drain()
        return reader, writer

    async def call(self, path: str, body: object, headers: dict[str, str] | None = None) -> Answer:
        reader, writer = await self.send(path, body, {"connection": "close", **(headers or {})})
        raw = await reader.read()
        writer.close()
        await writer.wait_closed()
        return _parsed(raw)


def _parsed(raw: bytes) -> Answer:
    head, _, rest = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    answer = Answer(int(status.split()[1]), headers)
    if "content-length" in headers:
        answer.body = rest
        answer.whole = len(rest) == int(headers["content-length"])
        return answer
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            answer.whole = True
            break
        answer.body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return answer
