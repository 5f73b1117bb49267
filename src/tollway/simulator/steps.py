"""The engine room's step times as whole picoseconds, with closed forms for runs of equal steps.

Rules
1. A step without a prompt is affine in its context, save for bends that lie in the context: so a
   run of such steps has a closed form, which is the sum of their times to the picosecond.
2. A step with a prompt is the engine room's formula itself, rounded once. It uses +, x, / and
   square roots only, which every machine rounds alike.
3. The functions here take plain numbers and indexables: the compiled execution compiles these very
   functions.
4. Context is counted in units of 1/`unit` token, so that a stride of 1.7 tokens is whole too.
5. Where slower memory tiers hold a part of the cache, only what attends to everything pays for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

SECOND = 10**12
"""Picoseconds."""

# Places in `StepTimes.bends`.
SLOPE, CAPPED_SLOPE, CAP, TIERS = 0, 1, 2, 3
# Places in `StepTimes.constant`.
READ, FLAT, HOST, LAST, DENSE_DECODE, PER_DECODE, PER_ROW, PER_SEQUENCE = 0, 1, 2, 3, 4, 5, 6, 7
FULL, CAPPED, CAPPED_AT, WINDOW, WINDOWED, ROWS, PER_ROOT = 8, 9, 10, 11, 12, 13, 14
# Places in a row of `StepTimes.prompt`, and how many there are.
DENSE_TOKEN, DENSE_CHUNK, SEEN, PAIR, PROMPT = 0, 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Step times of one deployment, in picoseconds; `tollway.simulator.timing` makes them.

    `unit` is context units a token, `gain` context units a decode step yields. `base[d]` is a step
    of `d` decodes without their context, `bends` what a unit of context adds: for all of it; for
    what is within a cap of units a decode; that cap; then how many slower tiers there are, and for
    each the context that fills those before it and what a unit above adds. `constant`, `prompt` (a
    row for each number of attention groups that have a chunk) and `experts` (by rows computed) are
    for steps with a prompt.
    """

    unit: int
    gain: int
    base: tuple[int, ...]
    bends: tuple[int, ...]
    constant: tuple[float, ...]
    prompt: tuple[float, ...]
    experts: tuple[float, ...]

    def __reduce__(self) -> tuple[type["StepTimes"], tuple[object, ...]]:
        """How it is handed to another process: a compiled frozen class cannot be filled there."""
        made = (self.unit, self.gain, self.base, self.bends, self.constant, self.prompt)
        return StepTimes, (*made, self.experts)

    def run(self, steps: int, decodes: int, context: int) -> int:
        """`steps` steps of `decodes` sequences that have `context` units at the first."""
        growth = decodes * self.gain
        return run_time(steps, self.base[decodes], self.bends, decodes, context, growth)

    def steps_until(self, after: int, most: int, decodes: int, context: int) -> int:
        """The fewest of at most `most` steps that take longer than `after`."""
        growth = decodes * self.gain
        return steps_until(after, most, self.base[decodes], self.bends, decodes, context, growth)

    def mixed(self, decodes: int, context: int, prompt: Sequence[int]) -> int:
        """One step that computes a prompt: `prompt` is its chunks, their tokens, twice their
        (query, key) pairs, and the keys that they see."""
        chunks, tokens, pairs, seen = prompt
        row = PROMPT * (min(chunks, len(self.prompt) // PROMPT) - 1)
        rows = decodes * int(self.constant[ROWS]) + tokens
        experts = self.experts[rows] if self.experts else 0.0
        slower = 0
        if self.bends[TIERS] > 0:
            slower = tiers_time(self.bends, 1, context + seen * self.unit, 0)
        return mixed_time(
            self.constant,
            self.prompt,
            row,
            experts + slower,
            decodes,
            context,
            chunks,
            tokens,
            pairs,
            seen,
        )


def run_time(
    steps: int, base: int, bends: Sequence[int], decodes: int, context: int, growth: int
) -> int:
    """Picoseconds of `steps` decode steps that start at `context` and grow by `growth`."""
    whole = steps * context + growth * (steps * (steps - 1) // 2)
    total = steps * base + bends[SLOPE] * whole
    if bends[CAPPED_SLOPE] > 0:
        cap = decodes * bends[CAP]
        short = steps_below(cap, steps, context, growth)
        under = short * context + growth * (short * (short - 1) // 2)
        total += bends[CAPPED_SLOPE] * (under + (steps - short) * cap)
    if bends[TIERS] > 0:
        total += tiers_time(bends, steps, context, growth)
    return total


def tiers_time(bends: Sequence[int], steps: int, context: int, growth: int) -> int:
    """What slower memory tiers add to a run."""
    total = 0
    for tier in range(bends[TIERS]):
        room = bends[TIERS + 1 + 2 * tier]
        below = steps_below(room, steps, context, growth)
        over = steps - below
        start = context + below * growth - room
        slope = bends[TIERS + 2 + 2 * tier]
        total += slope * (over * start + growth * (over * (over - 1) // 2))
    return total


def steps_below(bound: int, steps: int, context: int, growth: int) -> int:
    """How many of the first `steps` steps have less context than `bound`."""
    if context >= bound:
        return 0
    if growth <= 0:
        return steps
    return min(steps, (bound - context + growth - 1) // growth)


def steps_until(  # noqa: PLR0913
    after: int,
    most: int,
    base: int,
    bends: Sequence[int],
    decodes: int,
    context: int,
    growth: int,
) -> int:
    """The fewest of at most `most` decode steps that take longer than `after`."""
    if bends[CAPPED_SLOPE] > 0 or bends[TIERS] > 0:
        low, high = 1, most
        while low < high:
            middle = (low + high) // 2
            if run_time(middle, base, bends, decodes, context, growth) > after:
                high = middle
            else:
                low = middle + 1
        return low
    # a k^2 + b k is the time of k steps. What floats round is put right in whole numbers.
    a = 0.5 * bends[SLOPE] * growth
    b = base + bends[SLOPE] * context - a
    guess = 2.0 * after / (b + sqrt(b * b + 4.0 * a * after)) if after > 0 else 0.0
    steps = min(int(guess) + 1, most)
    while steps < most and run_time(steps, base, bends, decodes, context, growth) <= after:
        steps += 1
    while steps > 1 and run_time(steps - 1, base, bends, decodes, context, growth) > after:
        steps -= 1
    return steps


def mixed_time(  # noqa: PLR0913
    constant: Sequence[float],
    prompt: Sequence[float],
    row: int,
    experts: float,
    decodes: int,
    context: int,
    chunks: int,
    tokens: int,
    pairs: int,
    seen: int,
) -> int:
    """Picoseconds of one step with a prompt; `experts` are those of its experts and of slower
    memory tiers, `pairs` twice its (query, key) pairs, `row` where its row begins in `prompt`."""
    c = constant
    keys, half = float(seen), 0.5 * pairs
    if c[WINDOWED] > 0.0:
        keys += c[WINDOWED] * (min(keys, tokens + c[WINDOW] * chunks) - keys)
        half += c[WINDOWED] * (min(half, tokens * c[WINDOW]) - half)
    math = (
        c[DENSE_DECODE] * decodes
        + prompt[row + DENSE_TOKEN] * tokens
        + prompt[row + DENSE_CHUNK] * chunks
    )
    busy = c[FLAT] + meet(c[READ], math) + experts + c[FULL] * context
    busy += c[CAPPED] * min(float(context), c[CAPPED_AT] * decodes)
    rows = decodes * c[ROWS] + tokens
    busy += c[PER_DECODE] * decodes + c[PER_ROW] * rows + c[PER_ROOT] * sqrt(rows)
    busy += prompt[row + SEEN] * keys + prompt[row + PAIR] * half
    launched = sqrt(busy * busy + c[HOST] * c[HOST])
    return int(launched + c[LAST] + c[PER_SEQUENCE] * (decodes + chunks) + 0.5)


def meet(one: float, other: float) -> float:
    """The 4-norm of two times that overlap."""
    one *= one
    other *= other
    return sqrt(sqrt(one * one + other * other))
