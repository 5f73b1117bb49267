"""Prompts' p-values as one, whatever a few of the prompts said.

Rules
1. Where each p-value but those of `spared` prompts, whichever they are, is at or below any level
   with at most that probability, and they are independent, so is what comes of them.
2. Nothing is drawn at random: the same numbers give the same answer, and it has no smallest step.
"""

from collections.abc import Sequence
from math import exp, log


def together(values: Sequence[float], spared: int = 0) -> float:
    """Fisher's combination, without the `spared` smallest: the largest that leaving so many out can
    give, so that it is no smaller than that of the prompts which are in order."""
    kept = sorted(values)[spared:]
    seen = -sum(map(log, kept))
    # The tail of a sum of as many exponential draws: no p-value's logarithm is larger than one.
    term = total = exp(-seen)
    for at in range(1, len(kept)):
        term *= seen / at
        total += term
    return min(1.0, total) if kept else 1.0
