"""Asks the gateway over its admin socket, from the console's event loop.

Rules
1. It has threads of its own: a gateway that hangs holds up what needs it, and nothing else.
"""

import asyncio
import http.client
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from tollway.errors import TollwayError
from tollway.gateway.admin_client import OverSocket

_THREADS = 4


class GatewayDownError(TollwayError):
    """No gateway answers; the text says what to do."""


class GatewayRefusedError(TollwayError):
    """The gateway does not do it, and says why. `status` is HTTP's."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Caller:
    """The gateway of one admin socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._threads = ThreadPoolExecutor(_THREADS, "gateway")

    async def get(self, what: str) -> dict[str, Any]:
        """GET `what`.

        Raises:
            GatewayDownError: nobody answers.
            GatewayRefusedError: the answer is an error.
        """
        return await self._asked("GET", what, None)

    async def post(self, what: str, body: Mapping[str, object]) -> dict[str, Any]:
        """POST `body` as JSON. Raises as `get`."""
        return await self._asked("POST", what, msgspec.json.encode(body))

    async def _asked(self, method: str, what: str, body: bytes | None) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ask, method, what, body)

    def _ask(self, method: str, what: str, body: bytes | None) -> dict[str, Any]:
        connection = OverSocket(self.path)
        try:
            headers = {} if body is None else {"content-type": "application/json"}
            connection.request(method, what, body, headers)
            answer = connection.getresponse()
            said = msgspec.json.decode(answer.read(), type=dict[str, Any])
        except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
            raise GatewayDownError(
                f"The gateway does not answer at {self.path} ({type(error).__name__}). "
                "`tollway status` says whether it runs, `tollway up` starts it."
            ) from None
        finally:
            connection.close()
        if answer.status >= 400:
            words = str(said.get("error", {}).get("message", said))
            raise GatewayRefusedError(answer.status, words)
        return said
