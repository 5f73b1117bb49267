"""How fast accounts spend, and when what they may spend is used up at that pace.

Rules
1. A pace is of the last moments: of the last hour where an account spent anything in it, else of
   the last day; of a busy ledger, of as many of the last requests as are looked at. It says which.
2. Its 80% interval takes requests to come independently of each other (a compound Poisson
   process): the error of a sum of costs is the root of the sum of their squares. It knows of no
   tides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

HOUR, DAY = 3_600.0, 86_400.0

_Z80 = 1.2815515655446004
"""Ends of the middle 80% of a normal distribution, in standard deviations."""

Account = tuple[str | None, str | None]
"""Key and tenant; None where the ledger does not know."""


@dataclass(frozen=True, slots=True)
class Spell:
    """What an account spent in a spell of time: requests, pico-dollars, and the sum of the squares
    of their costs."""

    requests: int = 0
    cost: int = 0
    squares: float = 0.0

    def __add__(self, other: "Spell") -> "Spell":
        return Spell(
            self.requests + other.requests, self.cost + other.cost, self.squares + other.squares
        )


@dataclass(frozen=True, slots=True)
class Recent:
    """The accounts' spells from `since` to `until`, UTC seconds. `cut`: only the last requests of
    the time that was asked for were looked at."""

    since: float
    until: float
    cut: bool
    spells: Mapping[Account, Spell]


@dataclass(frozen=True, slots=True)
class Pace:
    """Pico-dollars a second, with the 80% interval, over `seconds` that end now, of `requests`."""

    rate: float
    low: float
    high: float
    seconds: float
    requests: int


@dataclass(frozen=True, slots=True)
class RunsOut:
    """When a budget is used up at a pace, UTC seconds; None: not before it begins anew."""

    at: float | None
    earliest: float | None
    latest: float | None


def pace_of(spell: Spell, recent: Recent) -> Pace | None:
    """The pace of a spell; None where nothing was spent in it."""
    seconds = recent.until - recent.since
    if spell.cost <= 0 or seconds <= 0:
        return None
    error = _Z80 * sqrt(spell.squares)
    low, high = max(spell.cost - error, 0.0), spell.cost + error
    return Pace(spell.cost / seconds, low / seconds, high / seconds, seconds, spell.requests)


def runs_out(left: int, pace: Pace, now: float, anew: float) -> RunsOut:
    """When `left` pico-dollars are used up, of a budget that begins anew at `anew`."""

    def at(rate: float) -> float | None:
        moment = now + max(left, 0) / rate if rate > 0 else anew
        return moment if moment < anew else None

    return RunsOut(at(pace.rate), at(pace.high), at(pace.low))
