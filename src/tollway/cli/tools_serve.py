"""Runs the process that serves tools."""

import asyncio
import os
import time
from pathlib import Path

from tollway.cli.serving import run_child
from tollway.errors import TollwayError
from tollway.gateway.log import Log
from tollway.gateway.memory import keep_private
from tollway.ledger.state import state_folder


def serve_tools(fleet: Path, state: str | None, until_eof: bool) -> int:
    """Serve until a signal, or the end of standard input."""
    try:
        import mcp  # noqa: F401
    except ImportError:
        raise TollwayError(
            'Serving tools needs the mcp library. Run: pip install "tollway[tools]"'
        ) from None
    keep_private()
    folder = state_folder(state, os.environ)
    asyncio.run(_serve(fleet, folder, until_eof))
    return 0


async def _serve(fleet: Path, folder: Path, until_eof: bool) -> None:
    from tollway.tools.house import Clocks, House

    log = Log(time.time)
    house = House(fleet, folder, log, Clocks(time.time, time.monotonic))
    await run_child(house, lambda it: log.say(f"tools: MCP at {it.url}"), until_eof=until_eof)
