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

from math import ceil, inf, isnan

import numpy as np

from tollway.dispatch.ends import MOST_ATTEMPTS
from tollway.dispatch.health import ENOUGH_TOKENS
from tollway.dispatch.observed import REFRESH_EVERY, RESCALE_AT
from tollway.dispatch.routing import UNKNOWN_SPEED, UNKNOWN_TTFT
from tollway.dispatch.sources import BUCKETS, STALE
from tollway.policy.spend import LEARNED_AFTER, RESERVE_QUANTILE
from tollway.simulator.fleet_layout import (
    ABORT,
    AFFINITY,
    ANSWERING,
    CHEAPEST,
    DEADLINE,
    DONE,
    FASTEST,
    IDLE,
    LATE_TIMER,
    LEAST,
    NO_SOURCE,
    QUEUE_FULL,
    QUEUE_TIMEOUT,
    QUEUED,
    REFUSED,
    RESERVING,
    RETRY_BUDGET,
    SEND,
    SENT,
    STATUS,
    STEP_TIMER,
    TIMERS,
    WEIGHTED,
    WHOLE_TIMER,
)
from tollway.simulator.layout import NONE
from tollway.simulator.source import called, compiled, compiled_from

_breaker = compiled_from("tollway.policy.breaker", "trips", "open_seconds", "admits")
_quantile = compiled_from("tollway.policy.quantile", "bin_of", "middle_of", "weight_at", "quantile")
_retry = compiled_from("tollway.policy.retry", "replenished", "earned")
_route = compiled_from(
    "tollway.policy.route",
    "mix",
    "within",
    "whole_time",
    "two_of",
    "part_of",
    "room_of",
    "keeps",
    "load",
)
_spend = compiled_from("tollway.policy.spend", "output_to_hold")
trips, open_seconds, admits = _breaker.trips, _breaker.open_seconds, _breaker.admits
bin_of, weight_at, quantile = _quantile.bin_of, _quantile.weight_at, _quantile.quantile
replenished, earned = _retry.replenished, _retry.earned
mix, within, whole_time, two_of = _route.mix, _route.within, _route.whole_time, _route.two_of
part_of, room_of, keeps, load = _route.part_of, _route.room_of, _route.keeps, _route.load
output_to_hold = _spend.output_to_hold
UNBOUNDED_SLOTS = _route.UNBOUNDED_SLOTS
CLOSED, OPEN, HALF_OPEN = _breaker.CLOSED, _breaker.OPEN, _breaker.HALF_OPEN

NO_CAP = 2**62
SHARES = (0.5, RESERVE_QUANTILE)


# --- what was observed (dispatch.observed) --------------------------------------------------------


@compiled
def observe(o, value, now):
    """Count one sample."""
    if now - o.last_at > o.stale and o.samples > 0:
        for place in range(len(o.weights)):
            o.weights[place] = 0.0
        o.weigh_again = o.since = now
        o.asked[0] = o.asked[1] = 0
        o.fresh = 0
    if now >= o.weigh_again:
        o.weight = weight_at(now, o.since, o.fade)
        o.weigh_again = now + 0.01 * o.fade
    weight = o.weight
    if weight > RESCALE_AT:
        for place in range(len(o.weights)):
            o.weights[place] /= weight
        o.since, weight = now, 1.0
        o.weight = 1.0
    o.weights[bin_of(value)] += weight
    o.samples += 1
    o.last_at = now
    o.fresh += 1
    if o.fresh >= REFRESH_EVERY or o.samples <= REFRESH_EVERY:
        o.asked[0] = o.asked[1] = 0
        o.fresh = 0


@compiled
def ask(o, which):
    """The median (0) or the high quantile (1) as of at most `REFRESH_EVERY` samples ago."""
    if o.asked[which] == 0:
        found = quantile(o.weights, SHARES[which])
        o.answer[which] = inf if found is None else found
        o.asked[which] = 1
    return o.answer[which]


@compiled
def lately(o, now, declared):
    """What is expected: what was observed lately, else what is declared."""
    if o.samples > 0 and now - o.last_at <= STALE:
        return ask(o, 0)
    return declared


# --- timers (dispatch.timetable) ------------------------------------------------------------------


@compiled
def forget(w, flow, kind):
    """Drop a deadline."""
    it = w.flows[flow]
    at = it.list[kind]
    if at == NONE:
        return
    sooner, later = it.sooner[kind], it.later[kind]
    if sooner == NONE:
        w.lists[at].head = later
    else:
        w.flows[sooner].later[kind] = later
    if later == NONE:
        w.lists[at].tail = sooner
    else:
        w.flows[later].sooner[kind] = sooner
    it.list[kind] = NONE


@compiled
def arm(w, d, flow, kind, at, length, now):
    """Have a deadline come in `length` seconds, in list `at`, which is kept in order of time."""
    forget(w, flow, kind)
    it = w.flows[flow]
    when = now + length
    it.when[kind], it.length[kind], it.list[kind] = when, length, at
    it.set[kind] = d.set
    d.set += 1
    before = w.lists[at].tail
    while before != NONE and w.flows[before].when[kind] > when:
        before = w.flows[before].sooner[kind]
    after = w.lists[at].head if before == NONE else w.flows[before].later[kind]
    it.sooner[kind], it.later[kind] = before, after
    if before == NONE:
        w.lists[at].head = flow
    else:
        w.flows[before].later[kind] = flow
    if after == NONE:
        w.lists[at].tail = flow
    else:
        w.flows[after].sooner[kind] = flow
    d.soonest = min(d.soonest, when)


@called
def due(w, kind, now):
    """Take out who is due, into `w.due` in order of time, of length and of setting; how many."""
    count = 0
    while True:
        best = NONE
        for at in range(w.first_list[kind], w.first_list[kind + 1]):
            flow = w.lists[at].head
            if flow == NONE or w.flows[flow].when[kind] > now:
                continue
            if best != NONE:
                one, other = w.flows[flow], w.flows[best]
                if one.when[kind] > other.when[kind]:
                    continue
                if one.when[kind] == other.when[kind]:
                    if one.length[kind] > other.length[kind]:
                        continue
                    if one.length[kind] == other.length[kind] and one.set[kind] > other.set[kind]:
                        continue
            best = flow
        if best == NONE:
            return count
        forget(w, best, kind)
        w.due[count] = best
        count += 1


@compiled
def look_ahead(w, d):
    """Work out the next wake."""
    soonest = d.recovery
    for kind in range(TIMERS):
        for at in range(w.first_list[kind], w.first_list[kind + 1]):
            flow = w.lists[at].head
            if flow != NONE:
                soonest = min(soonest, w.flows[flow].when[kind])
    d.soonest = soonest


# --- breakers (dispatch.sources) ------------------------------------------------------------------


@compiled
def count_in(window, failed, now):
    """Add a sample to a window, and drop what is too old."""
    bucket = int(now * BUCKETS / window.length)
    if bucket != window.bucket:
        for old in range(max(window.bucket, bucket - BUCKETS) + 1, bucket + 1):
            place = old % BUCKETS
            window.samples -= window.counted[place]
            window.failures -= window.failed[place]
            window.counted[place] = 0
            window.failed[place] = 0
        window.bucket = bucket
    place = bucket % BUCKETS
    window.samples += 1
    window.counted[place] += 1
    if failed:
        window.failures += 1
        window.failed[place] += 1


@compiled
def clear(window):
    """Drop all samples of a window."""
    window.samples = window.failures = 0
    window.bucket = -1
    for place in range(BUCKETS):
        window.counted[place] = window.failed[place] = 0


@called
def trip(w, pair, now):
    """Open a pair's breaker."""
    p, source = w.pairs[pair], w.sources[w.pairs[pair].source]
    p.opened += 1
    p.openings += 1
    p.state, p.until = OPEN, now + open_seconds(source.open_for, p.opened)
    clear(w.windows[pair, 0])
    clear(w.windows[pair, 1])
    return True


@compiled
def sample(w, pair, failed, probe, now):
    """Judge one attempt; whether the breaker moved."""
    p = w.pairs[pair]
    if p.state == HALF_OPEN:
        if probe != p.round:
            return False
        if failed:
            return trip(w, pair, now)
        p.state, p.opened = CLOSED, 0
        clear(w.windows[pair, 0])
        clear(w.windows[pair, 1])
        return True
    if p.state == OPEN:
        return False
    count_in(w.windows[pair, 0], failed, now)
    count_in(w.windows[pair, 1], failed, now)
    if failed:
        terms = w.sources[p.source]
        # The short window is judged first.
        for at in (1, 0):
            one = w.windows[pair, at]
            if trips(one.samples, one.failures, terms.min_samples, terms.error_share):
                return trip(w, pair, now)
    return False


@compiled
def healthy(w, pair):
    """Whether the breaker allows a request."""
    p = w.pairs[pair]
    return admits(p.state, p.probing, w.sources[p.source].probes)


@compiled
def has_slot(w, source):
    """Whether one more request fits."""
    s = w.sources[source]
    return s.slots < 0 or s.outstanding < s.slots


@compiled
def available(w, pair):
    """Whether a request may be sent now."""
    return has_slot(w, w.pairs[pair].source) and healthy(w, pair)


# --- choosing (dispatch.routing) ------------------------------------------------------------------


@compiled
def may_try(w, flow, pair):
    """Whether the request fits there and has not been tried there."""
    it = w.flows[flow]
    if it.input + 1 > w.pairs[pair].context:
        return False
    for at in range(it.tries):
        if it.tried[at] == pair:
            return False
    return True


@compiled
def keep(options, count, bound):
    """Keep the options whose value is within the bound; how many."""
    kept = 0
    for at in range(count):
        if options[at].value <= bound:
            if kept != at:
                options[kept] = options[at]
            kept += 1
    return kept


@compiled
def only(options, at):
    """Keep one option."""
    if at:
        options[0] = options[at]
    return 1


@compiled
def expect(w, d, options, count, now):
    """Note what is expected of each option, and keep those that keep the SLO; how many."""
    best_ttft, best_speed = inf, 0.0
    for at in range(count):
        o = options[at]
        pair = w.pairs[o.pair]
        slots = w.sources[pair.source].slots
        o.load = load(o.outstanding, UNBOUNDED_SLOTS if slots < 0 else slots)
        o.ttft = lately(w.seen[2 * o.pair], now, pair.ttft)
        o.speed = lately(w.seen[2 * o.pair + 1], now, pair.speed)
        if o.ttft < best_ttft:
            best_ttft = o.ttft
        if o.speed > best_speed:
            best_speed = o.speed
    guess_ttft = UNKNOWN_TTFT if best_ttft == inf else best_ttft
    guess_speed = UNKNOWN_SPEED if best_speed == 0.0 else best_speed
    keeping = 0
    for at in range(count):
        o = options[at]
        if isnan(o.ttft):
            o.ttft = guess_ttft
        if isnan(o.speed):
            o.speed = guess_speed
        o.value = 1.0
        if keeps(o.ttft, o.speed, d.slo_ttft, d.slo_speed):
            o.value = 0.0
            keeping += 1
    return keep(options, count, 0.0) if keeping > 0 else count


@compiled
def pick(w, flow, count, now):
    """The best of the available pairs in `w.options` by SLO and objectives."""
    d, it, options = w.dispatch[0], w.flows[flow], w.options
    outputs = w.seen[2 * len(w.pairs)]
    tokens = it.held
    if outputs.samples >= LEARNED_AFTER:
        tokens = min(int(ask(outputs, 0)), it.held)
    for at in range(count):
        o = options[at]
        pair = w.pairs[o.pair]
        o.outstanding = w.sources[pair.source].outstanding
        o.cost = it.input * pair.price_input + tokens * pair.price_output + pair.price_request
    if d.timed:
        count = expect(w, d, options, count, now)
    low, high = np.int64(it.draw & np.uint64(0xFFFFFFFF)), np.int64(it.draw >> np.uint64(32))
    for step in range(len(w.objectives)):
        if count == 1:
            break
        objective, tolerance = w.objectives[step], w.tolerances[step]
        if objective == CHEAPEST or objective == FASTEST:
            best = inf
            for at in range(count):
                o = options[at]
                if objective == CHEAPEST:
                    o.value = o.cost
                else:
                    o.value = whole_time(o.ttft, o.speed, o.load, tokens)
                best = min(best, o.value)
            count = keep(options, count, within(best, tolerance))
        elif objective == LEAST:
            count = least(options, count, low, high)
        elif objective == WEIGHTED:
            total = 0.0
            for at in range(count):
                total += w.weights[step, options[at].pair]
            if total > 0.0:
                point = part_of(low, total)
                chosen = count - 1
                for at in range(count):
                    point -= w.weights[step, options[at].pair]
                    if point < 0.0:
                        chosen = at
                        break
                count = only(options, chosen)
        elif objective == AFFINITY:
            count = affine(w, options, count, it.prefix)
    if count > 1:
        least(options, count, low, high)
    return options[0].pair


@compiled
def least(options, count, low, high):
    """Of two that are drawn, keep the one with fewer requests in flight."""
    first, second = two_of(low, high, count)
    return only(
        options, second if options[second].outstanding < options[first].outstanding else first
    )


@compiled
def affine(w, options, count, prefix):
    """Keep the option that the prefix belongs to, or the next while that one is too loaded."""
    total = 0
    for at in range(count):
        total += options[at].outstanding
    room = room_of(total, count)
    chosen, any_chosen = NONE, 0
    for at in range(count):
        o = options[at]
        o.rank = mix(w.pairs[o.pair].seed ^ prefix)
        if o.rank > options[any_chosen].rank:
            any_chosen = at
        if o.outstanding < room and (chosen == NONE or o.rank > options[chosen].rank):
            chosen = at
    return only(options, any_chosen if chosen == NONE else chosen)


@compiled
def choose(w, flow, now):
    """A candidate by the objectives, else the first fallback, of those available."""
    d = w.dispatch[0]
    count = 0
    for pair in range(d.candidates):
        if available(w, pair) and may_try(w, flow, pair):
            w.options[count].pair = pair
            count += 1
    if count == 1:
        return w.options[0].pair
    if count > 1:
        return pick(w, flow, count, now)
    for pair in range(d.candidates, len(w.pairs)):
        if available(w, pair) and may_try(w, flow, pair):
            return pair
    return NONE


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
    result.sent = result.first = -1
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
