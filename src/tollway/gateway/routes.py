"""Which path is answered by what, and for whom.

Rules
1. Every path except the probes and `/metrics` needs a key; without one the answer is the same 401
   whatever is wrong with it, and the body of the request is not read.
2. What a request holds is inspected, where the fleet says so, before it is decided where it goes.
3. Over a task's door every request is that task's, with its key, whatever its head says; the key is
   looked up each time all the same.
"""

from collections.abc import Mapping
from random import getrandbits
from typing import Final, Protocol

from tollway.dialects.registry import FORMS
from tollway.dispatch.messages import Arrived
from tollway.fleet.guarding import GuardSettings
from tollway.fleet.objects import Fleet
from tollway.gateway.asking import Asking
from tollway.gateway.auth import presented_key
from tollway.gateway.body import BadRequest
from tollway.gateway.client import ClientConnection
from tollway.gateway.exchange import Exchange
from tollway.gateway.facts import RequestFacts
from tollway.gateway.guarded.clearing import (
    ALL,
    BLOCKED,
    NOWHERE,
    Cleared,
    Labels,
    Sent,
    places_by_route,
)
from tollway.gateway.guarded.inspector import Inspector
from tollway.gateway.guarded.request import Guarded, inspected_of
from tollway.gateway.http import Refusal, Request
from tollway.gateway.lookups import Known, Lookups, key_of
from tollway.gateway.native import NATIVE, read_gemini
from tollway.gateway.openai import error_body, read_request
from tollway.gateway.surfaces import Surface, dialect_of, surface_of
from tollway.gateway.switchboard import Switchboard
from tollway.gateway.tracing.context import trace_of
from tollway.gateway.wish import ACCEPT, Asker, Wish
from tollway.gateway.wording import Asked, Spoken, prepare, spoken_by_route
from tollway.ledger.keys import KeyRecord
from tollway.ledger.ring import Claim, claim_of

_LAST_DIGITS: Final = tuple(f"{number:02x}" for number in range(256))


class State(Known, Protocol):
    """What the routes need to know of the gateway."""

    board: Switchboard
    inspector: Inspector | None

    def find_key(self, claim: Claim) -> KeyRecord | None: ...
    def stopping(self) -> bool: ...
    def refused(self, code: str) -> None: ...
    def failed(self, error: BaseException) -> None: ...


class Routes:
    """The gateway's paths. `boot` makes request ids of this process differ from any other's;
    `pins` says that an asker may name the source: an operator's may, a client's never; `asker` is
    whose door it is (rule 3)."""

    def __init__(
        self, state: State, boot: str, *, pins: bool = False, asker: Asker | None = None
    ) -> None:
        self._state = state
        self._pins = pins
        self._asker = asker
        self._boot = boot
        self._count = 0
        self._first_digits = ""
        self._affine: frozenset[str] = frozenset()
        self._spoken: Mapping[str, Spoken] = {}
        self._places: Mapping[str, tuple[tuple[str, Labels], ...]] = {}
        self._read_from: Fleet | None = None
        self._lookups = Lookups(state, None if asker is None else asker.task)

    # --- for the client's side -------------------------------------------------------------------

    def admit(self, request: Request) -> None:
        """Judge a head: the path, the method, the key."""
        path, method = request.path, request.method
        surface = surface_of(path)
        if surface is not None:
            allowed: tuple[bytes, ...] = (b"POST",)
        elif self._lookups.has(path):
            allowed = (b"GET", b"HEAD")
        else:
            raise Refusal(404, "not_found", "There is no such path here.")
        if method not in allowed and method != b"OPTIONS":
            lines = b"allow: " + b", ".join(allowed) + b"\r\n"
            raise Refusal(405, "method_not_allowed", "This path has other methods.", lines)
        if path in self._lookups.probes:
            return
        if method == b"OPTIONS":
            return
        headers, asker = request.headers, self._asker
        claim: Claim | None
        if asker is None:
            presented = presented_key(
                headers.get(b"authorization"),
                headers.get(b"x-api-key"),
                headers.get(b"x-goog-api-key"),
            )
            claim = None if presented is None else claim_of(presented)
        else:
            claim = asker.claim
        self._identify(request, claim)
        if surface is not None and claim is not None:
            if surface.stream and b"alt=sse" not in request.query.split(b"&"):
                message = "Ask for server-sent events: add `?alt=sse` to the path."
                raise Refusal(400, "invalid_query", message, param="alt")
            task = None if asker is None else asker.task
            request.wish = Wish(surface, claim, headers, task)

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
        self._lookups.start(connection, request)

    def error_body(self, refusal: Refusal, request: Request | None) -> bytes:
        self._state.refused(refusal.code)
        dialect = "openai" if request is None else dialect_of(request.path, request.headers)
        write = error_body if dialect == "openai" else FORMS[dialect].write_error
        return write(refusal.status, refusal.code, refusal.message, refusal.param)

    # --- asking a model --------------------------------------------------------------------------

    def _ask(self, connection: ClientConnection, request: Request, wish: Wish) -> None:
        state, key = self._state, key_of(request)
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
            if wish.surface.counts:
                self._lookups.tell_count(
                    connection, key, self._facts(wish.surface, body, key.tenant)
                )
                return
            asked = self._asked(wish, body, key)
        except BadRequest as fault:
            raise Refusal(fault.status, fault.code, fault.message, param=fault.param) from None
        asking = Asking(connection, request, wish, key, self._new_id(), asked)
        if fleet.guard is None:
            self._arrive(asking, None, None)
        else:
            self._inspect(asking, fleet.guard)

    def _asked(self, wish: Wish, body: bytes, key: KeyRecord) -> Asked:
        """What is asked, in the dialects that the route's sources need.

        Raises:
            BadRequest: the body asks nothing, or nothing that a source of the route could be asked.
        """
        facts = self._facts(wish.surface, body, key.tenant)
        lines = wish.lines if self._state.board.tracer is None else ACCEPT
        asked = Asked(facts, body, lines[facts.stream], wish.own)
        spoken = self._spoken.get(facts.model)
        if spoken is not None:
            prepare(asked, spoken, self._state.fleet.routes[facts.model].losses)
        return asked

    def _inspect(self, asking: Asking, settings: GuardSettings) -> None:
        """Have the guard look at a request before anybody else does."""
        inspector = self._state.inspector
        if inspector is None:
            raise Refusal(503, "guard_unavailable", "The guard's rules cannot be followed now.")
        facts, key = asking.asked.facts, asking.key
        if "out" not in settings.directions:
            self._cleared(asking, inspector, ALL)
            return
        places = self._places.get(facts.model)
        if places is None:  # the name may be anything; dispatch refuses it
            self._cleared(asking, inspector, NOWHERE)
            return
        wish = asking.wish
        sent = Sent(
            asking.id, key.tenant, key.id, facts.model, asking.asked.body, places, wish.told(),
            wish.task,
        )  # fmt: skip
        asking.wait()
        inspector.look(sent, lambda outcome: self._looked(asking, inspector, outcome))

    def _looked(self, asking: Asking, inspector: Inspector, outcome: Cleared | Refusal) -> None:
        if asking.gone:
            return
        asking.connection.listener = None
        try:
            if isinstance(outcome, Refusal):
                raise outcome
            self._cleared(asking, inspector, outcome)
        except Refusal as refusal:
            asking.connection.refuse(refusal)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end in silence
            self._state.failed(error)
            asking.connection.refuse(Refusal(500, "internal_error", "The gateway failed."))

    def _cleared(self, asking: Asking, inspector: Inspector, cleared: Cleared) -> None:
        """Ask for what the guard lets out."""
        variants: dict[Labels, Asked] | None = None
        try:
            if cleared.bodies is not None:
                came = asking.asked
                variants = {
                    labels: came
                    if body is came.body
                    else self._asked(asking.wish, body, asking.key)
                    for labels, body in cleared.bodies.items()
                }
        except BadRequest:
            words = "What may not leave cannot be taken out of this request. Send it without."
            raise Refusal(403, BLOCKED, words) from None
        inspected = inspected_of(inspector, asking, cleared.tokens)
        self._arrive(asking, Guarded(asking.asked, variants, inspected), cleared.sources)

    def _arrive(
        self, asking: Asking, guarded: Guarded | None, allowed: tuple[str, ...] | None
    ) -> None:
        board, wish, asked = self._state.board, asking.wish, asking.asked
        facts = asked.facts
        exchange = Exchange(board, asking.connection, asking.id, asked)
        exchange.guarded = guarded
        if asking.paused:
            exchange.client_paused()
        headers = asking.request.headers
        if board.tracer is None:
            trace = trace_of(headers) if b"traceparent" in headers else None
        else:
            exchange.trace = board.tracer.begin(asking.id, asking.request, facts, wish.tag)
            trace = exchange.trace.record.trace
        board.arrive(
            exchange,
            Arrived(
                asking.id,
                asking.key.id,
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
                allowed,
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
        self._places = places_by_route(fleet)
