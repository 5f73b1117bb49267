# pyright: basic, reportAttributeAccessIssue=false
"""The loop of the compiled execution: engines, losses, wakes and arrivals, in order of time.

Rules
1. At one instant: replicas by their number, then losses and recoveries, then the wake that dispatch
   asked for, then arrivals by their number; each is dealt with before the next is looked at.
2. What an event has done is done in order, and what comes of that is dealt with in order.
3. Nothing is allocated: it stops where an array is full, and goes on where it stopped.
4. So it does after a number of moments: a run in slices is the run in one, event for event.
"""

from tollway.simulator.fleet_following import next_following
from tollway.simulator.fleet_kernel import (
    arrived,
    content,
    failed,
    finished,
    first_moment,
    woke,
)
from tollway.simulator.fleet_layout import (
    ANSWERING,
    ARRIVED,
    BLOCK,
    CHANGE,
    COMING,
    CONTENT,
    CUT,
    FAILED,
    FINISHED,
    LATE,
    MORE,
    MORE_FLOWS,
    MORE_ROWS,
    MORE_RUNS,
    REFUSED,
    ROW,
    ROWS,
    RUNS,
    SEND,
    STATUS,
    WAKE,
    WOKE,
)
from tollway.simulator.fleet_placing import recover
from tollway.simulator.kernel import arrive, cancel, commit, emitted, fits, plan
from tollway.simulator.kernel_one import seat
from tollway.simulator.layout import GONE, NEVER, NONE
from tollway.simulator.source import called, compiled, entered
from tollway.simulator.steps import SECOND


@compiled
def note(e, number):
    """Keep a replica's next moment where it is found."""
    e.next[number] = e.replicas[number].end
    block = number // BLOCK
    nearest = NEVER
    for at in range(block * BLOCK, min(len(e.next), block * BLOCK + BLOCK)):
        nearest = min(nearest, e.next[at])
    e.nearest[block] = nearest


@compiled
def soonest(e):
    """The replica that is next, the first of several; `NONE` where all are idle."""
    best, found = NEVER, NONE
    for block in range(len(e.nearest)):
        if e.nearest[block] < best:
            best, found = e.nearest[block], block
    if found == NONE:
        return NONE
    for at in range(found * BLOCK, len(e.next)):
        if e.next[at] == best:
            return at
    return NONE


@compiled
def advance(w, e, number, now):
    """A replica's step ends: what it tells, as events; how many."""
    s = e.replicas[number]
    k, ring, cache = e.kinds[s.kind], e.rings[number], e.caches[number]
    told, free_run = commit(s, k, e.q, ring, cache, e.ids, e.runs, e.cursor[RUNS], e.told)
    e.cursor[RUNS] = plan(
        s, k, e.q, now, ring, cache, e.ids, e.runs, free_run, e.base, e.experts, e.prompts
    )
    note(e, number)
    count = 0
    for at in range(told):
        row = e.told[at]
        if row < 0:
            give_back(e, -1 - row)
            continue
        last, row = row & 1, row >> 1
        flow = e.q[row].request
        event = w.happened[count]
        event[0], event[1] = FINISHED if last else CONTENT, flow
        event[2], event[3] = e.q[row].output, e.q[row].cached
        if last:
            leave(w, flow, now)
            give_back(e, row)
        else:
            w.results[w.flows[flow].request].first = now
        count += 1
    return count


@compiled
def leave(w, flow, now):
    """An attempt is over."""
    it = w.flows[flow]
    it.row = NONE
    source = w.sources[w.pairs[it.pair].source]
    taken = source.busy_ps + now - it.began
    source.busy_s += taken // SECOND
    source.busy_ps = taken % SECOND
    source.longest = max(source.longest, now - it.began)
    first = w.results[it.request].first
    if first >= 0:
        source.flowed = max(source.flowed, now - first)


@compiled
def give_back(e, row):
    """A row is free."""
    e.q[row].next = e.cursor[ROW]
    e.cursor[ROW] = row
    e.cursor[ROWS] += 1


@called
def cut(w, e, flow, now):
    """Take an attempt off its replica; tokens of output that were out."""
    it = w.flows[flow]
    s = e.replicas[it.place]
    k = e.kinds[s.kind]
    tokens = emitted(s, k, e.q, it.row, now, e.base) if it.phase == ANSWERING else 0
    if cancel(s, k, e.q, it.row, now, e.base):
        give_back(e, it.row)
    note(e, it.place)
    leave(w, flow, now)
    w.results[it.request].first = -1
    return tokens


@compiled
def start(w, e, flow, now):
    """Put an attempt on the replica with the fewest requests; the event that it fails at once, or
    below zero."""
    it = w.flows[flow]
    result, pair = w.results[it.request], w.pairs[it.pair]
    if result.sent < 0:
        result.sent = now
    if w.sources[pair.source].lost:
        return REFUSED
    best = pair.place
    least = e.replicas[best].seated + e.replicas[best].queued
    for other in range(pair.place + 1, pair.place + pair.places):
        there = e.replicas[other].seated + e.replicas[other].queued
        if there < least:
            best, least = other, there
    s = e.replicas[best]
    k = e.kinds[s.kind]
    asked = w.requests[it.request]
    if not fits(k, asked.prompt, asked.output):
        return STATUS
    row = e.cursor[ROW]
    e.cursor[ROW] = e.q[row].next
    e.cursor[ROWS] -= 1
    seat(e.q, row, it.request, w.requests)
    e.q[row].request = flow
    it.row, it.place, it.began, result.place = row, best, now, best
    e.cursor[RUNS] = arrive(
        s, k, e.q, row, now, e.rings[best], e.caches[best], e.ids, e.runs, e.cursor[RUNS],
        e.base, e.experts, e.prompts,
    )  # fmt: skip
    note(e, best)
    return NONE


@compiled
def lose(w, e, source, now):
    """Everybody who runs at a source fails, in the order of arrival; how many."""
    count = 0
    flow = w.dispatch[0].alive
    while flow != NONE:
        it = w.flows[flow]
        if it.row != NONE and w.pairs[it.pair].source == source:
            event = w.happened[count]
            event[0], event[1] = FAILED, flow
            event[3] = CUT if it.phase == ANSWERING else REFUSED
            event[2] = cut(w, e, flow, now)
            count += 1
        flow = it.next
    w.sources[source].lost = 1
    for pair in range(len(w.pairs)):
        if w.pairs[pair].source == source:
            first = w.pairs[pair].place
            for number in range(first, first + w.pairs[pair].places):
                forget_all(e, number)
    return count


@compiled
def forget_all(e, number):
    """A replica as new, which goes on counting."""
    s = e.replicas[number]
    while s.leaving != NONE:
        row = s.leaving
        s.leaving = e.q[row].leaves
        e.q[row].phase = GONE
        give_back(e, row)
    s.chunks = s.partial = s.waiting = s.waiting_tail = s.last = s.run = NONE
    s.steps = s.moves = s.queued = s.seated = s.beat = s.place = 0
    s.decodes = s.context = s.own = s.promised = s.cached = s.idle = 0
    s.end = s.next_end = NEVER
    for at in range(len(s.residues)):
        s.residues[at] = 0
    ring, cache = e.rings[number], e.caches[number]
    for at in range(len(ring)):
        ring[at] = NONE
    for at in range(len(cache)):
        cache[at, 0] = NONE
    note(e, number)


@compiled
def deal(w, e, now, count):
    """Deal with `count` events in `w.happened` and with all that comes of each."""
    d, now_s = w.dispatch[0], now * 1e-12
    for at in range(count):
        events, done = 1, 0
        for part in range(4):
            w.events[0, part] = w.happened[at, part]
        while done < events:
            kind, flow = w.events[done, 0], w.events[done, 1]
            one, other = w.events[done, 2], w.events[done, 3]
            done += 1
            d.actions = 0
            if d.recovery <= now_s:
                recover(w, now_s, now)
            if kind == ARRIVED:
                arrived(w, flow, now_s, now)
            elif kind == CONTENT:
                content(w, flow, now_s)
            elif kind == FINISHED:
                finished(w, flow, one, other, now_s, now)
            elif kind == FAILED:
                failed(w, flow, other, one, now_s, now)
            else:
                woke(w, now_s, now)
            for action in range(d.actions):
                flow = w.actions[action, 1]
                code, tokens = NONE, 0
                if w.actions[action, 0] == SEND:
                    code = start(w, e, flow, now)
                elif w.flows[flow].row != NONE:
                    tokens = cut(w, e, flow, now)
                    code = LATE
                if code != NONE:
                    if done == events:
                        events = done = 0
                    event = w.events[events]
                    event[0], event[1], event[2], event[3] = FAILED, flow, tokens, code
                    events += 1


@entered
def run_fleet(w, e, stop, moments):
    """Go on until `stop` requests that follow nobody have arrived and nothing is left to happen,
    until so many moments were dealt with, or until an array is full (`MORE` in the cursor says
    which); whether it has come to the end."""
    d, cursor = w.dispatch[0], e.cursor
    cursor[MORE] = 0
    seats = len(e.told)
    wake_for = d.soonest
    cursor[WAKE] = first_moment(wake_for)
    for _ in range(moments):
        if len(e.runs) - cursor[RUNS] < 2 * seats:
            cursor[MORE] = MORE_RUNS
            return False
        if w.free_flows[0] == 0:
            cursor[MORE] = MORE_FLOWS
            return False
        # Everybody who is here may be sent anew at one moment.
        if cursor[ROWS] <= len(w.flows) - w.free_flows[0]:
            cursor[MORE] = MORE_ROWS
            return False
        followers = w.following[0, 0]
        if cursor[COMING] == stop and followers == 0 and d.alive == NONE:
            return True
        if d.soonest != wake_for:
            wake_for = d.soonest
            cursor[WAKE] = first_moment(wake_for)
        number = soonest(e)
        engine = e.next[number] if number != NONE else NEVER
        change = w.changes[cursor[CHANGE], 0] if cursor[CHANGE] < len(w.changes) else NEVER
        leader = w.leading[cursor[COMING]] if cursor[COMING] < stop else NONE
        coming = w.requests[leader].at if leader != NONE else NEVER
        follows = False
        if followers > 0:
            at, one = w.following[1, 0], w.following[1, 1]
            follows = at < coming or (at == coming and one < leader)
            if follows:
                coming = at
        now = min(engine, change, coming, cursor[WAKE])
        if now == engine:
            count = advance(w, e, number, now)
        elif now == change:
            source, gone = w.changes[cursor[CHANGE], 1], w.changes[cursor[CHANGE], 2]
            cursor[CHANGE] += 1
            count = 0
            if gone:
                count = lose(w, e, source, now)
            else:
                w.sources[source].lost = 0
        elif now == cursor[WAKE]:
            w.happened[0, 0], count = WOKE, 1
        else:
            flow = w.free_flows[w.free_flows[0]]
            w.free_flows[0] -= 1
            if follows:
                w.flows[flow].request = next_following(w)
            else:
                w.flows[flow].request = leader
                cursor[COMING] += 1
            w.happened[0, 0], w.happened[0, 1], count = ARRIVED, flow, 1
        deal(w, e, now, count)
    return False
