"""What of a month's charges is due to each part of it: to a key, to a source.

Rules
1. The shares of a line's parts add up to what the line is charged, to the pico-dollar; each is
   within one pico-dollar an item of its exact share.
2. What a step costs is everybody's: a kind's charge is shared by how many of that kind each part
   used, whoever was first. A markup is shared by cost.
3. The fee, and what it covers, are nobody's in particular: they are not shared here.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate

from tollway.fleet.books import Rate, Terms
from tollway.policy.charge import Used, bill, counts_of, rate_for


def shares(terms: Terms, used: Sequence[Used]) -> list[int]:
    """Pico-dollars that each part is charged. In all, what the lines of their bill are."""
    charged = [0] * len(used)
    lines: dict[tuple[str | None, int | None], list[int]] = defaultdict(list)
    for at, part in enumerate(used):
        lines[part.model, rate_for(terms, part)].append(at)
    for (_, index), places in lines.items():
        rate = None if index is None else terms.rates[index]
        found = _of_line(terms, rate, [used[at] for at in places])
        for at, share in zip(places, found, strict=True):
            charged[at] = share
    return charged


def _of_line(terms: Terms, rate: Rate | None, parts: Sequence[Used]) -> list[int]:
    """What each part of one line is charged."""
    charged = [0] * len(parts)
    stepped = None if rate is None or rate.markup is not None else rate
    counts = [] if stepped is None else [counts_of(stepped, [part]) for part in parts]
    for line in bill(terms, parts).lines:
        for item in line.items:
            kind = item.kind
            whole = [it.cost for it in parts] if kind is None else [it[kind] for it in counts]
            shared = split(item.charged, whole)
            charged = [one + more for one, more in zip(charged, shared, strict=True)]
    return charged


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """An amount in whole parts by weight, which add up to it. Where the weights add up to nothing
    the amount must be nothing too."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    ends = [amount * upto // whole for upto in accumulate(weights)]
    return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
