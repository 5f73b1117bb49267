"""How much an engine can do at most, and so which mixes of engines have too little in them.

Rules
1. A step takes at least a sum over what is in it (`lines_of`): the root of two squares, and the
   4-norm in which reading and arithmetic meet, are no less than any tangent of theirs.
2. What a step takes whatever is in it is paid once for all that share it. No more decodes do than
   there are seats, or than the promised speed bears on average (with s steps for n decodes, of d
   at a time, the sum of d x d is at least n x n / s: Cauchy); no more keys than the cache holds
   (Little); no more prompt tokens than the budget.
3. A mix is enough only if it is for each window of the demand, however work is split between its
   kinds: prices of work by class at which no kind earns more than its time say so (Farkas).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, sqrt

from tollway.engine.constants import BLOCK
from tollway.fleet.objects import Slo
from tollway.simulator.demand import CLASSES, Window, windows
from tollway.simulator.sequence import ReplicaSettings
from tollway.simulator.steps import (
    CAP,
    CAPPED,
    CAPPED_SLOPE,
    DENSE_CHUNK,
    DENSE_DECODE,
    DENSE_TOKEN,
    FLAT,
    FULL,
    HOST,
    LAST,
    PAIR,
    PER_DECODE,
    PER_ROW,
    PER_SEQUENCE,
    PROMPT,
    READ,
    ROWS,
    SECOND,
    SLOPE,
    WINDOWED,
)
from tollway.simulator.trace import Trace

MEETS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Weights of reading over arithmetic: a mean of two times is no more than their 4-norm."""

SHARES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.5, 0.5, 0.0), (0.5, 0.0, 0.5))
"""Parts of a step's fixed time that decodes, keys and prompt tokens answer for (rule 2)."""

KEPT = 12
"""Inequalities of a set of kinds that are kept."""

Costs = tuple[float, ...]
"""Picoseconds that a unit of each class of work takes at least on one kind of engine."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A step takes `fixed`, and so much for each decode, prompt, prompt token, pair and key."""

    fixed: float
    decode: float
    prompt: float
    token: float
    pair: float
    key: float
    capped: float


def _lines_of(settings: ReplicaSettings) -> Iterator[_Line]:
    """Rule 1."""
    steps = settings.steps
    c = steps.constant
    columns = [min(steps.prompt[place::PROMPT]) for place in range(PROMPT)]
    each, once = _experts(steps.experts)
    usual = c[FLAT] + c[READ]
    for meet, hosted in product(MEETS, (False, True)):
        part, more = 1.0, 0.0
        if hosted:
            whole = sqrt(usual * usual + c[HOST] * c[HOST])
            part, more = usual / whole, c[HOST] * c[HOST] / whole
        math = part * (1.0 - meet)
        fixed = part * (c[FLAT] + meet * c[READ] + once) + more + c[LAST]
        rows = part * (c[PER_ROW] + each)
        decode = math * c[DENSE_DECODE] + part * c[PER_DECODE] + rows * c[ROWS] + c[PER_SEQUENCE]
        base = enumerate(steps.base[1:], 1)
        fits = min(1.0, *(time / (fixed + decode * count) for count, time in base))
        yield _Line(
            fixed=fixed * fits,
            decode=decode * fits,
            prompt=math * columns[DENSE_CHUNK] + c[PER_SEQUENCE],
            token=math * columns[DENSE_TOKEN] + rows,
            pair=part * columns[PAIR] * (1.0 - c[WINDOWED]),
            key=part * min(c[FULL], steps.bends[SLOPE]),
            capped=part * min(c[CAPPED], steps.bends[CAPPED_SLOPE]),
        )


def _experts(times: Sequence[float]) -> tuple[float, float]:
    """Experts take so much a row, and so much once, at least."""
    if len(times) < 3:
        return 0.0, 0.0
    each = (times[-1] - times[1]) / (len(times) - 2)
    once = min(time - each * rows for rows, time in enumerate(times[1:], 1))
    if once >= 0.0:
        return each, once
    return min(time / rows for rows, time in enumerate(times[1:], 1)), 0.0


def costs_of(settings: ReplicaSettings, speed: float | None) -> tuple[Costs, ...]:
    """What work costs at least on an engine, by each of the ways to share out a step's fixed time,
    where answers flow at `speed` tokens a second. Infinite: it never does that."""
    steps = settings.steps
    if steps.unit != 1 or steps.gain != 1:  # drafts: more than one token a step
        return ((0.0,) * CLASSES,)
    budget = settings.batch_tokens
    if settings.mixing == "whole":
        budget = max(budget, settings.context)
    cache = settings.blocks * BLOCK
    found: list[Costs] = []
    for line in _lines_of(settings):
        most: float = min(settings.sequences, len(steps.base) - 1)
        if speed is not None:
            most = min(most, (SECOND / speed - line.fixed) / line.decode)
        for decodes, keys, tokens in SHARES:
            shared = line.decode + decodes * line.fixed / most if most >= 1.0 else inf
            found.append(
                (
                    line.prompt,
                    line.token + tokens * line.fixed / budget,
                    line.pair,
                    shared,
                    line.key,
                    line.capped,
                    keys * line.fixed / cache,
                )
            )
    return tuple(found)


class Bound:
    """Which mixes of kinds could keep a promise to a workload, as far as work says."""

    def __init__(
        self, kinds: Mapping[str, ReplicaSettings], trace: Trace, slo: Slo, share: float
    ) -> None:
        speed = slo.speed
        self._costs = {name: costs_of(settings, speed) for name, settings in kinds.items()}
        caps = [one.steps.bends[CAP] // one.steps.unit for one in kinds.values()]
        rough = [_rough(costs) for costs in self._costs.values()]
        weights = [min(column) for column in zip(*rough, strict=True)]
        self._windows = windows(trace, slo, share, min(caps, default=0), weights)
        self._rows: dict[frozenset[str], list[dict[str, float]]] = {}

    def allows(self, counts: Mapping[str, int]) -> bool:
        """Whether so many engines of each kind have enough work in them for every window."""
        names = frozenset(name for name, count in counts.items() if count)
        # What holds for all kinds holds for some of them; of pairs more is known.
        names = names if len(names) <= 2 else frozenset(self._costs)
        return all(
            sum(part * counts.get(name, 0) for name, part in row.items()) >= 1.0 - 1e-9
            for row in self.rows(names)
        )

    def fewest(self, name: str) -> float:
        """Engines of one kind alone, which need not be whole; infinite: no number of them do."""
        return max((1.0 / row[name] if row[name] else inf for row in self._of(name)), default=0.0)

    def least(self, weights: Mapping[str, float]) -> float:
        """What no mix of fractions of engines can weigh less than."""
        rows = self.rows(frozenset(self._costs))
        return max((_cheapest(row, weights) for row in rows), default=0.0)

    def _of(self, name: str) -> list[dict[str, float]]:
        return self.rows(frozenset((name,)))

    def rows(self, names: frozenset[str]) -> list[dict[str, float]]:
        """For mixes of these kinds: sums of counts times these parts that must come to 1."""
        found = self._rows.get(names)
        if found is None:
            found = self._rows[names] = _strictest(
                row for window in self._windows for row in self._inequalities(sorted(names), window)
            )
        return found

    def _inequalities(self, names: list[str], window: Window) -> Iterator[dict[str, float]]:
        """Rule 3, at some prices."""
        best = {name: self._dearest(name, window) for name in names}
        ways = range(len(self._costs[names[0]])) if names else ()
        choices = [best] if len(names) == 1 else []
        if len(names) > 1:
            choices = [best, *({name: self._costs[name][way] for name in names} for way in ways)]
        for costs in choices:
            for prices in _prices(costs, window):
                worth = sum(
                    amount * min(_asks(prices[name], costs[name][kind]) for name in names)
                    for kind, amount in enumerate(window.work)
                    if amount > 0.0
                )
                if worth > 0.0:
                    yield {name: prices[name] * window.time / worth for name in names}

    def _dearest(self, name: str, window: Window) -> Costs:
        return max(self._costs[name], key=lambda costs: _total(costs, window))


def _cheapest(row: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The least weight that brings a row's parts to 1."""
    return min((weights[name] / part for name, part in row.items() if part > 0.0), default=0.0)


def _asks(price: float, cost: float) -> float:
    """For a unit of work; who never does it does not compete."""
    return inf if cost == inf else price * cost


def _rough(costs: Sequence[Costs]) -> Costs:
    """Of the ways to share, the first that has everything."""
    return tuple(0.0 if value == inf else value for value in costs[0])


def _total(costs: Costs, window: Window) -> float:
    """Picoseconds of all the work of a window on one kind."""
    return sum(
        cost * amount for cost, amount in zip(costs, window.work, strict=True) if amount > 0.0
    )


def _prices(costs: Mapping[str, Costs], window: Window) -> Iterator[dict[str, float]]:
    """What a picosecond of each kind may be worth: at which the whole window, or one class of it,
    costs the same on each. A kind that cannot do it at all has its time for nothing."""
    totals = {name: _total(one, window) for name, one in costs.items()}
    yield {name: 1.0 / total if 0.0 < total < inf else 0.0 for name, total in totals.items()}
    if len(costs) < 2:
        return
    for kind in range(CLASSES):
        each = {name: one[kind] for name, one in costs.items()}
        if window.work[kind] > 0.0 and all(0.0 < value < inf for value in each.values()):
            yield {name: 1.0 / value for name, value in each.items()}


def _strictest(rows: Iterator[dict[str, float]]) -> list[dict[str, float]]:
    """Those that no other one implies, the strictest first."""
    kept: list[dict[str, float]] = []
    for row in sorted(rows, key=lambda one: sum(one.values())):
        if not any(all(other[name] <= row[name] for name in row) for other in kept):
            kept.append(row)
            if len(kept) == KEPT:
                break
    return kept
