"""What a drill came to, and when each source last answered on each route: questions to the ledger.

Rules
1. A drill is compared with what arrived on the same routes in the same period.
2. A percentile is a measured value (nearest rank). Times and speed are of requests that ended well.
3. A fallback counts as used by a request that it completed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from tollway.units import PicoDollars, Seconds, TokensPerSecond, UtcSeconds

ENOUGH_TIME = 0.01
"""Seconds between first and last content below which an answer has no speed: it came whole."""


@dataclass(frozen=True, slots=True)
class Period:
    """Requests of these routes that arrived (were reserved) from `since` to `until`, UTC seconds,
    both included."""

    since: float
    until: float
    routes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """One settled request. Times are seconds from its arrival, `cost` is pico-dollars; `drilled`
    is the source that was taken away from it."""

    drilled: str | None
    outcome: str
    code: str | None
    source: str | None
    ttft: float | None
    duration: float | None
    output: int
    cost: int


@dataclass(frozen=True, slots=True)
class Felt:
    """What one group of users felt. `failures` is code -> count, of the failed and the refused;
    `sources` is source -> count, of the completed. None: nothing was measured."""

    requests: int
    ok: int
    cancelled: int
    failures: Mapping[str, int]
    sources: Mapping[str, int]
    ttft_p50: Seconds | None
    ttft_p90: Seconds | None
    speed_p50: TokensPerSecond | None
    cost: PicoDollars

    @property
    def failed(self) -> int:
        """Requests without an answer, or with a broken one."""
        return sum(self.failures.values())


@dataclass(frozen=True, slots=True)
class LastUse:
    """When a source last completed a request for a model on a route. `traffic` is the start of that
    UTC day; `drill` is the last moment at which a drill sent it one."""

    route: str
    source: str
    model: str
    traffic: UtcSeconds | None
    drill: UtcSeconds | None


def felt(rows: Iterable[Settled]) -> Felt:
    """Add a group up."""
    whole = list(rows)
    ok = [row for row in whole if row.outcome == "completed"]
    broken = [row for row in whole if row.outcome not in ("completed", "cancelled")]
    waits = sorted(row.ttft for row in ok if row.ttft is not None)
    speeds = sorted(speed for row in ok if (speed := _speed(row)) is not None)
    p50, p90 = _rank(waits, 0.5), _rank(waits, 0.9)
    speed = _rank(speeds, 0.5)
    return Felt(
        requests=len(whole),
        ok=len(ok),
        cancelled=sum(row.outcome == "cancelled" for row in whole),
        failures=dict(Counter(row.code or row.outcome for row in broken).most_common()),
        sources=dict(Counter(row.source or "-" for row in ok).most_common()),
        ttft_p50=None if p50 is None else Seconds(p50),
        ttft_p90=None if p90 is None else Seconds(p90),
        speed_p50=None if speed is None else TokensPerSecond(speed),
        cost=PicoDollars(sum(row.cost for row in whole)),
    )


def _speed(row: Settled) -> float | None:
    if row.ttft is None or row.duration is None or row.output < 2:
        return None
    seconds = row.duration - row.ttft
    return (row.output - 1) / seconds if seconds >= ENOUGH_TIME else None


def _rank(ordered: Sequence[float], share: float) -> float | None:
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None
