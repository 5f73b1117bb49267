"""Whether two lots of short answers to the same prompts are of one kind: MMD, by permutation.

After "Model Equality Testing: Which Model Is This API Serving?" (arXiv 2410.20247): its Hamming
kernel over characters, and beside it the common beginning, since sampled answers that have parted
are no longer answers to the same text. The sum of the two is a kernel as each of them is.
"""

from collections.abc import Sequence
from itertools import combinations
from math import ceil
from typing import Final

from tollway.pins.drift.asking import Below, shuffle

Lot = Sequence[str]
"""Answers to one prompt."""

SHUFFLES: Final = 999
MOST_SHUFFLES: Final = 50_000
LONGEST: Final = 64
"""Characters of an answer that are compared."""
BEGINNING: Final = 16
"""Characters of an answer that are its beginning."""


def p_value(one: Sequence[Lot], other: Sequence[Lot], below: Below, least: float = 0.0) -> float:
    """How easily answers of one kind would lie as far apart: prompts side by side, their maximum
    mean discrepancies summed. `below(n)` draws an integer from 0 to n - 1.

    Answers are shuffled within their prompt; the p-value holds for any number of shuffles. Where
    `least` is given there are enough to reach it, and they end once it cannot be reached any more.
    """
    bags = [(len(a), _kernel([*a, *b])) for a, b in zip(one, other, strict=True) if a and b]
    seen = sum(_discrepancy(kernel, list(range(len(kernel))), cut) for cut, kernel in bags)
    orders = [list(range(len(kernel))) for _, kernel in bags]
    as_far = 1
    shuffles = max(SHUFFLES, min(ceil(2.0 / least), MOST_SHUFFLES)) if least else SHUFFLES
    for done in range(1, shuffles + 1):
        apart = 0.0
        for (cut, kernel), order in zip(bags, orders, strict=True):
            shuffle(order, below)
            apart += _discrepancy(kernel, order, cut)
        as_far += apart >= seen - 1e-12
        if least and as_far > least * (shuffles + 1):
            return as_far / (done + 1)
    return as_far / (shuffles + 1)


def likeness(one: str, other: str) -> float:
    """Half the share of places that hold the same character, and half how long the two begin
    alike; 0 to 1."""
    one, other = one[:LONGEST].ljust(BEGINNING, "\0"), other[:LONGEST].ljust(BEGINNING, "\0")
    same = [a == b for a, b in zip(one, other, strict=False)]
    beginning = next((at for at, it in enumerate(same[:BEGINNING]) if not it), BEGINNING)
    return 0.5 * sum(same) / max(len(one), len(other)) + 0.5 * beginning / BEGINNING


def _kernel(answers: Lot) -> list[list[float]]:
    kernel = [[1.0] * len(answers) for _ in answers]
    for i, j in combinations(range(len(answers)), 2):
        kernel[i][j] = kernel[j][i] = likeness(answers[i], answers[j])
    return kernel


def _discrepancy(kernel: Sequence[Sequence[float]], order: Sequence[int], cut: int) -> float:
    """The squared MMD between the first `cut` of an order and the others. Diagonals are left in: a
    constant, whatever the order."""
    first, second = order[:cut], order[cut:]
    n, m = len(first), len(second)
    within_one = sum(kernel[i][j] for i in first for j in first) / (n * n)
    within_other = sum(kernel[i][j] for i in second for j in second) / (m * m)
    between = sum(kernel[i][j] for i in first for j in second) / (n * m)
    return within_one + within_other - 2.0 * between
