"""The border-input test: do prompts that were nearly a tie still fall as often each way?

Rules
1. Given the counts of both times together, how many of a token's came in the new calls is a draw
   without replacement, where nothing changed: the p-value needs no model of the noise.
2. A prompt is found by calls of their own, which the test never sees.
3. New calls may be as those one after the other were, or as those side by side, or as both
   together: what a batch's shape does to a tie is no change of the model.

After "Token-Efficient Change Detection in LLM APIs" (B3IT, arXiv 2602.11083).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import comb

Counts = Mapping[str, int]
"""How often each first token came."""


def on_border(texts: Sequence[str]) -> bool:
    """Whether calls of a prompt show that its first token is nearly a tie."""
    return all(texts) and len(set(texts)) > 1


def prompt_p(lots: Sequence[Counts], new: Counts) -> float:
    """How easily a prompt's new calls would fall so unlike its baseline by chance: unlike the lot,
    or all of them together, that they are likest (rule 3)."""
    pooled: Counter[str] = Counter()
    for lot in lots:
        pooled.update(lot)
    return max(_one_p(it, new) for it in (*lots, pooled))


def _one_p(old: Counts, new: Counts) -> float:
    both = Counter(old) + Counter(new)
    token = min(both, key=lambda it: (-both[it], it))
    spread = _spread(both.total(), both[token], sum(new.values()))
    seen = _surprise(new.get(token, 0), spread)
    return min(1.0, sum(weight for it, weight in spread if _surprise(it, spread) >= seen - 1e-9))


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
