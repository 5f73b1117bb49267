"""Work for somebody who asked for it, and may leave before it is done.

Rules
1. Who leaves ends the work: a prediction that nobody waits for gives its child back.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from tollway.errors import TollwayError

Found = TypeVar("Found")


class LeftError(TollwayError):
    """Who asked is gone; there is nobody to tell."""


async def while_asked(request: Request, work: Coroutine[Any, Any, Found]) -> Found:
    """What the work gives.

    Raises:
        LeftError: who asked has left; the work was cancelled.
    """
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise LeftError("who asked has left.")
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    """Returns once the connection is gone; a GET's empty body comes before that."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
