"""One server of tools: started or reached when it is first needed, and again when it is gone.

Rules
1. A command runs in a process group of its own, with the variables that the fleet file gives it and
   a few that every program needs (`PATH`, `HOME` and the like); none of ours beside these.
2. What a server asks of its client (samples, input, files) is not offered.
3. A call that was sent is never sent again: whoever asked is told that it may have happened.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT, CallToolResult, Tool

from tollway.errors import TollwayError
from tollway.fleet.tooling import ToolServer
from tollway.guard.tools.description import Description
from tollway.inspect.secretfile import read_secret
from tollway.tools.capped import CappedTransport
from tollway.tools.program import running

_START = 30.0
_STOP = 10.0
_MOST_PAGES = 50
_LINES_A_MINUTE = 200
_MINUTE = 60.0
_LONGEST_LINE = 500
_ENVELOPE = 1 << 16
"""What is around an answer on the wire; a text is there twice, structured and not."""
_KEPT = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER")


class UpstreamError(TollwayError):
    """A server of tools cannot be used, or a call of it failed. `sent` says that the call may have
    taken effect."""

    def __init__(self, words: str, sent: bool = False) -> None:
        super().__init__(words)
        self.sent = sent


class Upstream:
    """One server. Its connection belongs to a task of its own, which others wait for."""

    def __init__(
        self, server: ToolServer, timeout: float, largest: int, say: Callable[[str], None]
    ) -> None:
        """`timeout` is for one call, in seconds; `largest` is the size of an answer in bytes; `say`
        is told of what the server prints.

        Raises:
            FaultsFound: a secret of it cannot be read.
        """
        self.server = server
        self._timeout = timeout
        self._largest = largest
        self._say = say
        self._secrets = {name: read_secret(it) for name, it in server.secrets.items()}
        self._bearer = None if server.credential is None else read_secret(server.credential)
        self._starting = asyncio.Lock()
        self._client: Client | None = None
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.connections = 0
        self.changed = asyncio.Event()

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """What the server answers.

        Raises:
            UpstreamError: it cannot be reached, died, took too long, or answered nonsense.
        """
        client = await self._connected()
        try:
            return await client.call_tool(tool, dict(arguments), read_timeout_seconds=self._timeout)
        except MCPError as error:
            if error.code in (CONNECTION_CLOSED, REQUEST_TIMEOUT):
                await self._gone(client)
            raise UpstreamError(f"{self.server.name}: {_short(error.message)}", sent=True) from None
        except Exception as error:  # noqa: BLE001 - whatever a foreign server makes of the library
            await self._gone(client)
            name = type(error).__name__
            raise UpstreamError(f"{self.server.name}: failed ({name})", sent=True) from None

    async def listed(self) -> dict[str, Description]:
        """The tools that the server offers now, as it tells of them.

        Raises:
            UpstreamError: as for a call.
        """
        client = await self._connected()
        found: list[Tool] = []
        cursor: str | None = None
        self.changed.clear()
        try:
            async with asyncio.timeout(self._timeout):
                for _ in range(_MOST_PAGES):
                    page = await client.list_tools(cursor=cursor, cache_mode="bypass")
                    found += page.tools
                    cursor = page.next_cursor
                    if cursor is None:
                        break
        except Exception as error:  # noqa: BLE001 - as above
            await self._gone(client)
            words = f"{self.server.name}: does not list its tools ({type(error).__name__})"
            raise UpstreamError(words) from None
        return {
            it.name: Description(it.name, it.description or "", it.input_schema, it.output_schema)
            for it in found
        }

    async def _connected(self) -> Client:
        async with self._starting:
            client = self._client
            return await self._connect() if client is None else client

    async def _connect(self) -> Client:
        await self._end()
        ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self._task = asyncio.create_task(self._live(ready, self._over))
        try:
            async with asyncio.timeout(_START):
                client = await asyncio.shield(ready)
        except TimeoutError:
            await self._end()
            raise UpstreamError(f"{self.server.name}: gives no sign of life") from None
        self.connections += 1
        self._client = client
        return client

    async def _live(self, ready: "asyncio.Future[Client]", over: asyncio.Event) -> None:
        """Holds the connection open: who enters it must be who leaves it."""
        try:
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(await self._client_of(stack))
                ready.set_result(client)
                await over.wait()
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            if not ready.done():
                words = f"{self.server.name}: cannot be reached ({_cause(error)})"
                ready.set_exception(UpstreamError(words))
        finally:
            if not ready.done():
                ready.cancel()

    async def _client_of(self, stack: AsyncExitStack) -> Client:
        server = self.server
        longest = 2 * self._largest + _ENVELOPE
        if server.command is not None:
            kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
            environment = {**kept, **server.env, **self._secrets}
            transport = running(server.command, environment, self._lines(stack), longest)
        else:
            headers = {} if self._bearer is None else {"Authorization": f"Bearer {self._bearer}"}
            timeout = httpx2.Timeout(30.0, read=self._timeout)
            http = httpx2.AsyncClient(
                headers=headers, timeout=timeout, transport=CappedTransport(longest)
            )
            await stack.enter_async_context(http)
            transport = streamable_http_client(server.url or "", http_client=http)
        return Client(transport, cache=None, message_handler=self._told)

    async def _told(self, message: object) -> None:
        if "list_changed" in str(getattr(message, "method", "")):
            self.changed.set()

    def _lines(self, stack: AsyncExitStack) -> int:
        """Where a command's standard error goes: into our log, line by line."""
        read, write = os.pipe2(os.O_CLOEXEC)
        stack.callback(os.close, write)

        def relay() -> None:
            begun, said = time.monotonic(), 0
            with os.fdopen(read, encoding="utf-8", errors="replace") as lines:
                while line := lines.readline(_LONGEST_LINE):
                    if time.monotonic() - begun > _MINUTE:
                        begun, said = time.monotonic(), 0
                    said += bool(line.strip())
                    if line.strip() and said <= _LINES_A_MINUTE:
                        self._say(f"{self.server.name}: {line.strip()}")
                        if said == _LINES_A_MINUTE:
                            self._say(f"{self.server.name}: what more it says is left out")

        threading.Thread(target=relay, daemon=True, name=f"lines of {self.server.name}").start()
        return write

    async def _gone(self, client: Client) -> None:
        """Have the next call connect anew: nobody knows what the other end still holds."""
        if self._client is client:
            self._client = None
            self._over.set()

    async def _end(self) -> None:
        if self._task is not None:
            self._over.set()
            task, self._task = self._task, None
            done, _ = await asyncio.wait([task], timeout=_STOP)
            if not done:
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    async def stop(self) -> None:
        """End the connection, and the command with all that it started."""
        async with self._starting:
            self._client = None
            await self._end()


def _cause(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return type(error).__name__


def _short(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= 200 else f"{words[:197]}..."
