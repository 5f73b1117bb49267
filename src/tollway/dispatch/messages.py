"""The events that dispatch is told, and the actions that it asks for.

Rules
1. Every request ends in exactly one of: `Reject` with no `Reserve` before it, or one `Settle`.
2. An attempt that was sent ends in exactly one of `Finished`, `Failed` or `Cancelled`; `Abort` asks
   the gateway to end it and to report `Failed`.
3. Times are seconds of the monotonic clock that `handle` is given, unless a name says UTC.
"""

from typing import Literal

import msgspec

from tollway.fleet.objects import Dialect, KeyTerms, Operation, RequestClass
from tollway.fleet.tiers import Tier
from tollway.fleet.usage import Usage

FailureKind = Literal[
    "refused",  # connection refused, reset before an answer, or no route
    "dns",
    "tls",
    "connect_timeout",
    "status",  # an answer with an error status; `status` holds it
    "error_event",  # a 200 whose first event, or body, is an error
    "cut",  # the answer ended early, without its end marker
    "stall",  # no content for longer than the source's idle timeout
    "late",  # no first content event in time
    "too_long",  # longer than the source's total timeout
    "unpinned",  # not of the model that is locked, where the route enforces that
    "malformed",  # not SSE, not JSON, the wrong content type, an event over the cap
    "internal",
]

Outcome = Literal["completed", "failed", "cancelled", "refused", "abandoned"]
"""`abandoned` is written by the ledger alone, for a reservation that a crash left open."""


class Message(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """Base of events and actions: frozen, untracked by the cycle collector, tagged by class."""


# --- events ------------------------------------------------------------------------------------


class Arrived(Message, frozen=True, gc=False):
    """A parsed and authenticated request.

    `route` is the name the client asked for. `input_tokens` is an estimate; `max_output` is the
    client's own cap over all `choices` (`n`, or prompts) that it asked for. `prefix` is a 64-bit
    hash of tenant and prompt prefix, zero where no objective of the route asks for it. `draw` is 64
    random bits: all the randomness that dispatch may use for this request. `only` is the one pair,
    "source:model", that may serve it: an operator's question to that source, and nothing that a
    client can say. `spoken` are the dialects that the request can be put in: a source that speaks
    none of them is not asked. None is all of them. `allowed` are the sources, by name, that what
    the guard found in the request may go to; None is all of them. `trace` is the W3C trace that it
    belongs to, for logs: nothing is decided by it.
    """

    request: str
    key: str
    route: str
    operation: Operation
    stream: bool
    input_tokens: int
    max_output: int | None
    prefix: int
    draw: int
    request_class: RequestClass | None = None
    tier: Tier | None = None
    tag: str | None = None
    choices: int = 1
    only: str | None = None
    spoken: tuple[Dialect, ...] | None = None
    trace: str | None = None
    allowed: tuple[str, ...] | None = None


class Reserved(Message, frozen=True, gc=False):
    """The ledger has committed the reservation."""

    request: str


class ReserveFailed(Message, frozen=True, gc=False):
    """The ledger could not commit the reservation; nothing was written."""

    request: str
    why: str


class Content(Message, frozen=True, gc=False):
    """The first content event of an attempt is here (text, reasoning, a tool call, a body)."""

    request: str
    attempt: int


class Progressed(Message, frozen=True, gc=False):
    """Output tokens of a live stream so far, reported about once a second."""

    request: str
    attempt: int
    output_tokens: int


class Finished(Message, frozen=True, gc=False):
    """The attempt ended as it should, and the client has its answer."""

    request: str
    attempt: int
    usage: Usage


class Failed(Message, frozen=True, gc=False):
    """The attempt is over without a whole answer. `usage` is what it is believed to have cost;
    `retry_after` is seconds, from the upstream's header."""

    request: str
    attempt: int
    kind: FailureKind
    usage: Usage
    status: int | None = None
    retry_after: float | None = None
    detail: str = ""


class Cancelled(Message, frozen=True, gc=False):
    """The client left, whatever the request was doing; an attempt in flight has been ended."""

    request: str
    usage: Usage


class Woke(Message, frozen=True, gc=False):
    """A time asked for with `WakeAt` has come. Harmless when early, or for nothing."""


class KeysChanged(Message, frozen=True, gc=False):
    """The virtual keys that may be used, all of them."""

    keys: tuple[KeyTerms, ...]


class Drill(Message, frozen=True, gc=False):
    """Take this source away from a `share` (0 to 1) of the requests that arrive in the next
    `seconds`."""

    source: str
    share: float
    seconds: float


class DrillOver(Message, frozen=True, gc=False):
    """End the drill that is on, if one is."""


class Withdrawn(Message, frozen=True, gc=False):
    """Send no more requests to this source for this model, until it is `Restored`."""

    source: str
    model: str
    why: str


class Restored(Message, frozen=True, gc=False):
    """What was withdrawn may be asked again. Harmless where nothing was."""

    source: str
    model: str


class Drained(Message, frozen=True, gc=False):
    """Begin no attempt at this source any more, until it is `Undrained`; those in flight go on.
    Why, by whom and since when (UTC seconds) are for people: nothing is decided by them."""

    source: str
    why: str
    by: str
    since: float


class Undrained(Message, frozen=True, gc=False):
    """The source may be asked again. Harmless where it was not drained."""

    source: str


class ClockSet(Message, frozen=True, gc=False):
    """UTC is now `utc_offset` seconds ahead of the monotonic clock (at start, and after a step)."""

    utc_offset: float


Event = (
    Arrived
    | Reserved
    | ReserveFailed
    | Content
    | Progressed
    | Finished
    | Failed
    | Cancelled
    | Woke
    | KeysChanged
    | Drill
    | DrillOver
    | Withdrawn
    | Restored
    | Drained
    | Undrained
    | ClockSet
)


# --- actions -----------------------------------------------------------------------------------


class Reserve(Message, frozen=True, gc=False):
    """Commit this reservation, then say `Reserved` or `ReserveFailed`. `amount` is pico-dollars,
    `utc` is seconds since the epoch."""

    request: str
    key: str
    tenant: str
    route: str
    operation: Operation
    amount: int
    input_tokens: int
    output_tokens: int
    utc: float
    tag: str | None = None


Left = tuple[int, int, float]
"""A limit a minute, what is left of it, and seconds until it is whole again."""

Room = tuple[Left | None, Left | None]
"""What is left of the limits of a request's key, or its tenant, whichever is less: of requests and
of tokens."""


class Send(Message, frozen=True, gc=False):
    """Start an attempt. `substituted` says in words how what is served differs from what the route
    names, for the response header and the ledger; None where it does not. `room` is None where
    nothing is limited."""

    request: str
    attempt: int
    source: str
    model: str
    upstream_model: str
    tier: Tier
    substituted: str | None = None
    room: Room | None = None


class Reject(Message, frozen=True, gc=False):
    """Answer the client with an error; no content has gone out. `retry_after` is seconds."""

    request: str
    status: int
    code: str
    message: str
    retry_after: float | None = None
    room: Room | None = None


class Relay(Message, frozen=True, gc=False):
    """Pass the upstream's own error answer of this attempt on to the client: it is the client's
    fault, and every source would say the same."""

    request: str
    attempt: int


class EndWithError(Message, frozen=True, gc=False):
    """Content has gone out: end the stream with an error event in the client's dialect, without
    the end marker."""

    request: str
    code: str
    message: str


class Abort(Message, frozen=True, gc=False):
    """End this attempt at once and report `Failed` with this kind."""

    request: str
    attempt: int
    kind: FailureKind
    detail: str


class FailedAttempt(msgspec.Struct, frozen=True, gc=False):
    """An attempt that did not answer, as the ledger keeps it. `cost` is pico-dollars."""

    attempt: int
    source: str
    model: str
    kind: FailureKind
    status: int | None
    usage: Usage
    cost: int
    duration: float


class Settle(Message, frozen=True, gc=False):
    """Book the request's end, once. `cost` covers every attempt, in pico-dollars; `source` is the
    one that answered or was last tried, None where none was; `ttft` and `duration` are seconds
    from arrival; `drilled` is the source that a drill took away from it."""

    request: str
    outcome: Outcome
    code: str | None
    source: str | None
    model: str | None
    upstream_model: str | None
    tier: Tier
    usage: Usage
    cost: int
    attempts: int
    failed: tuple[FailedAttempt, ...]
    ttft: float | None
    duration: float
    utc: float
    substituted: str | None = None
    drilled: str | None = None


class WakeAt(Message, frozen=True, gc=False):
    """Say `Woke` at this time. Only the earliest outstanding one matters."""

    when: float


class BreakerMoved(Message, frozen=True, gc=False):
    """A breaker changed state; for logs, metrics and the console."""

    source: str
    model: str
    state: Literal["closed", "open", "half_open"]
    why: str


Action = Reserve | Send | Reject | Relay | EndWithError | Abort | Settle | WakeAt | BreakerMoved
