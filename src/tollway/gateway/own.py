"""The hands of a gateway that is one process: it holds its clients itself."""

import asyncio
import errno
import secrets
from collections.abc import Mapping

from tollway.errors import TollwayError
from tollway.fleet.objects import GatewaySettings
from tollway.gateway.client import Front
from tollway.gateway.ending import Ending, drain
from tollway.gateway.house import House
from tollway.gateway.loading import Loaded
from tollway.gateway.routes import Routes

BACKLOG = 4096


class OwnHands:
    """Clients of this very process."""

    _house: House
    _ending: Ending
    _front: Front
    _server: asyncio.Server

    async def open(self, house: House, ending: Ending) -> None:
        """See `Hands`."""
        self._ending = ending
        settings = house.fleet.gateway
        board = house.board
        routes = Routes(house, secrets.token_hex(6))
        self._house = house
        self._front = Front(routes, settings, board.clock, board.utc, house.watch.failed)
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._front, settings.host, settings.port, backlog=BACKLOG
            )
        except OSError as error:
            raise cannot_listen(settings, error) from error

    def close(self) -> None:
        """See `Hands`."""
        self._server.close()

    async def drain(self) -> None:
        """See `Hands`."""
        house = self._house
        patience = house.fleet.gateway.drain
        await drain(self._front, house.board, self._ending, patience, house.log.say)

    def shutdown(self) -> None:
        """See `Hands`."""
        self._ending.ask()

    async def prepare(self, loaded: Loaded) -> list[str]:
        """See `Hands`. Nothing: `load` has done it."""
        return []

    def adopt(self, loaded: Loaded) -> Loaded:
        """See `Hands`."""
        self._front.settings = loaded.fleet.gateway
        return loaded

    def keys_changed(self) -> None:
        """See `Hands`. The ring is ours."""

    def sweep(self, now: float) -> None:
        """See `Hands`."""
        self._front.sweep(now)

    def connections(self) -> int:
        """See `Hands`."""
        return len(self._front.connections)

    def status(self) -> Mapping[str, object]:
        """See `Hands`."""
        return {}


def cannot_listen(settings: GatewaySettings, error: OSError) -> TollwayError:
    """In words."""
    taken = error.errno == errno.EADDRINUSE
    why = "is in use" if taken else f"cannot be listened on: {error.strerror}"
    mend = "Stop what listens there, or change gateway.listen."
    return TollwayError(f"{shown(settings)} {why}. {mend}")


def shown(settings: GatewaySettings) -> str:
    """The address, as people write it."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"
