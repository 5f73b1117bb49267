"""Several models on shared chips: which parts of which chip each takes, on the fewest chips.

Rules
1. Each model's parts keep its promise by themselves: parts share nothing that one could take from
   the other (`slices`, rules 1 and 2).
2. All models go on one kind of chip; of the kinds the cheapest is taken.
3. Every combination of the models' options is packed, up to `MOST` of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product

from tollway.simulator.slices import Part, packed

MOST = 20_000


@dataclass(frozen=True, slots=True)
class Option:
    """`count` engines on this part of a chip keep a model's promise to `share` of its requests."""

    model: str
    part: Part
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Placement:
    """Where everything goes: for each chip, which model has which part. `options` by model;
    `combinations` were packed."""

    chip: str
    chips: tuple[tuple[tuple[str, Part], ...], ...]
    options: tuple[Option, ...]
    combinations: int


def place(chip: str, options: Mapping[str, Sequence[Option]]) -> Placement | None:
    """The fewest chips of one kind for all models; None where one of them has no option."""
    best: Placement | None = None
    every = product(*options.values())
    for tried, chosen in enumerate(islice(every, MOST), 1):
        owners: dict[Part, list[str]] = {}
        for option in chosen:
            owners.setdefault(option.part, []).extend([option.model] * option.count)
        chips = packed([part for part, models in owners.items() for _ in models])
        if best is None or len(chips) < len(best.chips):
            named = tuple(tuple((owners[part].pop(), part) for part in parts) for parts in chips)
            best = Placement(chip, named, chosen, tried)
    if best is None:
        return None
    total = 1
    for some in options.values():
        total *= len(some)
    return Placement(best.chip, best.chips, best.options, min(total, MOST))
