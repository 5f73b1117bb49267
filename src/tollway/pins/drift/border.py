"""The border-input test: do prompts that were nearly a tie still fall as often each way?

Rules
1. Given the counts of both times together, how many of a token's came in the new calls is a draw
   without replacement, where nothing changed: the p-value needs no model of the noise.
2. A prompt is found by calls of their own, which the test never sees.

After "Token-Efficient Change Detection in LLM APIs" (B3IT, arXiv 2602.11083).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import comb

from tollway.pins.drift.tail import Weighed, tail

Counts = Mapping[str, int]
"""How often each first token came."""


def on_border(first: str, second: str) -> bool:
    """Whether two calls of a prompt show that its first token is nearly a tie."""
    return bool(first) and bool(second) and first != second


def p_value(baseline: Sequence[Counts], new: Sequence[Counts]) -> float:
    """How easily new calls would fall so unlike their prompts' baseline by chance."""
    draws: list[list[Weighed]] = []
    seen = 0.0
    for old, now in zip(baseline, new, strict=True):
        if not now:
            continue
        both = Counter(old) + Counter(now)
        token = min(both, key=lambda it: (-both[it], it))
        total, asked = both.total(), sum(now.values())
        spread = _spread(total, both[token], asked)
        seen += _surprise(now.get(token, 0), spread)
        draws.append([(_surprise(count, spread), weight) for count, weight in spread])
    return tail(draws, seen)


def _spread(total: int, marked: int, drawn: int) -> list[tuple[int, float]]:
    """The hypergeometric distribution: how many marked ones are among so many drawn."""
    ways = comb(total, drawn)
    least, most = max(0, drawn - (total - marked)), min(marked, drawn)
    return [
        (it, comb(marked, it) * comb(total - marked, drawn - it) / ways)
        for it in range(least, most + 1)
    ]


def _surprise(count: int, spread: Sequence[tuple[int, float]]) -> float:
    """How far from its mean, squared, in variances."""
    mean = sum(it * weight for it, weight in spread)
    variance = sum((it - mean) ** 2 * weight for it, weight in spread)
    return (count - mean) ** 2 / variance if variance > 0.0 else 0.0
