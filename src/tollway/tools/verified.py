"""The servers of one fleet, and whether each still describes its tools as was pinned.

Rules
1. A server's list is compared with the pins when it is connected, when it says that its list has
   changed, and where the last look is older than half a minute.
2. A tool that differs is refused; the others of the server go on.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from mcp_types import CallToolResult

from tollway.fleet.tooling import ToolServer, ToolSettings
from tollway.guard.tools.description import Description
from tollway.tools.upstream import Upstream

FRESH = 30.0


class Servers:
    """The servers that a fleet file declares, each with what it was last seen to offer."""

    def __init__(
        self, settings: ToolSettings, say: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        """Raises:
        FaultsFound: a secret cannot be read.
        """
        timeout = float(settings.call_timeout)
        self._clock = clock
        largest = int(settings.max_result)
        self._servers = {
            name: Upstream(it, timeout, largest, say) for name, it in settings.servers.items()
        }
        self._seen: dict[str, tuple[float, int, Mapping[str, str]]] = {}
        self._locks = {name: asyncio.Lock() for name in self._servers}

    def declared(self) -> Mapping[str, ToolServer]:
        """What each was made of."""
        return {name: it.server for name, it in self._servers.items()}

    async def call(self, server: str, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """One call.

        Raises:
            UpstreamError: it failed.
        """
        return await self._servers[server].call(tool, arguments)

    async def listed(self, server: str) -> Mapping[str, Description]:
        """What a server offers now.

        Raises:
            UpstreamError: it cannot be asked.
        """
        return await self._servers[server].listed()

    async def is_as_pinned(self, server: str, pin: Description) -> bool:
        """Whether a server describes a tool as it was pinned.

        Raises:
            UpstreamError: it cannot be asked.
        """
        upstream = self._servers[server]
        async with self._locks[server]:
            seen = self._seen.get(server)
            if seen is None or self._is_old(seen[0], seen[1], upstream):
                listed = await upstream.listed()
                digests = {name: it.digest for name, it in listed.items()}
                seen = self._seen[server] = (self._clock(), upstream.connections, digests)
        return seen[2].get(pin.name) == pin.digest

    def _is_old(self, at: float, connection: int, upstream: Upstream) -> bool:
        looked = self._clock() - at <= FRESH and connection == upstream.connections
        return not looked or upstream.changed.is_set()

    async def stop(self) -> None:
        """End every connection and every command."""
        await asyncio.gather(*(it.stop() for it in self._servers.values()))
