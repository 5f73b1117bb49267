"""An agent: asks its model what to do next, does it, tells the model, until there is an answer.

`python3 agent.py "what the user wants"`. It knows no key and no rule. Its tools are those of the
MCP server at TOLLWAY_MCP_URL, and two of its own: a shell and a way to fetch URLs.
"""

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

from mcp import Client
from openai import OpenAI

OWN = {
    "shell": ("Runs a command of the shell.", ["command"]),
    "fetch": ("Fetches a URL; $NAME in headers and body is a variable.", ["url"]),
}


def shell(command: str) -> str:
    done = subprocess.run(  # noqa: S603 - what the model wants to run
        ["/bin/sh", "-c", command],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=20,
    )
    return done.stdout + (f"[exit {done.returncode}]" if done.returncode else "")


def fetch(url: str, body: str | None = None, headers: dict[str, str] | None = None) -> str:
    data = None if body is None else os.path.expandvars(body).encode()
    named = {name: os.path.expandvars(value) for name, value in (headers or {}).items()}
    request = urllib.request.Request(url, data, named)  # noqa: S310 - wherever the model wants to
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return f"{error}: {error.read().decode()}"
    except OSError as error:
        return f"failed: {error}"


def described(name: str, words: str, schema: dict[str, Any]) -> Any:
    function = {"name": name, "description": words, "parameters": schema}
    return {"type": "function", "function": function}


async def use(client: Client, name: str, arguments: dict[str, Any]) -> str:
    if name in OWN:
        return await asyncio.to_thread({"shell": shell, "fetch": fetch}[name], **arguments)
    result = await client.call_tool(name, arguments)
    return "\n".join(getattr(part, "text", "") for part in result.content)


async def work(task: str, client: Client) -> str:
    model = OpenAI()
    tools = [
        described(tool.name, tool.description or "", tool.input_schema)
        for tool in (await client.list_tools()).tools
    ]
    tools += [
        described(name, words, {"type": "object", "required": needed})
        for name, (words, needed) in OWN.items()
    ]
    said: list[Any] = [{"role": "user", "content": task}]
    while True:
        answer = model.chat.completions.create(model="assistant", messages=said, tools=tools)
        message = answer.choices[0].message
        said.append(message.model_dump(exclude_none=True))
        if message.content:
            print(f"agent: {message.content}", flush=True)
        for call in message.tool_calls or ():
            print(f"  {call.function.name} {call.function.arguments}", flush=True)
            given = await use(client, call.function.name, json.loads(call.function.arguments))
            print(*(f"    {line}" for line in given.splitlines()), sep="\n", flush=True)
            said.append({"role": "tool", "tool_call_id": call.id, "content": given})
        if not message.tool_calls:
            return message.content or ""


async def main(task: str) -> None:
    async with Client(os.environ["TOLLWAY_MCP_URL"]) as client:
        await work(task, client)


asyncio.run(main(sys.argv[1]))
