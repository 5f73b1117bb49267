"""Sources that claim to serve the same model: which of them differ, and who is the odd one.

Rules
1. Only what is declared the same is compared: one model of the fleet, of one precision. Another
   precision is another model, declared and no alarm.
2. Of two that differ nobody can say which is right. The odd one out is one that differs from all
   of a majority whose members agree with each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final

from tollway.fleet.objects import Fleet

ROUNDS: Final = 10
"""Answers to each prompt that a source must have given to be compared."""

_MOST: Final = 12
"""Members of a group among whom a majority is looked for; their subsets are gone through."""

Pair = frozenset[str]
"""Two members, by name."""


def grouped(fleet: Fleet) -> Mapping[str, tuple[str, ...]]:
    """Groups of two or more, by name: the model, and its precision where that is stated. Members
    are `SOURCE/MODEL`."""
    found: dict[str, list[str]] = {}
    for source in fleet.sources.values():
        for serving in source.serves.values():
            precision = f" ({serving.precision})" if serving.precision else ""
            name = f"{serving.model}{precision}"
            found.setdefault(name, []).append(f"{source.name}/{serving.model}")
    return {name: tuple(sorted(it)) for name, it in sorted(found.items()) if len(it) > 1}


def odd_ones(members: Sequence[str], differing: Iterable[Pair]) -> tuple[str, ...] | None:
    """Who differs from a majority that agrees (rule 2); empty where nobody differs, None where
    some do and nobody can say who is wrong."""
    apart = set(differing)
    if not apart:
        return ()
    if len(members) > _MOST:
        return None
    for size in range(len(members) - 1, len(members) // 2, -1):
        if size < 2:
            break
        for some in combinations(sorted(members), size):
            if not any(frozenset(pair) in apart for pair in combinations(some, 2)):
                others = [it for it in members if it not in some]
                odd = [it for it in others if all(Pair((it, one)) in apart for one in some)]
                return tuple(odd) or None
    return None
