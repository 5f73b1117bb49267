"""One HTTP exchange on bare ASGI: the body in, the answer out, and the client that may leave."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from ipaddress import ip_address
from typing import Any

import msgspec

from tollway.emulator.asks import Refusal
from tollway.fleet.quantities import is_loopback

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

MAX_BODY = 64 * 1024 * 1024


class Exchange:
    """A request that has arrived, and the way back to its client."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._client = scope.get("client")
        self._headers: Iterable[Header] = scope["headers"]
        self._receive = receive
        self._send = send
        self._gone: asyncio.Task[None] | None = None

    def header(self, name: bytes) -> str | None:
        """The first header of that lower-case name."""
        for key, value in self._headers:
            if key == name:
                return value.decode("latin-1")
        return None

    @property
    def from_loopback(self) -> bool:
        """Whether the peer is on this machine; a peer that is not known is not."""
        try:
            return self._client is not None and ip_address(self._client[0]).is_loopback
        except ValueError:
            return False

    @property
    def from_web_page(self) -> bool:
        """Whether a browser asks for a web page: it says from where, or, of a page whose name was
        made to lead to this machine (DNS rebinding), calls us by that name."""
        host = self.header(b"host") or "localhost"
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        return self.header(b"origin") is not None or not is_loopback(name.strip("[]").lower())

    async def body(self) -> bytes:
        """The whole request body.

        Raises:
            Refusal: 413; it is longer than 64 MiB.
        """
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                break
            part = message.get("body", b"")
            parts.append(part)
            size += len(part)
            if size > MAX_BODY:
                raise Refusal(413, f"The body is longer than {MAX_BODY} bytes.")
            if not message.get("more_body", False):
                break
        return b"".join(parts)

    def watch(self, left: Callable[[], None]) -> None:
        """Call `left` once if the client leaves before `end_watch`."""
        self._gone = asyncio.create_task(self._wait_gone())
        self._gone.add_done_callback(lambda task: None if task.cancelled() else left())

    def end_watch(self) -> None:
        """The answer is over: a client that leaves now is no news."""
        if self._gone is not None:
            self._gone.cancel()

    async def _wait_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def pause(self, seconds: float | None) -> bool:
        """Wait, or until the client leaves (None: only that). Whether it is still there."""
        if self._gone is None:
            self.watch(lambda: None)
        if self._gone is not None:
            await asyncio.wait({self._gone}, timeout=seconds)
            return not self._gone.done()
        return True

    async def start(self, status: int, headers: Iterable[Header]) -> None:
        """Send status and headers."""
        await self._send(
            {"type": "http.response.start", "status": status, "headers": list(headers)}
        )

    async def write(self, data: bytes, more: bool = True) -> None:
        """Send a part of the body; the last one with `more` False."""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def json(self, body: bytes, status: int = 200, headers: Iterable[Header] = ()) -> None:
        """Answer with one JSON body."""
        await self.start(
            status,
            [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        )
        await self.write(body, more=False)

    async def refuse(self, refusal: Refusal, headers: Iterable[Header] = ()) -> None:
        """Answer with an OpenAI error."""
        await self.json(refusal.body(), refusal.status, headers)

    async def value(self, value: object, status: int = 200) -> None:
        """Answer with a value as JSON."""
        await self.json(msgspec.json.encode(value), status)
