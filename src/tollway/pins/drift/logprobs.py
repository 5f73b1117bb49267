"""The log-probability test: are new first tokens' log-probabilities of the baseline's kind?

Rules
1. If a prompt's new calls and its baseline's could have come in any order, its p-value is at or
   below any level with at most that probability: whatever the noise is, identical values, values in
   steps and ties among them.
2. A prompt is chosen, and the noise measured, by calls of their own, which the test never sees:
   chosen for their stillness they would make every later call look loud.
3. A new call is held against the lot of the baseline's calls that it is nearest to. An engine
   rounds otherwise in a batch of another shape, so a prompt has a few values, and the load says how
   often each comes: how often is no evidence, only where they are.

After "Log Probability Tracking of LLM APIs" (arXiv 2512.03816), with exact permutations by prompt.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import exp, sqrt
from statistics import fmean, median, pstdev
from typing import Final

Row = tuple[float, ...]
"""Log-probabilities (nats) of a prompt's reference tokens in one call, in their order."""

TOLERANCE: Final = 0.01
"""Nats. Differences up to it are no evidence: kernels and batches of one model make them."""

TOKENS: Final = 10
"""Reference tokens of a prompt at most."""

_STILL: Final = 0.005
"""Nats of noise below which a prompt is no better for being stiller."""

_LINK: Final = 1.5
"""How much farther than usual the next call of a lot may lie."""


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


def spacing(trials: Sequence[Sequence[Row]]) -> float:
    """How near calls of one lot lie to their next one, by several calls of several prompts (nats,
    Euclidean): usual, with room. Of a few values that come again and again it is the tolerance."""
    nearest = [
        min(_apart(one, other) for there, other in enumerate(rows) if there != at)
        for rows in trials
        if len(rows) > 1
        for at, one in enumerate(rows)
    ]
    least = TOLERANCE * sqrt(TOKENS)
    return max(least, _LINK * median(nearest)) if nearest else least


def prompt_p(old: Sequence[Row], new: Sequence[Row], near: float) -> float:
    """How easily the new calls of a prompt would lie so far from the old ones' lots, were any of
    them the new ones (rule 1). `near` is what links calls of a lot."""
    bag = [*old, *new]
    lots = _lots(bag, near)
    seen = _distance(bag, lots, frozenset(range(len(old), len(bag))))
    if seen <= 0.0:
        return 1.0
    ways = [_distance(bag, lots, frozenset(it)) for it in combinations(range(len(bag)), len(new))]
    return sum(it >= seen - 1e-12 for it in ways) / len(ways)


def _lots(bag: Sequence[Row], near: float) -> list[int]:
    """Which lot each call is in: those that are linked by steps of `near` at most."""
    lots = list(range(len(bag)))
    for i, j in combinations(range(len(bag)), 2):
        if lots[i] != lots[j] and _apart(bag[i], bag[j]) <= near:
            low, high = sorted((lots[i], lots[j]))
            lots = [low if it == high else it for it in lots]
    return lots


def _distance(bag: Sequence[Row], lots: Sequence[int], new: frozenset[int]) -> float:
    """How far some calls lie, on average, from the lots of all others, beyond the tolerance."""
    members: dict[int, list[Row]] = {}
    for at, (lot, it) in enumerate(zip(lots, bag, strict=True)):
        if at not in new:
            members.setdefault(lot, []).append(it)
    middles = {lot: _mean(it) for lot, it in members.items()}
    off: list[Row] = []
    for at in sorted(new):
        middle = middles.get(lots[at])
        if middle is None:
            middle = min(middles.values(), key=lambda it: (_apart(it, bag[at]), it))
        off.append(tuple(x - m for x, m in zip(bag[at], middle, strict=True)))
    return sqrt(sum(max(0.0, abs(it) - TOLERANCE) ** 2 for it in _mean(off)))


def _mean(rows: Sequence[Row]) -> Row:
    # Anchored at the first, so that identical values have a mean of exactly that value.
    first = rows[0]
    if len(rows) == 1:
        return first
    return tuple(
        anchor + sum(it - anchor for it in column) / len(column)
        for anchor, column in zip(first, zip(*rows, strict=True), strict=True)
    )


def _apart(one: Row, other: Row) -> float:
    return sqrt(sum((x - y) ** 2 for x, y in zip(one, other, strict=True)))
