"""A server of tools as a program: MCP over its standard input and output.

Rules
1. It runs in a session of its own, with the variables it is given and no others.
2. At the end its input is closed; what of its process group is left a moment later is killed.
3. A line that is longer than any answer may be ends it.
"""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

_PATIENCE = 2.0

Incoming = MemoryObjectSendStream[SessionMessage | Exception]
Outgoing = MemoryObjectReceiveStream[SessionMessage]


@asynccontextmanager
async def running(
    command: Sequence[str], environment: Mapping[str, str], errors: int, longest: int
) -> AsyncIterator[tuple[Any, Any]]:
    """The streams of a program, for as long as it is wanted. `errors` is the descriptor that its
    standard error goes to, `longest` bytes the longest line that it may say.

    Raises:
        OSError: it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=errors,
        env=dict(environment),
        start_new_session=True,
        limit=longest,
    )
    said, heard = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    asked, wanted = anyio.create_memory_object_stream[SessionMessage](0)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_hear, process, said)
            group.start_soon(_tell, process, wanted)
            try:
                yield heard, asked
            finally:
                group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)
            for stream in (said, heard, asked, wanted):
                await stream.aclose()


async def _hear(process: Process, said: Incoming) -> None:
    output = cast("asyncio.StreamReader", process.stdout)
    async with said:
        while True:
            try:
                line = await output.readline()
            except ValueError:  # rule 3
                _kill(process)
                return
            if not line:
                return
            try:
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError as error:
                await said.send(error)
                continue
            await said.send(SessionMessage(message))


async def _tell(process: Process, wanted: Outgoing) -> None:
    stdin = cast("asyncio.StreamWriter", process.stdin)
    async with wanted:
        async for message in wanted:
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            stdin.write(text.encode() + b"\n")
            with suppress(ConnectionError):  # it has died: who hears it says so
                await stdin.drain()


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
    _kill(process)
    await process.wait()


def _kill(process: Process) -> None:
    """Also what it has left behind: its group has its process id, and lasts while one is in it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
