"""Token speed felt: time to a first token and output tokens a second, where logs hold the times.

Rules
1. A time to the first token is only called that where the log has one; a log that writes whole
   blocks gives the time to the first block, which is later.
2. Tokens a second are those of a whole request, the wait for its first token included, and of
   answers of at least LEAST tokens: a short one measures only the wait.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from tollway.hindsight.records import Call

LEAST: Final = 32
MOST_WAIT: Final = 1800.0
"""Seconds; a longer time between two lines is a machine that slept, not a request."""


@dataclass(frozen=True, slots=True)
class Felt:
    """How one model felt through one tool. Seconds and tokens a second; `slow` is what 9 of 10
    requests were better than. `first_is` is "token", "block" or None where nothing was timed."""

    tool: str
    model: str
    requests: int
    first_is: str | None
    first: float | None
    first_slow: float | None
    speed: float | None
    speed_slow: float | None
    how: str


def felt(calls: Iterable[Call], rates: Mapping[str, Sequence[tuple[float, int]]]) -> list[Felt]:
    """Speed by tool and model, most requests first. `rates` are an engine's own averages: tokens a
    second over so many running requests, by model."""
    groups: defaultdict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in calls:
        if call.period is None and (call.took is not None or call.first is not None):
            groups[call.tool, call.model].append(call)
    found = [_felt(tool, model, timed) for (tool, model), timed in groups.items()]
    found += [_averaged(model, pairs) for model, pairs in rates.items()]
    return sorted(found, key=lambda one: (-one.requests, one.tool, one.model))


def _felt(tool: str, model: str, calls: Sequence[Call]) -> Felt:
    tokens = [c.first for c in calls if c.first is not None and not c.first_block]
    blocks = [c.first for c in calls if c.first is not None and c.first_block]
    firsts = sorted(one for one in (tokens or blocks) if one <= MOST_WAIT)
    speeds = sorted(
        (c.output / c.took for c in calls if c.took and c.took <= MOST_WAIT and c.output >= LEAST),
        reverse=True,
    )
    first_is = None if not firsts else "token" if tokens else "block"
    return Felt(
        tool,
        model,
        len(calls),
        first_is,
        _at(firsts, 0.5),
        _at(firsts, 0.9),
        _at(speeds, 0.5),
        _at(speeds, 0.9),
        "times of lines" if first_is == "block" else "times in the log",
    )


def _averaged(model: str, pairs: Sequence[tuple[float, int]]) -> Felt:
    speeds = sorted((rate / running for rate, running in pairs), reverse=True)
    ends = _at(speeds, 0.5), _at(speeds, 0.9)
    return Felt("vllm", model, len(pairs), None, None, None, *ends, "averages of the engine")


def _at(ordered: Sequence[float], share: float) -> float | None:
    """The value that `share` of them do not pass, in the order given."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None
