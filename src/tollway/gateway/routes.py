"""Which path is answered by what, and for whom.

Rules
1. Every path except the probes and `/metrics` needs a key; without one the answer is the same 401
   whatever is wrong with it, and the body of the request is not read.
2. A key sees the routes that it may use, and its own usage, and nothing else.
3. `/metrics` names sources, so it answers loopback peers only, unless it is opened up.
"""

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from random import getrandbits
from typing import Final, Protocol
from urllib.parse import parse_qs, unquote

from tollway.dialects.registry import FORMS
from tollway.dispatch.messages import Arrived
from tollway.fleet.objects import Fleet
from tollway.gateway.auth import presented_key
from tollway.gateway.body import BadRequest
from tollway.gateway.client import ClientConnection
from tollway.gateway.exchange import Exchange
from tollway.gateway.facts import RequestFacts
from tollway.gateway.http import JSON_HEADER, Refusal, Request
from tollway.gateway.listing import count_body, model_body, models_body
from tollway.gateway.native import NATIVE, read_gemini
from tollway.gateway.openai import error_body, read_request
from tollway.gateway.surfaces import Surface, dialect_of, surface_of
from tollway.gateway.switchboard import Switchboard
from tollway.gateway.tracing.context import trace_of
from tollway.gateway.wish import ACCEPT, TAG, Wish
from tollway.gateway.wording import Asked, Spoken, prepare, spoken_by_route
from tollway.ledger.keys import KeyRecord
from tollway.ledger.ring import Claim, claim_of

_TEXT: Final = b"content-type: text/plain; charset=utf-8\r\n"
_METRICS: Final = b"content-type: text/plain; version=0.0.4; charset=utf-8\r\n"
_LISTS: Final = (b"/v1/models", b"/v1beta/models")
_LAST_DIGITS: Final = tuple(f"{number:02x}" for number in range(256))
_ESTIMATED: Final = JSON_HEADER + b"x-tollway-estimated: input_tokens\r\n"


class State(Protocol):
    """What the routes need to know of the gateway."""

    board: Switchboard
    fleet: Fleet
    started: int
    open_metrics: bool

    def find_key(self, claim: Claim) -> KeyRecord | None: ...
    def stopping(self) -> bool: ...
    def not_ready(self) -> str | None: ...
    def metrics(self, done: Callable[[bytes | None], None]) -> None: ...
    def refused(self, code: str) -> None: ...
    def usage(self, key: str, tag: str | None, done: Callable[[bytes | None], None]) -> None: ...


Handler = Callable[[ClientConnection, Request], None]


class Routes:
    """The gateway's paths. `boot` makes request ids of this process differ from any other's;
    `pins` says that an asker may name the source: an operator's may, a client's never."""

    def __init__(self, state: State, boot: str, *, pins: bool = False) -> None:
        self._state = state
        self._pins = pins
        self._boot = boot
        self._count = 0
        self._first_digits = ""
        self._affine: frozenset[str] = frozenset()
        self._spoken: Mapping[str, Spoken] = {}
        self._read_from: Fleet | None = None
        self._probes: dict[bytes, Handler] = {
            b"/healthz": self._healthz,
            b"/readyz": self._readyz,
            b"/metrics": self._metrics,
        }
        self._reading: dict[bytes, Handler] = {
            b"/v1/models": self._models,
            b"/v1beta/models": self._models,
            b"/v1/usage": self._usage,
        }

    # --- for the client's side -------------------------------------------------------------------

    def admit(self, request: Request) -> None:
        """Judge a head: the path, the method, the key."""
        path, method = request.path, request.method
        surface = surface_of(path)
        if surface is not None:
            allowed: tuple[bytes, ...] = (b"POST",)
        elif path in self._probes or path in self._reading or _list_of(path) is not None:
            allowed = (b"GET", b"HEAD")
        else:
            raise Refusal(404, "not_found", "There is no such path here.")
        if method not in allowed and method != b"OPTIONS":
            lines = b"allow: " + b", ".join(allowed) + b"\r\n"
            raise Refusal(405, "method_not_allowed", "This path has other methods.", lines)
        if path in self._probes:
            return
        if method == b"OPTIONS":
            return
        headers = request.headers
        presented = presented_key(
            headers.get(b"authorization"),
            headers.get(b"x-api-key"),
            headers.get(b"x-goog-api-key"),
        )
        claim = None if presented is None else claim_of(presented)
        self._identify(request, claim)
        if surface is not None and claim is not None:
            if surface.stream and b"alt=sse" not in request.query.split(b"&"):
                message = "Ask for server-sent events: add `?alt=sse` to the path."
                raise Refusal(400, "invalid_query", message, param="alt")
            request.wish = Wish(surface, claim, headers)

    def readmit(self, request: Request, first: Request) -> None:
        """Judge a head that was admitted once: by now its key may be revoked, or expired."""
        wish = first.wish
        if isinstance(wish, Wish):
            self._identify(request, wish.claim)
        else:
            self.admit(request)

    def _identify(self, request: Request, claim: Claim | None) -> None:
        request.key = None if claim is None else self._state.find_key(claim)
        if request.key is None:
            raise Refusal(
                401,
                "invalid_api_key",
                "Send a valid key as `authorization: Bearer tw_...`, `x-api-key` or "
                "`x-goog-api-key`.",
                b"www-authenticate: Bearer\r\n",
            )

    def start(self, connection: ClientConnection, request: Request) -> None:
        """Answer a whole request."""
        wish = request.wish
        if isinstance(wish, Wish):
            self._ask(connection, request, wish)
            return
        path = request.path
        if request.method == b"OPTIONS":
            allow = b"POST" if surface_of(path) is not None else b"GET, HEAD"
            connection.respond(204, b"allow: " + allow + b"\r\n", b"")
            return
        if path in self._probes:
            self._probes[path](connection, request)
        elif path in self._reading:
            self._reading[path](connection, request)
        else:
            self._model(connection, request)

    def error_body(self, refusal: Refusal, request: Request | None) -> bytes:
        self._state.refused(refusal.code)
        dialect = "openai" if request is None else dialect_of(request.path, request.headers)
        write = error_body if dialect == "openai" else FORMS[dialect].write_error
        return write(refusal.status, refusal.code, refusal.message, refusal.param)

    # --- asking a model --------------------------------------------------------------------------

    def _ask(self, connection: ClientConnection, request: Request, wish: Wish) -> None:
        state, key = self._state, _key_of(request)
        board, fleet = state.board, state.fleet
        if state.stopping():
            raise Refusal(
                503, "stopping", "The gateway is stopping; try again.", b"retry-after: 1\r\n"
            )
        if len(board.live) >= fleet.gateway.max_streams:
            raise Refusal(503, "too_many_streams", "Try again soon.", b"retry-after: 1\r\n")
        if fleet is not self._read_from:
            self._read(fleet)
        body = request.take_body()
        try:
            facts = self._facts(wish.surface, body, key.tenant)
            if wish.surface.counts:
                self._tell_count(connection, key, facts)
                return
            lines = wish.lines if board.tracer is None else ACCEPT
            asked = Asked(facts, body, lines[facts.stream], wish.own)
            spoken = self._spoken.get(facts.model)
            if spoken is not None:
                prepare(asked, spoken, fleet.routes[facts.model].losses)
        except BadRequest as fault:
            raise Refusal(fault.status, fault.code, fault.message, param=fault.param) from None
        request_id = self._new_id()
        exchange = Exchange(board, connection, request_id, asked)
        if board.tracer is None:
            trace = trace_of(request.headers) if b"traceparent" in request.headers else None
        else:
            exchange.trace = board.tracer.begin(request_id, request, facts, wish.tag)
            trace = exchange.trace.record.trace
        board.arrive(
            exchange,
            Arrived(
                request_id,
                key.id,
                facts.model,
                facts.operation,
                facts.stream,
                facts.input_tokens,
                facts.max_output,
                facts.prefix,
                getrandbits(64),
                wish.request_class,
                facts.tier,
                wish.tag,
                facts.choices,
                wish.only if self._pins else None,
                asked.spoken,
                trace,
            ),
        )

    def _new_id(self) -> str:
        """The boot, and a number in eight digits: all but the last two are the same 256 times."""
        self._count += 1
        last = self._count & 0xFF
        if not (last and self._first_digits):
            self._first_digits = f"{self._boot}-{self._count >> 8:06x}"
        return self._first_digits + _LAST_DIGITS[last]

    def _facts(self, surface: Surface, body: bytes, tenant: str) -> RequestFacts:
        dialect = surface.dialect
        if dialect == "openai":
            return read_request(surface.operation, body, tenant, self._affine)
        if dialect == "gemini":
            return read_gemini(body, tenant, self._affine, surface.model, surface.stream)
        return NATIVE[dialect](body, tenant, self._affine)

    def _tell_count(
        self, connection: ClientConnection, key: KeyRecord, facts: RequestFacts
    ) -> None:
        if facts.model not in self._names(key):
            raise _no_model()
        body = count_body(facts.dialect, facts.input_tokens)
        connection.respond(200, _ESTIMATED, body)

    def _read(self, fleet: Fleet) -> None:
        """Find out what of a fleet matters here: by which routes a prompt's prefix does (hashing
        it costs, so others go without), and where not every source speaks Chat Completions."""
        self._read_from = fleet
        self._affine = frozenset(
            name
            for name, route in fleet.routes.items()
            if any(objective.name == "prefix-affinity" for objective in route.objectives)
        )
        self._spoken = spoken_by_route(fleet)

    # --- what a key may read ---------------------------------------------------------------------

    def _names(self, key: KeyRecord) -> list[str]:
        fleet = self._state.fleet
        tenant = fleet.tenants.get(key.tenant)
        if tenant is None:
            return []
        bounds = [names for names in (tenant.routes, key.terms.routes) if names is not None]
        return sorted(name for name in fleet.routes if all(name in names for names in bounds))

    def _models(self, connection: ClientConnection, request: Request) -> None:
        dialect = dialect_of(request.path, request.headers)
        body = models_body(dialect, self._names(_key_of(request)), self._state.started)
        connection.respond(200, JSON_HEADER, body)

    def _model(self, connection: ClientConnection, request: Request) -> None:
        name = unquote((_list_of(request.path) or b"").decode("ascii", "replace"))
        if name not in self._names(_key_of(request)):
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

        self._state.usage(_key_of(request).id, tags[0] if tags else None, answer)

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


def _key_of(request: Request) -> KeyRecord:
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
