"""The log-probability test: are new first tokens' log-probabilities of the baseline's kind?

Rules
1. If a new call and the baseline's calls of the same prompt could have come in any order, the
   p-value is at or below any level with at most that probability: whatever the noise is, identical
   values, values in steps and ties among them.
2. A prompt is chosen, and its noise measured, by calls of their own, which the test never sees:
   chosen for their stillness they would make every later call look loud.
3. Differences within a prompt's measured noise are no evidence. The order of calls is not all that
   differs between two days: an engine under load rounds otherwise, and is no other model for it.

After "Log Probability Tracking of LLM APIs" (arXiv 2512.03816), with the exact permutation
distribution in place of a sampled one.
"""

from collections.abc import Mapping, Sequence
from math import exp, sqrt
from statistics import fmean, pstdev
from typing import Final

from tollway.pins.drift.tail import Weighed, tail

Row = tuple[float, ...]
"""Log-probabilities (nats) of a prompt's reference tokens in one call, in their order."""

TOLERANCE: Final = 0.005
"""Nats. Differences up to it are no evidence: kernels and batches of one model make them."""

TOKENS: Final = 10
"""Reference tokens of a prompt at most."""

_STILL: Final = 0.005
"""Nats of noise below which a prompt is no better for being stiller."""


def reference(calls: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """The tokens that a prompt is judged by: those likeliest in the first call that every call
    lists."""
    first = calls[0]
    common = set(first).intersection(*calls)
    return tuple(sorted(common, key=lambda it: (-first[it], it))[:TOKENS])


def row(tokens: Sequence[str], call: Mapping[str, float]) -> Row:
    """The reference tokens' log-probabilities in a call. One that is not listed is at most as
    likely as the least of those that are."""
    least = min(call.values())
    return tuple(call.get(it, least) for it in tokens)


def merit(tokens: Sequence[str], calls: Sequence[Mapping[str, float]]) -> float:
    """How much a small shift of the logits shows at this prompt, against its noise."""
    if not tokens:
        return 0.0
    shares = [exp(calls[0][it]) for it in tokens]
    squares = sum(it * it for it in shares)
    moves = fmean(sqrt((1.0 - it) ** 2 + squares - it * it) for it in shares)
    noise = fmean(pstdev([call[it] for call in calls]) for it in tokens)
    return moves * sqrt(len(tokens)) / (noise + _STILL)


def noise(tokens: Sequence[str], calls: Sequence[Mapping[str, float]]) -> Row:
    """How far apart calls of one model lie, by token; never less than `TOLERANCE`."""
    rows = [row(tokens, it) for it in calls]
    return tuple(max(TOLERANCE, max(it) - min(it)) for it in zip(*rows, strict=True))


def usual_noise(noises: Sequence[Row]) -> float:
    """The noise that three of four tokens of all prompts stay within."""
    every = sorted(it for each in noises for it in each)
    return every[len(every) * 3 // 4] if every else TOLERANCE


def p_value(baseline: Sequence[Sequence[Row]], new: Sequence[Row], noises: Sequence[Row]) -> float:
    """How easily new calls, one a prompt, would look so unlike their prompts' baseline by chance.
    `noises` are their prompts' (rule 3).

    Each prompt's calls are taken in any order: the statistic, summed over prompts, is how far the
    one that stands for "new" lies from the mean of the others.
    """
    draws: list[list[Weighed]] = []
    seen = 0.0
    for old, one, still in zip(baseline, new, noises, strict=True):
        bag = [*old, one]
        weight = 1.0 / len(bag)
        distances = _distances(bag, still)
        seen += distances[-1]
        draws.append([(it, weight) for it in distances])
    return tail(draws, seen)


def _distances(bag: Sequence[Row], still: Row) -> list[float]:
    """How far each call lies from the mean of the others, beyond its prompt's noise."""
    others = len(bag) - 1
    # Anchored at a median, so that identical values have a distance of exactly nothing.
    middle = [sorted(column)[len(bag) // 2] for column in zip(*bag, strict=True)]
    apart = [[x - m for x, m in zip(row, middle, strict=True)] for row in bag]
    sums = [sum(column) for column in zip(*apart, strict=True)]
    return [
        sum(
            max(0.0, abs(x - (total - x) / others) - near)
            for x, total, near in zip(row, sums, still, strict=True)
        )
        for row in apart
    ]
