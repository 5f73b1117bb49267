"""What agents connect to: MCP over streamable HTTP, at a TCP address or a task's own Unix socket.

Rules
1. Who calls is told by the channel: over TCP by the task's token, checked at every request; over a
   task's own socket by the socket, and so is which tools it may see. No session, header or argument
   says it.
2. A browser's request is refused (`Origin`, and a `Host` that is not this machine).
3. Resources, prompts, samples and the like of servers are not offered: only tools are.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_REQUEST,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    Tool,
    ToolAnnotations,
)

from tollway import __version__
from tollway.fleet.tooling import Tool as Declared
from tollway.guard.tools.description import Description
from tollway.ledger.guarded.tasks import Task
from tollway.tools.service import Caller, Service

PATH = "/mcp"
_CALLER = "tollway.caller"
_LARGEST = 4 << 20

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Recognise = Callable[[bytes | None], Task | None]
"""The task of a token, None where it is none's. Slow: it reads the disk."""


class Front:
    """The MCP server. Run `manager.run()` around all that is served."""

    def __init__(self, service: Service) -> None:
        self._service = service
        server: Server[Any] = Server(
            "tollway",
            version=__version__,
            on_list_tools=self._list,
            on_call_tool=self._call,
            get_tool_input_schema=lambda _: None,
        )
        server.middleware.clear()  # what it would tell a collector is told as events
        hosts = ["127.0.0.1", "127.0.0.1:*", "localhost", "localhost:*", "[::1]", "[::1]:*"]
        self.manager = StreamableHTTPSessionManager(
            server,
            json_response=True,
            stateless=True,
            security_settings=TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=[]),
            max_request_body_size=_LARGEST,
        )

    def app(self, recognise: Recognise, only: frozenset[str] | None = None) -> Any:
        """An ASGI application whose requests are those of the task that `recognise` gives; `only`
        these tools are its, by `server/tool`, None being all."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return
            if scope["path"].rstrip("/") != PATH:
                await _answer(send, 404, f"Not found. MCP is at {PATH}.")
                return
            task = await asyncio.to_thread(recognise, _token(scope))
            if task is None:
                words = "No task has this token, or the task is over. Run: tollway tasks open"
                await _answer(send, 401, words)
                return
            inner = cast("Any", {**scope, _CALLER: Caller(task, only)})
            await self.manager.handle_request(inner, cast("Any", receive), cast("Any", send))

        return serve

    async def _list(
        self, context: ServerRequestContext[Any], _: PaginatedRequestParams | None
    ) -> ListToolsResult:
        found = self._service.listed(_caller(context))
        return ListToolsResult(
            tools=[_tool(*one) for one in found], ttl_ms=0, cache_scope="private"
        )

    async def _call(
        self, context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult:
        return await self._service.call(_caller(context), params.name, params.arguments or {})


def _caller(context: ServerRequestContext[Any]) -> Caller:
    caller = None if context.request is None else context.request.scope.get(_CALLER)
    if not isinstance(caller, Caller):
        raise MCPError(INVALID_REQUEST, "No task.")
    return caller


def _tool(name: str, declared: Declared, pin: Description) -> Tool:
    reads = declared.effect == "none"
    return Tool(
        name=name,
        description=pin.text,
        input_schema=dict(pin.input_schema),
        output_schema=None if pin.output_schema is None else dict(pin.output_schema),
        annotations=ToolAnnotations(
            read_only_hint=reads,
            destructive_hint=not reads,
            open_world_hint=declared.effect == "external" or declared.reads == "untrusted",
        ),
    )


def _token(scope: Scope) -> bytes | None:
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) != 1 or not given[0].lower().startswith(b"bearer "):
        return None
    return bytes(given[0][7:]).strip()


async def _answer(send: Send, status: int, words: str) -> None:
    body = json.dumps({"error": {"message": words}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
