"""Runs the process that serves packages."""

import asyncio
import os
import time
from pathlib import Path

from tollway.cli.serving import run_child
from tollway.errors import TollwayError
from tollway.gateway.log import Log
from tollway.gateway.memory import keep_private
from tollway.ledger.state import make_state_folder, state_folder


def need_index() -> None:
    """Say what is missing where the libraries of the extra are not there.

    Raises:
        TollwayError: they are not.
    """
    try:
        import httpx2  # noqa: F401
        import packaging  # noqa: F401
        import starlette  # noqa: F401
    except ImportError:
        raise TollwayError(
            'The package index needs further libraries. Run: pip install "tollway[index]"'
        ) from None


def serve_index(fleet: Path, state: str | None, until_eof: bool) -> int:
    """Serve until a signal, or the end of standard input."""
    need_index()
    keep_private()
    folder = make_state_folder(state_folder(state, os.environ))
    asyncio.run(_serve(fleet, folder, until_eof))
    return 0


async def _serve(fleet: Path, folder: Path, until_eof: bool) -> None:
    from tollway.index.house import House

    log = Log(time.time)

    def greet(house: House) -> None:
        mode = house.stock.means.settings.mode
        log.say(f"index: mode {mode}: {house.url}/pypi/simple/ and {house.url}/npm/")

    await run_child(House(fleet, folder, log, time.time), greet, until_eof=until_eof)
