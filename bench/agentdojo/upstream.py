"""A suite's environment as a real MCP server, whose state is set anew for each run.

Rules
1. It knows nothing of users, attacks or defences: it lists tools, and does what is called.
2. What it has done is kept in order, for the suite's own checkers.
"""

import asyncio
import threading
from typing import Any

import uvicorn
from agentdojo.agent_pipeline.tool_execution import tool_result_to_str
from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime
from mcp.server.lowlevel.server import Server
from mcp_types import CallToolResult, ListToolsResult, TextContent, Tool
from pydantic_core import to_jsonable_python


class Suite:
    """One suite's tools over one environment."""

    def __init__(self, suite: Any) -> None:
        self.name: str = suite.name
        self._runtime = FunctionsRuntime(suite.tools)
        self._tools = suite.tools
        self.environment: Any = None
        self.done: list[FunctionCall] = []

    def start(self, environment: Any) -> None:
        """Begin a run in this environment."""
        self.environment = environment
        self.done = []

    def server(self) -> Server[Any]:
        return Server(self.name, on_list_tools=self._list, on_call_tool=self._call)

    async def _list(self, _context: Any, _params: Any) -> ListToolsResult:
        return ListToolsResult(
            tools=[
                Tool(
                    name=it.name,
                    description=it.description,
                    input_schema=it.parameters.model_json_schema(),
                )
                for it in self._tools
            ],
            ttl_ms=0,
            cache_scope="private",
        )

    async def _call(self, _context: Any, params: Any) -> CallToolResult:
        arguments = dict(params.arguments or {})
        result, error = self._runtime.run_function(self.environment, params.name, arguments)
        if error is not None:
            return CallToolResult(content=[TextContent(type="text", text=error)], is_error=True)
        self.done.append(FunctionCall(function=params.name, args=arguments))
        text = tool_result_to_str(result)
        return CallToolResult(
            content=[TextContent(type="text", text=text)],
            structured_content={"result": to_jsonable_python(result, fallback=str)},
        )


def serve(suite: Suite, port: int) -> threading.Thread:
    """Serve a suite at `http://127.0.0.1:PORT/mcp`, in a thread, until the process ends."""
    app = suite.server().streamable_http_app(json_response=True, stateless_http=True)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", access_log=False)
    thread = threading.Thread(
        target=lambda: asyncio.run(uvicorn.Server(config).serve()), daemon=True, name=suite.name
    )
    thread.start()
    return thread
