"""What a workload asks of any engine at least, for a promise to be kept: work in windows of time.

Rules
1. A request that keeps its promise has its prompt computed within the TTFT, and its answer within
   what the promised speed allows after that. So the work of those that arrived in a window had to
   be done by the latest of these moments.
2. As many requests as may miss the promise are left out of each window, with the most of each
   class of work.
3. Blocks of a prompt that any earlier request had are taken to be in the cache.
4. Where no time is promised, or requests wait for others, no window bounds anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import accumulate
from math import ceil
from operator import add

from tollway.fleet.objects import Slo
from tollway.simulator.steps import SECOND
from tollway.simulator.trace import Trace

PROMPTS, TOKENS, PAIRS, DECODES, KEYS, CAPPED_KEYS, HELD = range(7)
"""Classes of work: prompts, their tokens, their (query, key) pairs; decoded tokens, keys that they
attend to, those of layers that attend within a window, and keys that nobody shares."""

CLASSES = 7
EIGHTHS = 8
BUSIEST = 2
"""Windows of each length that are kept."""

FEWEST = 8
"""Requests in the shortest windows."""

Work = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Work by class that has to be done in so many picoseconds."""

    time: float
    work: Work


@dataclass(frozen=True, slots=True)
class _Asked:
    """Requests in order of arrival: picoseconds of arrival, of the latest first token and of the
    latest end; work of each."""

    at: list[float]
    begun: list[float]
    ended: list[float] | None
    work: list[Work]


def windows(
    trace: Trace, slo: Slo, share: float, cap: int, weights: Sequence[float]
) -> list[Window]:
    """The windows that bound most. `cap` is how many tokens windowed layers attend to, `weights`
    say roughly what a unit of each class costs."""
    if slo.ttft is None or any(one.after is not None for one in trace.requests):
        return []
    asked = _asked(trace, slo, cap)
    missed = len(asked.at) - ceil(share * len(asked.at) - 1e-9)
    prompts = [(*work[:DECODES], *(0.0,) * (CLASSES - DECODES)) for work in asked.work]
    found = list(_busiest(asked.at, asked.begun, prompts, missed, weights))
    if asked.ended is not None:
        found += _busiest(asked.at, asked.ended, asked.work, missed, weights)
    return found


def _asked(trace: Trace, slo: Slo, cap: int) -> _Asked:
    wait = (slo.ttft or 0.0) * SECOND
    at = [one.at * SECOND for one in trace.requests]
    begun = [moment + wait for moment in at]
    ended = None
    if slo.speed is not None:
        gap = SECOND / slo.speed
        ended = [
            moment + gap * (max(1, one.output) - 1)
            for moment, one in zip(begun, trace.requests, strict=True)
        ]
    return _Asked(at, begun, ended, list(_works(trace, cap)))


def _works(trace: Trace, cap: int) -> Iterator[Work]:
    seen: set[int] = set()
    for one in trace.requests:
        known = 0
        for block in one.prefix:
            if block not in seen:
                break
            known += 1
        seen.update(one.prefix[known:])
        prompt, decodes = one.input, max(1, one.output) - 1
        fresh = max(1, prompt - known * trace.prefix_tokens)
        shared = min(prompt, len(one.prefix) * trace.prefix_tokens)
        grown = decodes * (decodes - 1) / 2.0
        whole = prompt * decodes + grown
        within = min(decodes, max(0, cap - prompt))
        capped = within * prompt + within * (within - 1) / 2.0 + (decodes - within) * cap
        pairs = fresh * prompt - fresh * (fresh - 1) / 2.0
        yield (1.0, fresh, pairs, decodes, whole, capped, whole - shared * decodes)


def _busiest(
    at: list[float],
    due: list[float],
    works: list[Work],
    missed: int,
    weights: Sequence[float],
) -> Iterator[Window]:
    """The busiest windows of each of some lengths."""
    latest = list(accumulate(due, max))
    sums = list(accumulate(works, _plus, initial=(0.0,) * CLASSES))
    count = len(at)
    while count > missed and count >= min(FEWEST, len(at)):
        kept = 1.0 - missed / count
        rows: list[tuple[float, int]] = []
        for begin in range(0, len(at) - count + 1, max(1, count // EIGHTHS)):
            after = begin + count
            time = max(1.0, latest[after - 1] - at[begin])
            work = sum(
                weight * (high - low)
                for weight, high, low in zip(weights, sums[after], sums[begin], strict=True)
            )
            rows.append((kept * work / time, begin))
        for _, begin in nlargest(BUSIEST, rows):
            end = begin + count
            time = max(1.0, latest[end - 1] - at[begin])
            yield Window(time, _left(works[begin:end], missed))
        count = count * 2 // 3


def _plus(one: Work, other: Work) -> Work:
    return tuple(map(add, one, other))


def _left(works: list[Work], missed: int) -> Work:
    """All but the most that so many requests could take away (rule 2)."""
    return tuple(
        max(0.0, sum(column) - sum(nlargest(missed, column))) for column in zip(*works, strict=True)
    )
