# pyright: basic, reportAttributeAccessIssue=false
"""Dispatch compiled for one route: the decisions of `tollway.dispatch`, over arrays.

Rules
1. Decisions are made by the functions of `tollway.policy` themselves, compiled; what is around them
   follows `dispatch.machine` and `dispatch.placing` event by event, and a test holds the two
   against each other.
2. An event appends what is to be done to `w.actions`, in order, and nothing is done before the
   event has been dealt with.

Names: `w` is the fleet's arrays (`World`), `d` its dispatch record.
"""

from math import ceil, inf

import numpy as np

from tollway.dispatch.ends import MOST_ATTEMPTS
from tollway.dispatch.health import ENOUGH_TOKENS
from tollway.policy.spend import LEARNED_AFTER
from tollway.simulator.fleet_choice import may_try
from tollway.simulator.fleet_layout import (
    ABORT,
    ANSWERING,
    DEADLINE,
    DONE,
    LATE_TIMER,
    QUEUE_TIMEOUT,
    QUEUED,
    REFUSED,
    RESERVING,
    RETRY_BUDGET,
    SENT,
    STATUS,
    STEP_TIMER,
    TIMERS,
    WHOLE_TIMER,
)
from tollway.simulator.fleet_placing import (
    act,
    free,
    place,
    schedule_recovery,
    serve_waiting,
    settle,
    unqueue,
)
from tollway.simulator.fleet_policy import (
    mix,
    output_to_hold,
    replenished,
)
from tollway.simulator.fleet_state import (
    arm,
    ask,
    due,
    forget,
    look_ahead,
    observe,
    sample,
)
from tollway.simulator.layout import NONE
from tollway.simulator.source import called, compiled

NO_CAP = 2**62


# --- events (dispatch.machine) --------------------------------------------------------------------


@compiled
def arrived(w, flow, now, now_ps):
    """A request has arrived: `flow` holds its number."""
    d, it = w.dispatch[0], w.flows[flow]
    asked = w.requests[it.request]
    it.order = d.order
    it.arrived = now
    it.phase = RESERVING
    it.input = asked.prompt
    it.draw = mix(d.draws + np.uint64(it.request + 1) * np.uint64(0x9E3779B97F4A7C15))
    it.prefix = it.draw
    if len(w.prefixes) > 0 and w.prefixes[it.request] != np.uint64(0):
        it.prefix = w.prefixes[it.request]
    it.attempts = it.failed = it.tries = it.cost = it.aborting = it.ending = 0
    it.pair = it.row = it.place = NONE
    for kind in range(TIMERS):
        it.list[kind] = NONE
    it.before, it.next = d.alive_tail, NONE
    if d.alive_tail == NONE:
        d.alive = flow
    else:
        w.flows[d.alive_tail].next = flow
    d.alive_tail = flow
    result = w.results[it.request]
    result.arrived, result.sent, result.first = now_ps, -1, -1
    result.place = -1
    result.answered = result.cached = result.output = 0
    d.order += 1
    anywhere = False
    for pair in range(len(w.pairs)):
        if may_try(w, flow, pair):
            anywhere = True
            break
    if not anywhere:
        settle(w, flow, 1, now_ps)
        return
    outputs = w.seen[2 * len(w.pairs)]
    cap = NO_CAP if len(w.caps) == 0 or w.caps[it.request] < 0 else w.caps[it.request]
    if outputs.samples >= LEARNED_AFTER:
        it.held = output_to_hold(ask(outputs, 1), d.reserve_output, 1, cap)
    else:
        it.held = output_to_hold(None, d.reserve_output, 1, cap)
    arm(w, d, flow, WHOLE_TIMER, w.first_list[WHOLE_TIMER], d.deadline, now)
    place(w, flow, now, now_ps)


@compiled
def content(w, flow, now):
    """The first token of an attempt is out."""
    it = w.flows[flow]
    it.phase = ANSWERING
    it.content = now
    forget(w, flow, STEP_TIMER)
    forget(w, flow, LATE_TIMER)
    forget(w, flow, WHOLE_TIMER)
    observe(w.seen[2 * it.pair], now - it.sent, now)


@compiled
def finished(w, flow, tokens, cached, now, now_ps):
    """An attempt has answered."""
    it = w.flows[flow]
    pair, probe = it.pair, it.probe
    p = w.pairs[pair]
    seconds = now - it.content
    if tokens >= ENOUGH_TOKENS and seconds > 0.0:
        observe(w.seen[2 * pair + 1], (tokens - 1) / seconds, now)
    moved = False
    if it.judged == 0:
        it.judged = 1
        moved = sample(w, pair, False, probe, now)
    outputs = w.seen[2 * len(w.pairs)]
    if outputs.samples == 0:
        outputs.last_at = outputs.since = outputs.weigh_again = now
    observe(outputs, float(tokens), now)
    it.cost += (
        (it.input - cached) * p.price_input
        + cached * p.price_cached
        + tokens * p.price_output
        + p.price_request
    )
    result = w.results[it.request]
    result.answered, result.cached, result.output = 1, cached, tokens
    settle(w, flow, DONE, now_ps)
    free(w, pair, probe, moved, now, now_ps)


@called
def failed(w, flow, code, tokens, now, now_ps):
    """An attempt has failed; `tokens` of output were out."""
    d, it = w.dispatch[0], w.flows[flow]
    pair, probe = it.pair, it.probe
    p = w.pairs[pair]
    answered = it.phase == ANSWERING
    ended = it.ending if it.ending > 0 else code
    moved = False
    # An attempt that was judged late already counts once.
    if it.ending == 0 and (it.judged == 0 or answered):
        moved = sample(w, pair, code != STATUS, probe, now)
    if code != REFUSED and code != STATUS:
        it.cost += it.input * p.price_input + tokens * p.price_output + p.price_request
    result = w.results[it.request]
    if answered or (it.ending == 0 and code == STATUS):
        if answered:
            result.output = tokens
        it.failed = 1
        settle(w, flow, ended, now_ps)
    else:
        it.tried[it.tries] = pair
        it.tries += 1
        it.failed = 1
        forget(w, flow, STEP_TIMER)
        forget(w, flow, LATE_TIMER)
        it.phase = RESERVING
        untried = False
        for other in range(len(w.pairs)):
            if may_try(w, flow, other):
                untried = True
                break
        left = it.arrived + d.deadline - now
        if it.ending > 0 or not untried or left <= 0.0 or it.attempts > MOST_ATTEMPTS:
            settle(w, flow, ended, now_ps)
        else:
            seconds, d.retries_at = now - d.retries_at, now
            d.retries = replenished(d.retries, seconds, d.retry_least)
            if d.retries < 1.0:
                settle(w, flow, RETRY_BUDGET, now_ps)
            else:
                d.retries -= 1.0
                place(w, flow, now, now_ps)
    free(w, pair, probe, moved, now, now_ps)


@compiled
def abort(w, d, flow):
    """Have the running attempt ended."""
    if w.flows[flow].aborting == 0:
        w.flows[flow].aborting = 1
        act(w, d, ABORT, flow)


@called
def woke(w, now, now_ps):
    """Look at every deadline that has come."""
    d = w.dispatch[0]
    for at in range(due(w, WHOLE_TIMER, now)):
        flow = w.due[at]
        if w.flows[flow].phase == SENT:
            w.flows[flow].ending = DEADLINE
            abort(w, d, flow)
        else:
            if w.flows[flow].phase == QUEUED:
                unqueue(w, d, flow)
            settle(w, flow, DEADLINE, now_ps)
    for at in range(due(w, STEP_TIMER, now)):
        flow = w.due[at]
        if w.flows[flow].phase == QUEUED:
            unqueue(w, d, flow)
            settle(w, flow, QUEUE_TIMEOUT, now_ps)
        else:
            abort(w, d, flow)
    for at in range(due(w, LATE_TIMER, now)):
        flow = w.due[at]
        it = w.flows[flow]
        if it.judged == 0:
            it.judged = 1
            pair = it.pair
            if sample(w, pair, True, it.probe, now):
                schedule_recovery(w, d, pair)
            serve_waiting(w, w.pairs[pair].source, now, now_ps)
    look_ahead(w, d)


@compiled
def first_moment(when):
    """The first picosecond that is not before `when` seconds."""
    if when == inf:
        return 2**62
    at = ceil(when * 1e12)
    while at * 1e-12 < when:
        at += 1
    return at
