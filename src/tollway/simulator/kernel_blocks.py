# pyright: basic, reportAttributeAccessIssue=false
"""The lists and the blocks of a compiled replica.

Names: `s` a replica, `k` its kind of engine, `q` all requests.
"""

from tollway.simulator.layout import (
    NEVER,
    NONE,
    WAITING,
)
from tollway.simulator.source import called, compiled

# --- lists ----------------------------------------------------------------------------------------


@compiled
def wait_last(s, q, one):
    """Put a request at the end of the queue."""
    q[one].phase = WAITING
    q[one].next = NONE
    q[one].before = s.waiting_tail
    if s.waiting_tail == NONE:
        s.waiting = one
    else:
        q[s.waiting_tail].next = one
    s.waiting_tail = one
    s.queued += 1


@compiled
def wait_first(s, q, one):
    """Put a request at the head of the queue."""
    q[one].phase = WAITING
    q[one].before = NONE
    q[one].next = s.waiting
    if s.waiting == NONE:
        s.waiting_tail = one
    else:
        q[s.waiting].before = one
    s.waiting = one
    s.queued += 1


@compiled
def wait_no_more(s, q, one):
    """Take a request out of the queue."""
    before, after = q[one].before, q[one].next
    if before == NONE:
        s.waiting = after
    else:
        q[before].next = after
    if after == NONE:
        s.waiting_tail = before
    else:
        q[after].before = before
    s.queued -= 1


@compiled
def unlink_decoding(s, q, one):
    """Take a request out of the decoding ones, which only know who came before."""
    after, before = q[one].next, q[one].before
    if after == NONE:
        s.last = before
    else:
        q[after].before = before
    if before != NONE:
        q[before].next = after


@compiled
def unlink_end(s, q, ring, one):
    """Take a request out of those that end at its beat."""
    slot = q[one].ends & (len(ring) - 1)
    if ring[slot] == one:
        ring[slot] = q[one].slot
    else:
        at = ring[slot]
        while q[at].slot != one:
            at = q[at].slot
        q[at].slot = q[one].slot
    if q[one].ends == s.next_end and ring[slot] == NONE:
        find_next_end(s, ring)


@compiled
def find_next_end(s, ring):
    """Look for the next beat at which somebody ends."""
    s.next_end = NEVER
    if s.decodes > 0:
        mask = len(ring) - 1
        beat = s.beat + 1
        while ring[beat & mask] == NONE:
            beat += 1
        s.next_end = beat


# --- blocks ---------------------------------------------------------------------------------------


@compiled
def used(s, k):
    """Blocks that somebody holds."""
    return s.own + (s.cached - s.idle) * k.per_hash


@compiled
def growth(s, k, units):
    """Blocks that decodes take while each grows by `units` of context."""
    if k.reserve:
        return 0
    whole = 0
    if units >= k.cycle:
        whole = units // k.cycle
        units -= whole * k.cycle
    crossing = s.decodes * whole
    place = s.place
    for _ in range(units):
        place += 1
        if place == k.cycle:
            place = 0
        crossing += s.residues[place]
    return crossing


@called
def evict(s, k, q, cache, ids, runs):
    """Evict cached blocks until those that somebody needs have room."""
    room = k.blocks - s.own - s.promised
    while s.cached * k.per_hash > room:
        run = s.run
        if runs[run].left == 0:
            s.run = runs[run].next
            continue
        runs[run].left -= 1
        block = ids[runs[run].prefix + runs[run].left]
        if cache[block, 0] == 0 and cache[block, 1] == run:
            cache[block, 0] = NONE
            s.cached -= 1
            s.idle -= 1


@compiled
def fit(s, k, q, cache, ids, runs):
    """Evict cached blocks where they are in the way of blocks that somebody needs."""
    if s.cached * k.per_hash > k.blocks - s.own - s.promised:
        evict(s, k, q, cache, ids, runs)


@called
def let_go(s, k, q, one, held, cache, ids, runs, free_run):
    """Hold hashed blocks no longer, and cache those of the answer; the next free run."""
    start = q[one].prefix
    shared = q[one].shared
    computed = min(held // k.hashed, q[one].hashes)
    if computed < shared:
        for block in ids[start + computed : start + shared]:
            cache[block, 0] = NONE
        s.cached -= shared - computed
        shared = computed
    idle = 0
    for at in range(start, start + shared):
        block = ids[at]
        cache[block, 0] -= 1
        cache[block, 1] = free_run
        if cache[block, 0] == 0:
            idle += 1
    count = shared
    while count < computed and cache[ids[start + count], 0] == NONE:
        block = ids[start + count]
        cache[block, 0] = 0
        cache[block, 1] = free_run
        count += 1
    s.cached += count - shared
    s.idle += idle + count - shared
    q[one].shared = 0
    if count == 0:
        return free_run
    runs[free_run].prefix = start
    runs[free_run].left = count
    runs[free_run].next = NONE
    if s.run == NONE:
        s.run = free_run
    else:
        runs[s.run_tail].next = free_run
    s.run_tail = free_run
    return free_run + 1
