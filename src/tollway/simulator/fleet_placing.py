# pyright: basic, reportAttributeAccessIssue=false
"""Where each request goes, compiled, as in `dispatch.placing` and `dispatch.lanes`."""

from math import inf

from tollway.simulator.fleet_choice import choose, may_try
from tollway.simulator.fleet_following import follow
from tollway.simulator.fleet_layout import (
    IDLE,
    LATE_TIMER,
    NO_SOURCE,
    QUEUE_FULL,
    QUEUE_TIMEOUT,
    QUEUED,
    RESERVING,
    SEND,
    SENT,
    STEP_TIMER,
    WHOLE_TIMER,
)
from tollway.simulator.fleet_policy import HALF_OPEN, OPEN, earned
from tollway.simulator.fleet_state import (
    arm,
    available,
    forget,
    has_slot,
    healthy,
)
from tollway.simulator.layout import NONE
from tollway.simulator.source import called, compiled

NO_CAP = 2**62


# --- placing (dispatch.placing, dispatch.lanes) ---------------------------------------------------


@compiled
def act(w, d, kind, flow):
    """Have something done."""
    w.actions[d.actions, 0], w.actions[d.actions, 1] = kind, flow
    d.actions += 1


@compiled
def queue(w, d, flow):
    """Wait, by order of arrival."""
    it = w.flows[flow]
    it.phase = QUEUED
    before = d.waiting_tail
    while before != NONE and w.flows[before].order > it.order:
        before = w.flows[before].wait_before
    after = d.waiting if before == NONE else w.flows[before].wait_next
    it.wait_before, it.wait_next = before, after
    if before == NONE:
        d.waiting = flow
    else:
        w.flows[before].wait_next = flow
    if after == NONE:
        d.waiting_tail = flow
    else:
        w.flows[after].wait_before = flow
    d.queued += 1


@compiled
def unqueue(w, d, flow):
    """Wait no longer."""
    it = w.flows[flow]
    it.phase = RESERVING
    if it.wait_before == NONE:
        d.waiting = it.wait_next
    else:
        w.flows[it.wait_before].wait_next = it.wait_next
    if it.wait_next == NONE:
        d.waiting_tail = it.wait_before
    else:
        w.flows[it.wait_next].wait_before = it.wait_before
    d.queued -= 1


@called
def settle(w, flow, code, now_ps):
    """The request has ended."""
    d, it = w.dispatch[0], w.flows[flow]
    forget(w, flow, STEP_TIMER)
    forget(w, flow, LATE_TIMER)
    forget(w, flow, WHOLE_TIMER)
    result = w.results[it.request]
    result.end, result.code, result.cost = now_ps, code, it.cost
    result.attempts, result.failed = it.attempts, it.failed
    result.pair = it.pair
    if it.before == NONE:
        d.alive = it.next
    else:
        w.flows[it.before].next = it.next
    if it.next == NONE:
        d.alive_tail = it.before
    else:
        w.flows[it.next].before = it.before
    it.phase = IDLE
    w.free_flows[0] += 1
    w.free_flows[w.free_flows[0]] = flow
    if len(w.links) > 0:
        follow(w, it.request, now_ps)


@called
def place(w, flow, now, now_ps):
    """Send the request, let it wait, or give it up."""
    d, it = w.dispatch[0], w.flows[flow]
    pair = choose(w, flow, now)
    if pair != NONE:
        send(w, d, flow, pair, now)
        return
    patience = d.patience
    if it.attempts > 0:
        patience = it.arrived + patience - now
        if patience <= 0.0:
            settle(w, flow, QUEUE_TIMEOUT, now_ps)
            return
    any_healthy = False
    for other in range(len(w.pairs)):
        if healthy(w, other) and may_try(w, flow, other):
            any_healthy = True
            break
    if not any_healthy:
        settle(w, flow, NO_SOURCE, now_ps)
    elif d.queued >= d.queue_length:
        settle(w, flow, QUEUE_FULL, now_ps)
    else:
        queue(w, d, flow)
        # Who came back after a failure has less patience: a list of its own, kept in order.
        at = w.first_list[STEP_TIMER] + (1 if it.attempts > 0 else 0)
        arm(w, d, flow, STEP_TIMER, at, patience, now)


@compiled
def send(w, d, flow, pair, now):
    """Begin an attempt."""
    it, p = w.flows[flow], w.pairs[pair]
    source = w.sources[p.source]
    it.attempts += 1
    it.phase = SENT
    it.aborting = 0
    it.pair, it.sent, it.judged, it.probe = pair, now, 0, NONE
    source.outstanding += 1
    if p.state == HALF_OPEN:
        it.probe = p.round
        p.probing += 1
    if it.attempts == 1:
        d.retries = earned(d.retries, d.retry_ratio, d.retry_least)
    at = w.first_list[STEP_TIMER] + 2 + p.source
    arm(w, d, flow, STEP_TIMER, at, source.first_content, now)
    if source.late >= 0.0:
        arm(w, d, flow, LATE_TIMER, w.first_list[LATE_TIMER] + p.source, source.late, now)
    act(w, d, SEND, flow)


@called
def serve_waiting(w, source, now, now_ps):
    """Give this source's free slots to whoever waits for them."""
    d = w.dispatch[0]
    while d.queued > 0 and has_slot(w, source):
        flow = d.waiting
        while flow != NONE:
            found = False
            for pair in range(len(w.pairs)):
                if w.pairs[pair].source == source and available(w, pair):
                    if may_try(w, flow, pair):
                        found = True
                        break
            if found:
                break
            flow = w.flows[flow].wait_next
        if flow == NONE:
            return
        unqueue(w, d, flow)
        place(w, flow, now, now_ps)


@compiled
def schedule_recovery(w, d, pair):
    """Look at an open pair again when its time has come."""
    p = w.pairs[pair]
    if p.state == OPEN:
        p.recovers = d.added
        d.added += 1
        d.recovery = min(d.recovery, p.until)
        d.soonest = min(d.soonest, p.until)


@called
def recover(w, now, now_ps):
    """Half-open the breakers whose time has come."""
    d = w.dispatch[0]
    while d.recovery <= now:
        best = NONE
        for pair in range(len(w.pairs)):
            p = w.pairs[pair]
            if p.recovers >= 0:
                other = w.pairs[best]
                if best == NONE or p.until < other.until or (
                    p.until == other.until and p.recovers < other.recovers
                ):  # fmt: skip
                    best = pair
        p = w.pairs[best]
        p.recovers = NONE
        d.recovery = inf
        for pair in range(len(w.pairs)):
            if w.pairs[pair].recovers >= 0:
                d.recovery = min(d.recovery, w.pairs[pair].until)
        if p.state == OPEN and now >= p.until:
            p.state = HALF_OPEN
            p.round += 1
            p.probing = 0
        serve_waiting(w, p.source, now, now_ps)


@compiled
def free(w, pair, probe, moved, now, now_ps):
    """Give back an attempt's slot, and let someone else have it."""
    p = w.pairs[pair]
    w.sources[p.source].outstanding -= 1
    if probe != NONE and probe == p.round:
        p.probing -= 1
    if moved:
        schedule_recovery(w, w.dispatch[0], pair)
    if w.dispatch[0].queued > 0:
        serve_waiting(w, p.source, now, now_ps)
