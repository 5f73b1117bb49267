"""Which of the available options to take: one function an objective, composed in the route's order.

An objective keeps the options that are best by its measure, within a relative tolerance; the next
objective chooses among those. What is left at the end is decided by `least_outstanding`.

Rules
1. Options are compared only when more than one is left.
2. Ties are broken by the request's own random draw or by the order of declaration, never by dict
   order.
3. Options that are expected to keep the route's SLO come before those that are not.
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil, inf
from typing import Final

from tollway.policy.options import Ask, Option

MASK: Final = (1 << 64) - 1
BOUNDED_LOAD: Final = 1.25
"""How far above the mean a source may be loaded before affinity gives way; the value of
"Consistent Hashing with Bounded Loads" (Mirrokni, Thorup, Zadimoghaddam 2016) in practice."""


Objective = Callable[[Sequence[Option], Ask, float, Mapping[str, float]], Sequence[Option]]
"""(options, ask, tolerance, weights) -> the options to keep, at least one."""


def mix(value: int) -> int:
    """splitmix64's finaliser (Steele, Lea, Flood 2014): 64 bits in, 64 well-mixed bits out."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


LOW: Final = 0xFFFFFFFF

UNBOUNDED_SLOTS: Final = 64
"""Requests in flight that count as a full source where no slots are declared: a common
max_num_seqs of one replica."""


def load(outstanding: int, slots: int | None) -> float:
    """How full a source is: 0 idle, 1 full."""
    return outstanding / (UNBOUNDED_SLOTS if slots is None else slots)


# What the objectives are made of takes plain numbers: the simulator compiles these functions.


def within(best: float, tolerance: float) -> float:
    """The bound of what is as good as the best."""
    return best * (1.0 + tolerance)


def whole_time(ttft: float, speed: float, load: float, tokens: int) -> float:
    """Seconds to a whole answer, which count for more the fuller the source is."""
    return (ttft + tokens / speed) * (1.0 + load)


def two_of(low: int, high: int, count: int) -> tuple[int, int]:
    """Two places below `count`, different where they can be, by two draws of 32 bits."""
    first = low % count
    if count == 1:
        return first, first
    return first, (first + 1 + high % (count - 1)) % count


def part_of(low: int, total: float) -> float:
    """A point in [0, total), by a draw of 32 bits."""
    return low / 4294967296.0 * total


def room_of(outstanding: int, count: int) -> int:
    """Requests in flight from which affinity gives way, where `count` options have `outstanding`
    in all."""
    return ceil(BOUNDED_LOAD * (outstanding + 1) / count)


def keeps(ttft: float, speed: float, slo_ttft: float, slo_speed: float) -> bool:
    """Whether what is expected keeps an SLO."""
    return ttft <= slo_ttft and speed >= slo_speed


# --- objectives -----------------------------------------------------------------------------------


def cheapest(
    options: Sequence[Option], ask: Ask, tolerance: float, weights: Mapping[str, float]
) -> Sequence[Option]:
    """Those whose expected cost is within the tolerance of the lowest."""
    bound = within(min(option.cost for option in options), tolerance)
    return [option for option in options if option.cost <= bound]


def fastest(
    options: Sequence[Option], ask: Ask, tolerance: float, weights: Mapping[str, float]
) -> Sequence[Option]:
    """Those whose expected time to the whole answer is within the tolerance of the shortest.

    What was observed lags behind what is in flight, and everybody would run to the source that
    looked fastest a moment ago: so a time counts for more the fuller its source is.
    """
    tokens = ask.output_tokens
    times = [whole_time(option.ttft, option.speed, option.load, tokens) for option in options]
    bound = within(min(times), tolerance)
    return [option for option, time in zip(options, times, strict=True) if time <= bound]


def least_of(outstanding: Sequence[int], draw: int) -> int:
    """Two are drawn, the one with fewer requests in flight is kept (power of two choices,
    Mitzenmacher 2001); on a tie the first drawn."""
    first, second = two_of(draw & LOW, draw >> 32, len(outstanding))
    return second if outstanding[second] < outstanding[first] else first


def least_outstanding(
    options: Sequence[Option], ask: Ask, tolerance: float, weights: Mapping[str, float]
) -> Sequence[Option]:
    """The one that `least_of` keeps."""
    return (options[least_of([option.outstanding for option in options], ask.draw)],)


def weighted(
    options: Sequence[Option], ask: Ask, tolerance: float, weights: Mapping[str, float]
) -> Sequence[Option]:
    """One, drawn in proportion to its source's weight; a source without a weight has none."""
    shares = [weights.get(option.name, 0.0) for option in options]
    total = 0.0
    for share in shares:
        total += share
    if total <= 0.0:
        return options
    point = part_of(ask.draw & LOW, total)
    for option, share in zip(options, shares, strict=True):
        point -= share
        if point < 0.0:
            return (option,)
    return (options[-1],)


def prefix_affinity(
    options: Sequence[Option], ask: Ask, tolerance: float, weights: Mapping[str, float]
) -> Sequence[Option]:
    """The option that this prompt prefix belongs to (rendezvous hashing, Thaler and Ravishankar
    1996), or the next in its order while that one is loaded beyond `BOUNDED_LOAD` of the mean."""
    total = sum(option.outstanding for option in options)
    room = room_of(total, len(options))
    ranked = sorted(options, key=lambda option: (-mix(option.seed ^ ask.prefix), option.order))
    for option in ranked:
        if option.outstanding < room:
            return (option,)
    return (ranked[0],)


def commitment_first(
    options: Sequence[Option], ask: Ask, tolerance: float, weights: Mapping[str, float]
) -> Sequence[Option]:
    """Those whose prepaid tokens cover the request; all, where none does."""
    return [option for option in options if option.prepaid] or options


OBJECTIVES: Mapping[str, Objective] = {
    "cheapest": cheapest,
    "fastest": fastest,
    "least-outstanding": least_outstanding,
    "weighted": weighted,
    "prefix-affinity": prefix_affinity,
    "commitment-first": commitment_first,
}


def keeping_slo(
    options: Sequence[Option], ttft: float | None, speed: float | None
) -> Sequence[Option]:
    """The options expected to keep the SLO; all, where none is."""
    keeping = [
        option
        for option in options
        if keeps(option.ttft, option.speed, inf if ttft is None else ttft, speed or 0.0)
    ]
    return keeping or options
