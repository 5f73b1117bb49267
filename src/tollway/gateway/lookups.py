"""What is answered without asking a model: probes, metrics, models, a key's own usage.

Rules
1. A key sees the routes that it may use, and its own usage, and nothing else.
2. `/metrics` names sources, so it answers loopback peers only, unless it is opened up.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Final, Protocol
from urllib.parse import parse_qs, unquote

from tollway.fleet.objects import Fleet
from tollway.gateway.client import ClientConnection
from tollway.gateway.facts import RequestFacts
from tollway.gateway.http import JSON_HEADER, Refusal, Request
from tollway.gateway.listing import count_body, model_body, models_body
from tollway.gateway.surfaces import dialect_of
from tollway.gateway.wish import TAG, task_tag
from tollway.ledger.keys import KeyRecord

_TEXT: Final = b"content-type: text/plain; charset=utf-8\r\n"
_METRICS: Final = b"content-type: text/plain; version=0.0.4; charset=utf-8\r\n"
_LISTS: Final = (b"/v1/models", b"/v1beta/models")
_ESTIMATED: Final = JSON_HEADER + b"x-tollway-estimated: input_tokens\r\n"


class Known(Protocol):
    """What is known of the gateway."""

    fleet: Fleet
    started: int
    open_metrics: bool

    def not_ready(self) -> str | None: ...
    def metrics(self, done: Callable[[bytes | None], None]) -> None: ...
    def usage(self, key: str, tag: str | None, done: Callable[[bytes | None], None]) -> None: ...


Handler = Callable[[ClientConnection, Request], None]


class Lookups:
    """The paths that are only read. `probes` need no key, and are for those who run the gateway:
    over a task's door there are none. A task is told of its own usage only."""

    def __init__(self, known: Known, task: str | None = None) -> None:
        self._state = known
        self._own = None if task is None else task_tag(task)
        self.probes: dict[bytes, Handler] = {}
        if task is None:
            self.probes[b"/healthz"] = self._healthz
            self.probes[b"/readyz"] = self._readyz
            self.probes[b"/metrics"] = self._metrics
        self._reading: dict[bytes, Handler] = {
            b"/v1/models": self._models,
            b"/v1beta/models": self._models,
            b"/v1/usage": self._usage,
        }

    def has(self, path: bytes) -> bool:
        """Whether the path is one of these."""
        return path in self.probes or path in self._reading or _list_of(path) is not None

    def start(self, connection: ClientConnection, request: Request) -> None:
        """Answer a whole request whose path is one of these."""
        path = request.path
        handler = self.probes.get(path) or self._reading.get(path) or self._model
        handler(connection, request)

    def tell_count(self, connection: ClientConnection, key: KeyRecord, facts: RequestFacts) -> None:
        """Say how many tokens an input is estimated to have."""
        if facts.model not in self._names(key):
            raise _no_model()
        body = count_body(facts.dialect, facts.input_tokens)
        connection.respond(200, _ESTIMATED, body)

    def _names(self, key: KeyRecord) -> list[str]:
        fleet = self._state.fleet
        tenant = fleet.tenants.get(key.tenant)
        if tenant is None:
            return []
        bounds = [names for names in (tenant.routes, key.terms.routes) if names is not None]
        return sorted(name for name in fleet.routes if all(name in names for names in bounds))

    def _models(self, connection: ClientConnection, request: Request) -> None:
        dialect = dialect_of(request.path, request.headers)
        body = models_body(dialect, self._names(key_of(request)), self._state.started)
        connection.respond(200, JSON_HEADER, body)

    def _model(self, connection: ClientConnection, request: Request) -> None:
        name = unquote((_list_of(request.path) or b"").decode("ascii", "replace"))
        if name not in self._names(key_of(request)):
            raise _no_model()
        dialect = dialect_of(request.path, request.headers)
        connection.respond(200, JSON_HEADER, model_body(dialect, name, self._state.started))

    def _usage(self, connection: ClientConnection, request: Request) -> None:
        asked = parse_qs(request.query.decode("ascii", "replace"), keep_blank_values=True)
        tags = asked.get("tag", [])
        if (
            len(tags) > 1
            or any(not TAG.match(tag.encode()) for tag in tags)
            or set(asked) - {"tag"}
        ):
            raise Refusal(400, "invalid_query", "The only parameter is `tag`, once.", param="tag")

        def answer(body: bytes | None) -> None:
            if body is None:
                connection.refuse(Refusal(503, "ledger_unavailable", "The ledger cannot be read."))
            else:
                connection.respond(200, JSON_HEADER, body)

        tag = self._own or (tags[0] if tags else None)
        self._state.usage(key_of(request).id, tag, answer)

    # --- probes ----------------------------------------------------------------------------------

    def _healthz(self, connection: ClientConnection, request: Request) -> None:
        connection.respond(200, _TEXT, b"ok\n")

    def _readyz(self, connection: ClientConnection, request: Request) -> None:
        why = self._state.not_ready()
        if why is None:
            connection.respond(200, _TEXT, b"ready\n")
        else:
            connection.respond(503, _TEXT, f"{why}\n".encode())

    def _metrics(self, connection: ClientConnection, request: Request) -> None:
        if not self._state.open_metrics and not _is_near(connection.peer, request):
            raise Refusal(403, "forbidden", "Metrics are answered to this machine only.")

        def answer(page: bytes | None) -> None:
            if page is None:
                connection.refuse(Refusal(503, "restarting", "What counts is being restarted."))
            else:
                connection.respond(200, _METRICS, page)

        self._state.metrics(answer)


def key_of(request: Request) -> KeyRecord:
    """Whose request it is. `admit` has let it pass, so it has a key; if not, this fails closed."""
    if request.key is None:
        raise Refusal(401, "invalid_api_key", "Send a valid key.")
    return request.key


def _is_near(peer: object, request: Request) -> bool:
    """Whether a process of this machine asks, and means this machine: a browser that was led here
    by a name of somebody else's (DNS rebinding) says that name."""
    host = request.headers.get(b"host", b"localhost").decode("ascii", "replace")
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    try:
        near = isinstance(peer, tuple) and ip_address(peer[0]).is_loopback
        return near and (name == "localhost" or ip_address(name.strip("[]")) is not None)
    except ValueError:
        return False


def _list_of(path: bytes) -> bytes | None:
    """The model that a path below a list of them names."""
    for listing in _LISTS:
        if path.startswith(listing + b"/"):
            return path[len(listing) + 1 :]
    return None


def _no_model() -> Refusal:
    return Refusal(404, "model_not_found", "This key has no such model.", param="model")
