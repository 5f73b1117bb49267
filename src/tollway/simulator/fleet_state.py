# pyright: basic, reportAttributeAccessIssue=false
"""What dispatch keeps, compiled: quantiles of what was observed, deadlines, breakers.

Names: `w` is the fleet's arrays (`World`), `d` its dispatch record.
"""

from math import inf

from tollway.dispatch.observed import REFRESH_EVERY, RESCALE_AT
from tollway.dispatch.sources import BUCKETS, STALE
from tollway.policy.spend import RESERVE_QUANTILE
from tollway.simulator.fleet_layout import (
    TIMERS,
)
from tollway.simulator.fleet_policy import (
    CLOSED,
    HALF_OPEN,
    OPEN,
    admits,
    bin_of,
    open_seconds,
    quantile,
    trips,
    weight_at,
)
from tollway.simulator.layout import NONE
from tollway.simulator.source import called, compiled

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
