"""A request that has been read, on its way to dispatch."""

from tollway.gateway.client import ClientConnection
from tollway.gateway.http import Request
from tollway.gateway.wish import Wish
from tollway.gateway.wording import Asked
from tollway.ledger.keys import KeyRecord


class Asking:
    """`id` is the gateway's for it. While the guard looks at it, it listens to the connection."""

    __slots__ = ("asked", "connection", "gone", "id", "key", "paused", "request", "wish")

    def __init__(
        self,
        connection: ClientConnection,
        request: Request,
        wish: Wish,
        key: KeyRecord,
        request_id: str,
        asked: Asked,
    ) -> None:
        self.connection = connection
        self.request = request
        self.wish = wish
        self.key = key
        self.id = request_id
        self.asked = asked
        self.gone = False
        self.paused = False

    def wait(self) -> None:
        """Hear from the client, until there is an exchange to do so."""
        self.connection.listener = self

    def client_gone(self) -> None:
        self.gone = True

    def client_paused(self) -> None:
        self.paused = True

    def client_resumed(self) -> None:
        self.paused = False
