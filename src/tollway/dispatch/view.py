"""What an operator sees of dispatch while it works, as plain values.

Rules
1. Looking changes nothing: what is shown is worked out when somebody asks, and costs nobody else.
2. Times are UTC seconds, lengths of time are seconds, money is pico-dollars.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Final

from tollway.dispatch.accounts import Accounts
from tollway.dispatch.drilling import Drilling
from tollway.dispatch.lately import Lately
from tollway.dispatch.messages import FailedAttempt
from tollway.dispatch.placing import Placing
from tollway.dispatch.requests import ANSWERING, SENT, Attempt, RequestState
from tollway.dispatch.sources import Pair, SourceState
from tollway.policy import breaker as rules

LISTED: Final = 200
"""Requests that are named; the rest are counted."""

PHASES: Final = ("queued", "sent", "streaming")
_PHASES: Final = {SENT: "sent", ANSWERING: "streaming"}

Shown = dict[str, object]

Flow = tuple[str, str | None]
"""A route and a source; None where no source has been tried."""


class Seen:
    """What is looked at."""

    __slots__ = ("accounts", "drilling", "lately", "placing", "requests")

    def __init__(
        self,
        requests: dict[str, RequestState],
        placing: Placing,
        accounts: Accounts,
        drilling: Drilling,
        lately: Lately,
    ) -> None:
        self.requests = requests
        self.placing = placing
        self.accounts = accounts
        self.drilling = drilling
        self.lately = lately


def snapshot(seen: Seen, now: float) -> Shown:
    """Sources, pairs, queues and accounts."""
    return {
        "requests": len(seen.requests),
        "waiting": _waiting(seen),
        "sources": {
            name: _source(source, seen, now)
            for name, source in seen.placing.sources.by_name.items()
        },
        "accounts": seen.accounts.describe(now),
        "drill": seen.drilling.describe(now),
    }


def live(seen: Seen, after: int, now: float) -> Shown:
    """What goes on now, and what has ended since the request of number `after`."""
    flowing, phases = _moving(seen)
    sources: Shown = {}
    for name, state in seen.placing.sources.by_name.items():
        one = _source(state, seen, now)
        one["flowing"] = flowing.get(name, 0)
        sources[name] = one
    newest = list(islice(reversed(seen.requests.values()), LISTED))
    return {
        "live": len(seen.requests),
        "waiting": _waiting(seen),
        "drill": seen.drilling.describe(now),
        "sources": sources,
        "requests": [_running(request, now) for request in newest],
        "flows": _flows(phases, seen.lately.flows),
        "seq": seen.lately.count,
        "ended": [_ended(n, request) for n, request in seen.lately.after(after, LISTED)],
    }


def _moving(seen: Seen) -> tuple[dict[str, int], dict[Flow, dict[str, int]]]:
    """Tokens of running streams by source, and how many requests run in each phase by flow."""
    flowing: dict[str, int] = {}
    phases: dict[Flow, dict[str, int]] = {}
    for request in seen.requests.values():
        attempt = request.attempt
        source = None if attempt is None else attempt.pair.source.name
        if source is not None and attempt is not None and attempt.tokens:
            flowing[source] = flowing.get(source, 0) + attempt.tokens
        flow = request.arrived.route, source
        counts = phases.setdefault(flow, dict.fromkeys(PHASES, 0))
        counts[_PHASES.get(request.phase, "queued")] += 1
    return flowing, phases


def _flows(phases: Mapping[Flow, Mapping[str, int]], ended: Mapping[Flow, int]) -> list[Shown]:
    """Every flow that there is or was since the start, by name: nothing is left out."""
    flows: list[Shown] = []
    for flow in sorted(phases.keys() | ended.keys(), key=lambda it: (it[0], it[1] or "")):
        shown: Shown = {"route": flow[0], "source": flow[1], "ended": ended.get(flow, 0)}
        counts = phases.get(flow)
        for phase in PHASES:
            shown[phase] = 0 if counts is None else counts[phase]
        flows.append(shown)
    return flows


def request(seen: Seen, request_id: str, now: float) -> Shown | None:
    """One request's life, running or just ended; None where it is neither."""
    running = seen.requests.get(request_id)
    found = running or seen.lately.find(request_id)
    if found is None:
        return None
    ahead = seen.accounts.calendar.offset
    settled = found.settled
    last = found.attempt or found.last_tried
    first = last
    while first is not None and first.before is not None:
        first = first.before
    ended = None if settled is None else found.arrived_at + settled.duration
    return {
        "id": found.id,
        "key": found.arrived.key,
        "tenant": found.account.terms.tenant,
        "route": found.arrived.route,
        "operation": found.arrived.operation,
        "stream": found.arrived.stream,
        "tag": found.arrived.tag,
        "trace": found.arrived.trace,
        "class": "batch" if found.batch else "interactive",
        "drilled": found.drilled,
        "phase": "ended" if running is None else _PHASES.get(found.phase, "queued"),
        "arrived": found.arrived_at + ahead,
        "waited": bool(found.lane),
        "sent": None if first is None else first.sent_at + ahead,
        "attempts": _attempts(found, ended, ahead),
        "ended": None if ended is None else ended + ahead,
        "outcome": None if settled is None else settled.outcome,
        "code": None if settled is None else settled.code,
        "cost": None if settled is None else settled.cost,
        "ttft": None if settled is None else settled.ttft,
        "duration": None if settled is None else settled.duration,
    }


def _attempts(found: RequestState, ended: float | None, ahead: float) -> list[Shown]:
    """All attempts, first one first."""
    made: list[Attempt] = []
    attempt = found.attempt or found.last_tried
    while attempt is not None:
        made.append(attempt)
        attempt = attempt.before
    failures = {one.attempt: one for one in found.failed}
    return [_attempt(one, failures.get(one.number), ended, found, ahead) for one in reversed(made)]


def _attempt(
    attempt: Attempt,
    failure: FailedAttempt | None,
    ended: float | None,
    found: RequestState,
    ahead: float,
) -> Shown:
    shown: Shown = {
        "attempt": attempt.number,
        "source": attempt.pair.source.name,
        "model": attempt.pair.model,
        "substituted": attempt.substituted,
        "sent": attempt.sent_at + ahead,
        "first": None if attempt.content_at is None else attempt.content_at + ahead,
    }
    if failure is not None:
        shown["ended"] = attempt.sent_at + failure.duration + ahead
        shown["end"] = failure.kind
        shown["status"] = failure.status
        shown["tokens"] = failure.usage.output
        return shown
    settled = found.settled
    shown["ended"] = None if ended is None else ended + ahead
    shown["end"] = None if settled is None else settled.code or settled.outcome
    shown["status"] = None
    shown["tokens"] = attempt.tokens if settled is None else settled.usage.output
    return shown


def _waiting(seen: Seen) -> Shown:
    waiting = seen.placing.lanes.waiting
    return {"interactive": waiting[False], "batch": waiting[True]}


def _source(source: SourceState, seen: Seen, now: float) -> Shown:
    """A source: load, drain, and each pair's health and observed speed."""
    drained = source.drained
    return {
        "outstanding": source.outstanding,
        "slots": source.declared.slots,
        "drained": drained and {"since": drained.since, "why": drained.why, "by": drained.by},
        "models": {model: _pair(pair, seen, now) for model, pair in source.pairs.items()},
    }


def _pair(pair: Pair, seen: Seen, now: float) -> Shown:
    breaker = pair.breaker
    at = breaker.tripped_at
    opened: Shown | None = None
    if at is not None:
        opened = {"at": at + seen.accounts.calendar.offset, "why": breaker.tripped_why}
    return {
        "breaker": rules.STATE_NAMES[breaker.state],
        "why": breaker.why,
        "opened": opened,
        "resting": max(pair.rest_until - now, 0.0),
        "ttft_p50": pair.ttft.quantile(0.5),
        "ttft_p90": pair.ttft.quantile(0.9),
        "speed_p50": pair.speed.quantile(0.5),
    }


def _running(found: RequestState, now: float) -> Shown:
    attempt = found.attempt
    return {
        "id": found.id,
        "route": found.arrived.route,
        "tenant": found.account.terms.tenant,
        "source": None if attempt is None else attempt.pair.source.name,
        "model": None if attempt is None else attempt.pair.model,
        "since": now - found.arrived_at,
        "phase": _PHASES.get(found.phase, "queued"),
        "tokens": 0 if attempt is None else attempt.tokens,
    }


def _ended(number: int, found: RequestState) -> Shown:
    settled = found.settled
    shown: Shown = {"n": number, "id": found.id, "route": found.arrived.route}
    if settled is not None:
        shown["at"] = settled.utc
        shown["tenant"] = found.account.terms.tenant
        shown["source"] = settled.source
        shown["outcome"] = settled.outcome
        shown["attempts"] = settled.attempts
        shown["ttft"] = settled.ttft
        shown["duration"] = settled.duration
        shown["cost"] = settled.cost
        shown["output"] = settled.usage.output
    return shown
