"""Runs the process that serves the console."""

import asyncio
import os
import time
from pathlib import Path

from tollway.cli.serving import run_child
from tollway.gateway.log import Log
from tollway.gateway.memory import keep_private
from tollway.ledger.state import make_state_folder, state_folder


def serve_console(fleet: Path, state: str | None, until_eof: bool) -> int:
    """Serve until a signal, or the end of standard input."""
    keep_private()
    folder = make_state_folder(state_folder(state, os.environ))
    asyncio.run(_serve(fleet, folder, until_eof))
    return 0


async def _serve(fleet: Path, folder: Path, until_eof: bool) -> None:
    from tollway.console.clocks import Clocks
    from tollway.console.house import House

    log = Log(time.time)

    def greet(house: House) -> None:
        log.say(f"console: {house.url}")

    house = House(fleet, folder, log, Clocks(time.time, time.monotonic))
    await run_child(house, greet, until_eof=until_eof)
