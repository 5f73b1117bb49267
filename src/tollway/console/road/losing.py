"""Asks a child process what the loss of a source would do, with a limit of time.

Rules
1. It is another process, at the lowest priority: neither gateway nor pages wait for it.
2. One that takes too long is ended, and that is said; nothing is told in part.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tollway.errors import TollwayError

PATIENCE = 90.0
"""Seconds."""


async def lost(
    fleet: Path, folder: Path, source: str, drained: Sequence[str] = (), patience: float = PATIENCE
) -> Any:
    """What a rehearsal of the fleet without the source shows, against one with it; `drained` are
    out of use in both.

    Raises:
        TollwayError: it cannot be rehearsed, or takes too long.
    """
    command = (sys.executable, "-m", "tollway.console.road.rehearsal")
    child = await asyncio.create_subprocess_exec(
        *command,
        *(str(fleet), str(folder), source, *drained),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=_yield_to_others,
    )
    try:
        async with asyncio.timeout(patience):
            said, why = await child.communicate()
    except TimeoutError:
        raise TollwayError(
            f"The rehearsal took longer than {patience:g} s and was ended. "
            f"`tollway simulate {fleet} --lose {source}@0s` has no such limit."
        ) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        words = why.decode("utf-8", "replace").strip().splitlines()
        raise TollwayError(words[-1] if words else "The rehearsal ended without a word.")
    return msgspec.json.decode(said)


def _yield_to_others() -> None:
    os.nice(19)
