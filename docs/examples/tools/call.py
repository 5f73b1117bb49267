"""Calls one tool as an agent would: `python call.py NAME '{"argument": "value"}'`, or lists them.

`tollway tasks open` prints the two variables that it needs.
"""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main(words: list[str]) -> None:
    headers = {"Authorization": f"Bearer {os.environ['TOLLWAY_TASK_TOKEN']}"}
    url = os.environ["TOLLWAY_MCP_URL"]
    async with (
        httpx2.AsyncClient(headers=headers, timeout=120) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        if not words:
            for tool in (await client.list_tools()).tools:
                print(tool.name)
            return
        arguments = json.loads(words[1]) if len(words) > 1 else {}
        result = await client.call_tool(words[0], arguments)
        print("\n".join(getattr(it, "text", "") for it in result.content))


asyncio.run(main(sys.argv[1:]))
