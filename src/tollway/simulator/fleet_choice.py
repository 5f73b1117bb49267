# pyright: basic, reportAttributeAccessIssue=false
"""How one of the available pairs is chosen, compiled, as in `dispatch.routing`."""

from math import inf, isnan

import numpy as np

from tollway.dispatch.routing import UNKNOWN_SPEED, UNKNOWN_TTFT
from tollway.policy.spend import LEARNED_AFTER
from tollway.simulator.fleet_layout import (
    AFFINITY,
    CHEAPEST,
    FASTEST,
    LEAST,
    WEIGHTED,
)
from tollway.simulator.fleet_policy import (
    UNBOUNDED_SLOTS,
    keeps,
    load,
    mix,
    part_of,
    room_of,
    two_of,
    whole_time,
    within,
)
from tollway.simulator.fleet_state import ask, available, lately
from tollway.simulator.layout import NONE
from tollway.simulator.source import compiled

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
