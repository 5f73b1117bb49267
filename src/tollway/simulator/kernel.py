# pyright: basic, reportAttributeAccessIssue=false
"""The replica of `replica.py` compiled: the same rules over arrays, to the same picosecond.

Rules
1. Nothing here is decided differently from `replica.py`; a test holds the two against each other.
2. Who ends at which beat stands in a ring of lists, so that the next end is found without a heap.
3. Nothing is allocated, and no function raises.
4. `told` holds what the last step end has to tell: twice the row, plus one for its last token; less
   than zero where the row of one that was cancelled is free now.

Names: `s` a replica, `k` its kind of engine, `q` all requests.
"""

from tollway.simulator.kernel_blocks import (
    find_next_end,
    fit,
    growth,
    let_go,
    unlink_decoding,
    unlink_end,
    used,
    wait_first,
    wait_last,
    wait_no_more,
)
from tollway.simulator.layout import (
    APART,
    DECODING,
    GONE,
    NEVER,
    NONE,
    PREFILLING,
    WAITING,
    WHOLE,
)
from tollway.simulator.source import called, compiled, compiled_from

_steps = compiled_from(
    "tollway.simulator.steps",
    "steps_below",
    "tiers_time",
    "run_time",
    "steps_until",
    "meet",
    "mixed_time",
)
run_time, steps_until = _steps.run_time, _steps.steps_until
mixed_time, tiers_time = _steps.mixed_time, _steps.tiers_time


# --- who runs -------------------------------------------------------------------------------------


@compiled
def drop(s, k, q, one, ring, cache, ids, runs, free_run):
    """A request stops running, and what it holds is free; the next free run."""
    it = q[one]
    held = it.known - it.left
    known = it.known
    if it.phase == DECODING:
        grown = (s.beat - it.began) * k.gain
        s.decodes -= 1
        s.context -= (it.known + 1) * k.unit + grown
        s.residues[it.crosses] -= 1
        out = grown if k.unit == 1 else grown // k.unit
        held = it.known + out
        known = held
        it.generated = min(it.generated + out, it.output)
        unlink_decoding(s, q, one)
    elif s.partial == one:
        s.partial = NONE
    s.seated -= 1
    total = it.prompt + it.output if k.reserve else known
    s.own -= ((total + 15) >> 4) - it.shared * k.per_hash
    if k.caching and it.hashes > 0:
        return let_go(s, k, q, one, held, cache, ids, runs, free_run)
    return free_run


@compiled
def emit(s, k, q, one, ring, cache, ids, runs, free_run, told, count):
    """A prompt is computed: a token is out. How much there is to tell, and the next free run."""
    it = q[one]
    it.generated += 1
    if it.generated == 1:
        told[count] = 2 * one
        count += 1
    owed = it.output - it.generated
    it.phase = DECODING
    it.began = s.beat
    it.ends = s.beat + owed if k.unit == k.gain else s.beat - (-owed * k.unit // k.gain)
    s.decodes += 1
    s.context += (it.known + 1) * k.unit
    crosses = (s.place - (it.known - 1) * k.unit) % k.cycle
    it.crosses = crosses
    s.residues[crosses] += 1
    it.before = s.last
    it.next = NONE
    if s.last != NONE:
        q[s.last].next = one
    s.last = one
    if owed == 0:
        free_run = drop(s, k, q, one, ring, cache, ids, runs, free_run)
        it.phase = GONE
        told[count] = 2 * one + 1
        return count + 1, free_run
    slot = it.ends & (len(ring) - 1)
    it.slot = ring[slot]
    ring[slot] = one
    s.next_end = min(s.next_end, it.ends)
    return count, free_run


@compiled
def commit(s, k, q, ring, cache, ids, runs, free_run, told):
    """The end of a step or of a leap. How much there is to tell, and the next free run."""
    s.stepped += s.steps
    s.busy += s.end - s.start
    if s.moves:
        units = s.steps * k.gain
        s.own += growth(s, k, units)
        s.promised = 0
        s.beat += s.steps
        s.place = (s.place + units) % k.cycle
        s.context += s.decodes * units
        fit(s, k, q, cache, ids, runs)
    s.peak = max(s.peak, used(s, k))
    count = 0
    while s.leaving != NONE:
        one = s.leaving
        s.leaving = q[one].leaves
        ended = q[one].phase == DECODING
        free_run = drop(s, k, q, one, ring, cache, ids, runs, free_run)
        q[one].phase = GONE
        told[count] = -1 - one
        count += 1
        if ended:
            unlink_end(s, q, ring, one)
    if s.next_end <= s.beat:
        # The list has who came last first.
        one, first = ring[s.beat & (len(ring) - 1)], NONE
        ring[s.beat & (len(ring) - 1)] = NONE
        while one != NONE:
            after = q[one].slot
            q[one].slot = first
            first, one = one, after
        while first != NONE:
            free_run = drop(s, k, q, first, ring, cache, ids, runs, free_run)
            q[first].phase = GONE
            told[count] = 2 * first + 1
            count += 1
            first = q[first].slot
        find_next_end(s, ring)
    one = s.chunks
    while one != NONE:
        after = q[one].next
        if q[one].phase == PREFILLING and q[one].left == 0:
            count, free_run = emit(s, k, q, one, ring, cache, ids, runs, free_run, told, count)
        one = after
    return count, free_run


# --- the next step --------------------------------------------------------------------------------


@called
def make_room(s, k, q, ring, cache, ids, runs, free_run):
    """Send those who came last away until the next step has its blocks; the next free run."""
    while growth(s, k, k.gain) > k.blocks - used(s, k):
        one = s.partial
        if one == NONE:
            one = s.last
        decoding = q[one].phase == DECODING
        free_run = drop(s, k, q, one, ring, cache, ids, runs, free_run)
        if decoding:
            unlink_end(s, q, ring, one)
        q[one].known = q[one].prompt + q[one].generated
        q[one].left = q[one].known
        wait_first(s, q, one)
        s.preempted += 1
    return free_run


@compiled
def admit(s, k, q, room, alone, cache, ids, runs):
    """Let the first who waits run, if there is a seat and room for all that is known of it."""
    one = s.waiting
    if one == NONE or s.seated >= k.sequences:
        return NONE
    it = q[one]
    hits, whole, unheld = 0, 0, 0
    if k.caching and it.hashes > 0:
        whole = min(it.hashes, it.known // k.hashed)
        found = 0
        while found < whole and cache[ids[it.prefix + found], 0] != NONE:
            found += 1
        hits = min(found, (it.known - 1) // k.hashed)
        if hits < found:
            whole = hits
        at = it.prefix + hits - 1
        while at >= it.prefix and cache[ids[at], 0] == 0:
            unheld += 1
            at -= 1
    left = it.known - hits * k.hashed
    if k.mixing == WHOLE and not alone and left > room:
        return NONE
    total = it.prompt + it.output if k.reserve else it.known
    needs = ((total + 15) >> 4) - hits * k.per_hash
    if needs + unheld * k.per_hash + s.promised > k.blocks - used(s, k):
        return NONE
    wait_no_more(s, q, one)
    s.seated += 1
    it.phase = PREFILLING
    it.left = left
    it.shared = whole
    for at in range(it.prefix, it.prefix + hits):
        cache[ids[at], 0] += 1
    for at in range(it.prefix + hits, it.prefix + whole):
        cache[ids[at], 0] = 1
    s.idle -= unheld
    s.cached += whole - hits
    s.own += needs - (whole - hits) * k.per_hash
    s.hit += hits * k.hashed
    if it.generated == 0:
        it.cached = hits * k.hashed
    fit(s, k, q, cache, ids, runs)
    return one


@compiled
def undisturbed(s, k):
    """How many decode steps pass before somebody ends or blocks run out."""
    steps = s.next_end - s.beat
    free = k.blocks - used(s, k)
    # Everybody takes one block a cycle.
    if s.decodes * (steps * k.gain // k.cycle + 1) <= free:
        return steps
    low, high = 1, steps
    while low < high:
        middle = (low + high + 1) // 2
        if growth(s, k, middle * k.gain) <= free:
            low = middle
        else:
            high = middle - 1
    return low


@compiled
def plan(s, k, q, at, ring, cache, ids, runs, free_run, base, experts, prompts):
    """Decide the next step, and how often it repeats; the next free run."""
    s.chunks = NONE
    s.start = at
    s.steps = 1
    s.promised = growth(s, k, k.gain)
    sent_away = s.promised > k.blocks - used(s, k)
    if sent_away:
        free_run = make_room(s, k, q, ring, cache, ids, runs, free_run)
        s.promised = growth(s, k, k.gain)
    fit(s, k, q, cache, ids, runs)
    chunks, tokens, pairs, seen = 0, 0, 0, 0
    if not sent_away and (s.partial != NONE or s.waiting != NONE):
        room = k.batch_tokens
        if k.mixing != APART:
            room -= s.decodes * k.rows
        while room > 0:
            one = s.partial
            if one == NONE:
                one = admit(s, k, q, room, chunks == 0, cache, ids, runs)
                if one == NONE:
                    break
            it = q[one]
            part = it.left if k.mixing == WHOLE else min(room, it.left)
            past = it.known - it.left
            it.left -= part
            room -= part
            s.partial = one if it.left > 0 else NONE
            it.next = NONE
            if chunks == 0:
                s.chunks = one
            else:
                q[s.chunks_tail].next = one
            s.chunks_tail = one
            chunks += 1
            tokens += part
            pairs += part * (2 * past + part + 1)
            seen += past + part
        s.prefilled += tokens
    s.moves = 1 if s.decodes > 0 else 0
    if chunks > 0:
        if k.mixing == APART:
            s.moves = 0
        decodes, context = s.decodes * s.moves, s.context * s.moves
        extra = experts[k.experts_at + decodes * k.rows + tokens] if k.experts_at >= 0 else 0.0
        row = k.prompt_at + 4 * (min(chunks, k.groups) - 1)
        time = mixed_time(
            k.constant, prompts, row, extra, decodes, context, chunks, tokens, pairs, seen
        )
        if k.bends[3] > 0:
            time += tiers_time(k.bends, 1, context + seen * k.unit, 0)
        s.end = at + time
    elif s.moves:
        if not sent_away:
            s.steps = undisturbed(s, k)
        first = base[k.base_at + s.decodes]
        s.end = at + run_time(s.steps, first, k.bends, s.decodes, s.context, s.decodes * k.gain)
    else:
        s.end = NEVER
    return free_run


# --- from outside ---------------------------------------------------------------------------------


@compiled
def cut(s, k, now, base):
    """End the running leap with the step that runs at `now`."""
    if s.steps == 1 or s.end <= now or s.end == NEVER:
        return
    first, each = base[k.base_at + s.decodes], s.decodes * k.gain
    after = now - s.start
    s.steps = steps_until(after, s.steps, first, k.bends, s.decodes, s.context, each)
    s.end = s.start + run_time(s.steps, first, k.bends, s.decodes, s.context, each)


@compiled
def arrive(s, k, q, one, now, ring, cache, ids, runs, free_run, base, experts, prompts):
    """Queue a request that fits; the next free run."""
    it = q[one]
    it.order = s.arrived
    it.known = it.prompt
    it.left = it.prompt
    it.generated = 0
    it.shared = 0
    it.cached = 0
    s.arrived += 1
    wait_last(s, q, one)
    if s.end == NEVER:
        return plan(s, k, q, now, ring, cache, ids, runs, free_run, base, experts, prompts)
    if s.queued == 1 and s.seated < k.sequences:
        cut(s, k, now, base)
    return free_run


@compiled
def cancel(s, k, q, one, now, base):
    """Forget a request that waits or runs; whether its row is free at once."""
    waits = q[one].phase == WAITING
    if waits:
        wait_no_more(s, q, one)
        q[one].phase = GONE
    else:
        q[one].leaves = s.leaving
        s.leaving = one
    cut(s, k, now, base)
    return waits


@compiled
def emitted(s, k, q, one, now, base):
    """Output tokens that are out by `now`."""
    it = q[one]
    if it.phase != DECODING:
        return it.generated
    beat = s.beat
    if s.moves and s.chunks == NONE and s.end != NEVER:
        if now < s.end:
            first, each = base[k.base_at + s.decodes], s.decodes * k.gain
            after = now - s.start
            beat += steps_until(after, s.steps, first, k.bends, s.decodes, s.context, each) - 1
        else:
            beat += s.steps
    return min(it.output, it.generated + (beat - it.began) * k.gain // k.unit)


@compiled
def fits(k, prompt, output):
    """Whether a request could ever be served."""
    if prompt < 1 or output < 1 or prompt + output > k.context:
        return False
    return prompt + output - 1 + (k.gain - 1) // k.unit <= k.blocks * 16
