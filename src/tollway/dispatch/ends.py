"""How requests end, in status, code and words that say what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from tollway.dispatch.accounts import KeyAccount, Refusal
from tollway.dispatch.messages import Arrived, Failed, Outcome, Reject, Room, Settle
from tollway.dispatch.requests import Attempt, Ending, RequestState
from tollway.dispatch.routing import Plan, among, selling, speaking
from tollway.dispatch.sources import Pair
from tollway.fleet.objects import Fleet
from tollway.fleet.usage import Usage
from tollway.policy import breaker as rules

MOST_ATTEMPTS: Final = 8
"""A bound of last resort: a pair that only asked for rest may be tried again, but not for ever."""


WITHDRAWN_FOR: Final = 60.0
"""Seconds until one should ask again where only a person can bring a source back."""


@dataclass(frozen=True, slots=True)
class Turned:
    """Why a request cannot even wait."""

    status: int
    code: str
    message: str
    retry_after: float | None


def unknown_or_doubled(event: Arrived, account: KeyAccount | None) -> Reject:
    """The key is not one that may be used, or the request id is taken."""
    if account is None:
        return Reject(event.request, 401, "invalid_api_key", "This API key is not valid.")
    return Reject(event.request, 409, "duplicate_request", "This request id is running already.")


def plan_for(
    event: Arrived, account: KeyAccount, fleet: Fleet, plans: Mapping[str, Plan]
) -> Plan | Reject:
    """The plan for a new request, or its rejection where tenant or route are not good."""
    tenant = fleet.tenants.get(account.terms.tenant)
    if tenant is None:
        return Reject(
            event.request,
            403,
            "tenant_unknown",
            f'The key\'s tenant "{account.terms.tenant}" is not in the fleet file.',
        )
    plan = plans.get(event.route)
    allowed = account.terms.routes if account.terms.routes is not None else tenant.routes
    own = tenant.routes is None or event.route in tenant.routes
    if plan is None or not own or (allowed is not None and event.route not in allowed):
        # One answer for both, so that a key cannot ask which routes there are.
        return Reject(
            event.request,
            404,
            "model_not_found",
            f'The model "{event.route}" does not exist, or this key may not use it.',
        )
    return plan


def refused(request: str, refusal: Refusal, room: Room | None) -> Reject:
    """A limit or a budget has no room."""
    return Reject(request, refusal.status, refusal.code, refusal.message, refusal.retry_after, room)


def ledger_down(request: str) -> Reject:
    """The ledger could not write the reservation."""
    return Reject(
        request,
        503,
        "ledger_unavailable",
        "The ledger cannot take new requests now; nothing was sent or charged.",
        1.0,
    )


def budget_exhausted() -> Ending:
    """A running answer has used up what it may."""
    return Ending(
        402,
        "budget_exhausted",
        "The answer outgrew its reservation, and the budget with its overdraft has no room for "
        "more of it.",
    )


def retry_budget(ended: Ending) -> Ending:
    """The fleet cannot afford another attempt."""
    return Ending(
        503,
        "retry_budget",
        f"{ended.message} It was not tried elsewhere: too many requests are being retried.",
    )


def nothing_fits(request: RequestState) -> Reject:
    """No source of the route can take the request at all."""
    plan = request.plan
    pairs = plan.candidates + plan.fallbacks
    only = request.arrived.only
    if only is not None and all(f"{pair.source.name}:{pair.model}" != only for pair in pairs):
        return Reject(
            request.id,
            400,
            "no_such_source",
            f'Route "{plan.route.alias}" has no source "{only}" that meets what it requires.',
        )
    if not pairs:
        return Reject(
            request.id,
            503,
            "no_source",
            f'No source meets what route "{plan.route.alias}" requires.',
        )
    allowed = request.arrived.allowed
    if allowed is not None and not among(pairs, allowed):
        return Reject(
            request.id,
            403,
            "guard_blocked",
            f'What was found in the request may go to no source of route "{plan.route.alias}".',
        )
    spoken = request.arrived.spoken
    if spoken is not None and not speaking(pairs, spoken):
        return Reject(
            request.id,
            400,
            "dialect_not_carried",
            f'No source of route "{plan.route.alias}" can be asked this in its own dialect '
            f"(this request can be put in: {', '.join(spoken)}).",
        )
    if request.arrived.tier is not None and not selling(pairs, request.arrived.tier):
        return Reject(
            request.id,
            400,
            "service_tier_not_offered",
            f'No source of route "{plan.route.alias}" states a price for the service tier '
            f'"{request.arrived.tier}".',
        )
    most = max(pair.serving.context or 0 for pair in pairs)
    return Reject(
        request.id,
        400,
        "context_length_exceeded",
        f"The request has about {request.input_tokens} input tokens; the longest context of route "
        f'"{plan.route.alias}" is {most}.',
    )


def no_source(request: RequestState, untried: tuple[Pair, ...], now: float) -> Turned:
    """Every source that is left is drained, or rests or is broken for too long to wait."""
    back = min((_back_at(pair, now) for pair in untried), default=now) - now
    if back == inf:
        back = WITHDRAWN_FOR
    names = ", ".join(f"{pair.source.name} ({_why_not(pair, now)})" for pair in untried) or "none"
    only_rest = untried and all(
        now < pair.rest_until and pair.source.drained is None for pair in untried
    )
    return Turned(
        429 if only_rest else 503,
        "sources_resting" if only_rest else "no_healthy_source",
        f'No source of route "{request.plan.route.alias}" can be asked now: {names}.',
        max(back, 1.0),
    )


def _back_at(pair: Pair, now: float) -> float:
    if pair.source.drained is not None:
        return inf
    state = pair.breaker.state
    until = pair.breaker.until if state == rules.OPEN else now + 1.0
    return max(until, pair.rest_until)


def _why_not(pair: Pair, now: float) -> str:
    if pair.source.drained is not None:
        return "drained by an operator"
    if now < pair.rest_until:
        return "asked for a rest"
    return f"breaker {rules.STATE_NAMES[pair.breaker.state]}".replace("_", " ")


def queue_full(length: int) -> Turned:
    """Too many wait already."""
    return Turned(429, "queue_full", f"{length} requests of this class wait already.", 1.0)


def waited_too_long(request: RequestState, now: float) -> Turned:
    """No slot became free in the class's waiting time."""
    waited = now - request.arrived_at
    return Turned(
        429,
        "queue_timeout",
        f"No source had a free slot within {waited:.1f} s.",
        1.0,
    )


def deadline(request: RequestState) -> Ending:
    """The route's deadline passed without content."""
    route = request.plan.route
    return Ending(
        504,
        "deadline_exceeded",
        f'No answer began within the {route.deadline:g} s that route "{route.alias}" allows.',
    )


def ending_of(event: Failed, attempt: Attempt) -> Ending:
    """What a client is told when this failure is the last one."""
    source = attempt.pair.source.name
    if event.status == 429:
        return Ending(429, "upstream_rate_limited", f'Source "{source}" asked for fewer requests.')
    if event.kind == "internal":
        why = event.detail or "a fault of its own"
        return Ending(502, "gateway_failed", f"The gateway could not go on with this: {why}.")
    status = 504 if event.kind in ("late", "stall", "too_long", "connect_timeout") else 502
    words = {
        "refused": "could not be reached",
        "dns": "has a name that does not resolve",
        "tls": "could not be reached securely",
        "connect_timeout": "did not accept a connection in time",
        "status": f"answered with status {event.status}",
        "error_event": "answered with an error",
        "cut": "ended its answer early",
        "stall": "stopped in the middle of its answer",
        "late": "began no answer in time",
        "too_long": "took too long for its answer",
        "unpinned": "answered as a model that is not locked",
        "malformed": "sent an answer that cannot be understood",
    }[event.kind]
    return Ending(status, f"upstream_{event.kind}", f'Source "{source}" {words}.')


def settlement(  # noqa: PLR0913 - the parts of one record
    request: RequestState,
    attempt: Attempt | None,
    outcome: Outcome,
    code: str | None,
    usage: Usage,
    now: float,
    utc: float,
) -> Settle:
    """The ledger's record of a request's end."""
    pair = None if attempt is None else attempt.pair
    content = None if attempt is None else attempt.content_at
    return Settle(
        request.id,
        outcome,
        code,
        None if pair is None else pair.source.name,
        None if pair is None else pair.model,
        None if pair is None else pair.serving.upstream_model,
        request.tier,
        usage,
        request.cost,
        request.attempts,
        tuple(request.failed),
        None if content is None else content - request.arrived_at,
        now - request.arrived_at,
        utc,
        None if attempt is None else attempt.substituted,
        request.drilled,
    )
