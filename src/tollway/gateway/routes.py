"""Which path is answered by what, and for whom.

Rules
1. Every path except the probes and `/metrics` needs a key; without one the answer is the same 401
   whatever is wrong with it, and the body of the request is not read.
2. A key sees the routes that it may use, and its own usage, and nothing else.
3. `/metrics` names sources, so it answers loopback peers only, unless it is opened up.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from random import getrandbits
from typing import Final, Protocol, TypeVar
from urllib.parse import parse_qs, unquote

import msgspec

from tollway.dispatch.messages import Arrived
from tollway.fleet.objects import Fleet, Operation, RequestClass
from tollway.gateway.auth import presented_key
from tollway.gateway.client import ClientConnection
from tollway.gateway.exchange import Exchange
from tollway.gateway.http import JSON_HEADER, Refusal, Request, header_line
from tollway.gateway.openai import BadRequest, error_body, models_body, read_request
from tollway.gateway.switchboard import Switchboard
from tollway.gateway.telemetry.context import trace_of
from tollway.ledger.keys import KeyRecord
from tollway.ledger.ring import Claim, claim_of

OPERATIONS: Mapping[bytes, Operation] = {
    b"/v1/chat/completions": "chat",
    b"/v1/completions": "completion",
    b"/v1/embeddings": "embedding",
}
T = TypeVar("T")

_TEXT: Final = b"content-type: text/plain; charset=utf-8\r\n"
_METRICS: Final = b"content-type: text/plain; version=0.0.4; charset=utf-8\r\n"
_ACCEPT_JSON: Final = b"accept: application/json\r\n"
_ACCEPT_EVENTS: Final = b"accept: text/event-stream\r\n"
_TAG: Final = re.compile(rb"[A-Za-z0-9_.:-]{1,64}\Z")
_CLASSES: Mapping[bytes, RequestClass] = {b"interactive": "interactive", b"batch": "batch"}


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


class Wish:
    """What the head of a request for a model says. `claim` is made by its key; `lines` are header
    lines for the source, of an answer in one body and of a stream; `only` is the source that an
    operator asks."""

    __slots__ = ("claim", "lines", "only", "operation", "request_class", "tag")
    operation: Operation
    request_class: RequestClass | None

    def __init__(self, operation: Operation, claim: Claim, headers: Mapping[bytes, bytes]) -> None:
        """Raises Refusal where a header says what it may not."""
        tag = headers.get(b"x-tollway-tag")
        if tag is not None and not _TAG.match(tag):
            raise _bad_header("x-tollway-tag", "1 to 64 of A-Z a-z 0-9 _ . : -")
        self.operation = operation
        self.claim = claim
        self.tag = None if tag is None else tag.decode()
        self.request_class = _choice(headers, b"x-tollway-class", _CLASSES)
        only = headers.get(b"x-tollway-only")
        self.only = None if only is None else only.decode("utf-8", "replace")
        traced = b""
        if b"traceparent" in headers:
            traced = header_line(b"traceparent", headers[b"traceparent"])
            if b"tracestate" in headers:
                traced += header_line(b"tracestate", headers[b"tracestate"])
        self.lines = (_ACCEPT_JSON + traced, _ACCEPT_EVENTS + traced)


class Routes:
    """The gateway's paths. `boot` makes request ids of this process differ from any other's;
    `pins` says that an asker may name the source: an operator's may, a client's never."""

    def __init__(self, state: State, boot: str, *, pins: bool = False) -> None:
        self._state = state
        self._pins = pins
        self._boot = boot
        self._count = 0
        self._affine: frozenset[str] = frozenset()
        self._affine_in: Fleet | None = None
        self._probes: dict[bytes, Handler] = {
            b"/healthz": self._healthz,
            b"/readyz": self._readyz,
            b"/metrics": self._metrics,
        }
        self._reading: dict[bytes, Handler] = {
            b"/v1/models": self._models,
            b"/v1/usage": self._usage,
        }

    # --- for the client's side -------------------------------------------------------------------

    def admit(self, request: Request) -> None:
        """Judge a head: the path, the method, the key."""
        path, method = request.path, request.method
        if path in OPERATIONS:
            allowed: tuple[bytes, ...] = (b"POST",)
        elif path in self._probes or path in self._reading or path.startswith(b"/v1/models/"):
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
        presented = presented_key(headers.get(b"authorization"), headers.get(b"x-api-key"))
        claim = None if presented is None else claim_of(presented)
        self._identify(request, claim)
        operation = OPERATIONS.get(path)
        if operation is not None and claim is not None:
            request.wish = Wish(operation, claim, headers)

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
                "Send a valid key as `authorization: Bearer tw_...`.",
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
            allow = b"POST" if path in OPERATIONS else b"GET, HEAD"
            connection.respond(204, b"allow: " + allow + b"\r\n", b"")
            return
        if path in self._probes:
            self._probes[path](connection, request)
        elif path in self._reading:
            self._reading[path](connection, request)
        else:
            self._model(connection, request)

    def error_body(self, refusal: Refusal) -> bytes:
        self._state.refused(refusal.code)
        return error_body(refusal.status, refusal.code, refusal.message, refusal.param)

    # --- asking a model --------------------------------------------------------------------------

    def _ask(self, connection: ClientConnection, request: Request, wish: Wish) -> None:
        state, key = self._state, _key_of(request)
        board = state.board
        if state.stopping():
            raise Refusal(
                503, "stopping", "The gateway is stopping; try again.", b"retry-after: 1\r\n"
            )
        if len(board.live) >= state.fleet.gateway.max_streams:
            raise Refusal(503, "too_many_streams", "Try again soon.", b"retry-after: 1\r\n")
        body = request.take_body()
        operation = wish.operation
        try:
            facts = read_request(operation, body, key.tenant, self._affine_routes())
        except BadRequest as fault:
            raise Refusal(fault.status, fault.code, fault.message, param=fault.param) from None
        self._count += 1
        request_id = f"{self._boot}-{self._count:08x}"
        lines = wish.lines[facts.stream]
        trace = None
        if board.tracer is not None:
            trace = board.tracer.begin(request_id, request, facts, wish.tag)
            lines = _ACCEPT_EVENTS if facts.stream else _ACCEPT_JSON
        exchange = Exchange(board, connection, request_id, facts, body, lines)
        exchange.trace = trace
        board.arrive(
            exchange,
            Arrived(
                request_id,
                key.id,
                facts.model,
                operation,
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
                trace_of(request.headers) if trace is None else trace.record.trace,
            ),
        )

    def _affine_routes(self) -> frozenset[str]:
        """Names of routes by which a prompt's prefix matters: hashing it costs, so others go
        without."""
        fleet = self._state.fleet
        if fleet is not self._affine_in:
            self._affine_in = fleet
            self._affine = frozenset(
                name
                for name, route in fleet.routes.items()
                if any(objective.name == "prefix-affinity" for objective in route.objectives)
            )
        return self._affine

    # --- what a key may read ---------------------------------------------------------------------

    def _names(self, key: KeyRecord) -> list[str]:
        fleet = self._state.fleet
        tenant = fleet.tenants.get(key.tenant)
        if tenant is None:
            return []
        bounds = [names for names in (tenant.routes, key.terms.routes) if names is not None]
        return sorted(name for name in fleet.routes if all(name in names for names in bounds))

    def _models(self, connection: ClientConnection, request: Request) -> None:
        body = models_body(self._names(_key_of(request)), self._state.started)
        connection.respond(200, JSON_HEADER, body)

    def _model(self, connection: ClientConnection, request: Request) -> None:
        name = unquote(request.path.removeprefix(b"/v1/models/").decode("ascii", "replace"))
        if name not in self._names(_key_of(request)):
            raise Refusal(404, "model_not_found", "This key has no such model.", param="model")
        connection.respond(200, JSON_HEADER, _one_model(name, self._state.started))

    def _usage(self, connection: ClientConnection, request: Request) -> None:
        asked = parse_qs(request.query.decode("ascii", "replace"), keep_blank_values=True)
        tags = asked.get("tag", [])
        if (
            len(tags) > 1
            or any(not _TAG.match(tag.encode()) for tag in tags)
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


def _choice(headers: Mapping[bytes, bytes], name: bytes, known: Mapping[bytes, T]) -> T | None:
    value = headers.get(name)
    if value is None:
        return None
    found = known.get(value.strip().lower())
    if found is None:
        raise _bad_header(name.decode(), b", ".join(known).decode())
    return found


def _bad_header(name: str, known: str) -> Refusal:
    return Refusal(400, "invalid_header", f"{name} must be one of: {known}.", param=name)


def _one_model(name: str, created: int) -> bytes:
    """One entry of the list, as OpenAI answers for a single model."""
    whole = msgspec.json.decode(models_body([name], created))
    return msgspec.json.encode(whole["data"][0])
