"""How often a sum of independent draws is as large as one that was seen: a bound from above.

Rules
1. The answer is never below the exact probability: every draw is rounded up, what was seen down.
2. Nothing is drawn at random: the same numbers give the same answer, and it has no smallest step.
"""

from collections.abc import Sequence
from typing import Final

Weighed = tuple[float, float]
"""A value, 0 or above, and its probability."""

STEPS: Final = 500
"""Parts that the seen sum is cut into. Each draw is rounded by one of them at most."""

_SLACK: Final = 1e-9
"""Relative. Sums of the same floats in another order differ by less."""


def tail(draws: Sequence[Sequence[Weighed]], seen: float) -> float:
    """The probability, or a little above it, that one value of each of `draws` sum to `seen` or
    more, where they are independent and the probabilities of each sum to 1."""
    if seen <= 0.0:
        return 1.0
    step = seen * (1.0 - _SLACK) / STEPS
    # Below what was seen, by step; what has reached it is summed apart, so that a tiny
    # probability is no difference of two that are nearly 1.
    below, reached = [1.0] + [0.0] * (STEPS - 1), 0.0
    for draw in draws:
        parts: dict[int, float] = {}
        for value, weight in draw:
            up = min(max(0, -int(-value // step)), STEPS)
            parts[up] = parts.get(up, 0.0) + weight
        after = [0.0] * STEPS
        for up, weight in parts.items():
            reached += weight * sum(below[STEPS - up :])
            for at, mass in enumerate(below[: STEPS - up], up):
                after[at] += weight * mass
        below = after
    return min(1.0, reached)
