"""Commitments of the contracts in force: their draw-down, and what is to be decided by when.

Rules
1. What a chart draws stands in a table too, by month, to the last digit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from tollway.fleet.contract_dates import add_months
from tollway.fleet.objects import Fleet
from tollway.fleet.readings import Read, readings
from tollway.ledger.charging import next_month
from tollway.ledger.commitments import Course, course
from tollway.ledger.sqlite import SqliteLedger
from tollway.planner.burndown import Burn
from tollway.planner.decisions import Dated, decisions
from tollway.planner.stated import NotStatedError
from tollway.units import PicoDollars, exact_usd, usd


@dataclass(frozen=True, slots=True)
class Drawn:
    """A commitment and its draw-down, or why there is none to tell."""

    name: str
    course: Course | None
    why: str = ""

    @property
    def burn(self) -> Burn | None:
        """How it stands today."""
        return None if self.course is None else self.course.burn


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a draw-down up to `last`, its last day in the period: what was spent in it
    (None: it is to come), what is used by its end, which is a forecast where `ahead`, and what an
    even pace uses by then. Money is pico-dollars."""

    last: date
    spent: int | None
    used: int | None
    even: int
    ahead: bool


@dataclass(frozen=True, slots=True)
class Due:
    """Something dated of a contract."""

    contract: str
    dated: Dated


def _in_force(fleet: Fleet) -> list[Read]:
    return [read for one in fleet.contracts.values() if one.offer is None for read in readings(one)]


def drawn(fleet: Fleet, ledger: SqliteLedger, today: date) -> list[Drawn]:
    """Every commitment of a contract in force."""
    found: list[Drawn] = []
    for one in _in_force(fleet):
        if one.clauses.commitment is None:
            continue
        if not one.contract.sources:
            why = 'It names no sources, whose cost draws it down: write sources = ["NAME"].'
            found.append(Drawn(one.name, None, why))
            continue
        try:
            found.append(Drawn(one.name, course(ledger, one, today)))
        except NotStatedError as error:
            found.append(Drawn(one.name, None, str(error)))
    return found


def months(of: Course) -> list[Month]:
    """The draw-down by month, over its whole period (rule 1)."""
    burn, used = of.burn, dict(of.used)
    found: list[Month] = []
    first, before = burn.first, 0
    while first <= burn.last:
        last = min(next_month(first.replace(day=1)) - timedelta(1), burn.last)
        known = [day for day in (last, burn.first + timedelta(len(used) - 1)) if day in used]
        so_far = used[known[0]] if known and known[0] >= first else None
        ahead = last not in used
        forecast = _forecast(of, last) if ahead else so_far
        spent = None if so_far is None else so_far - before
        found.append(Month(last, spent, forecast, round(of.even(last)), ahead))
        before = before if so_far is None else so_far
        first = last + timedelta(1)
    return found


def _forecast(of: Course, on: date) -> int | None:
    """What is used by the end of a day to come, at this pace."""
    if of.pace is None:
        return None
    today = of.burn.first + timedelta(len(of.used))
    return round(of.burn.spent + of.pace * ((on - today).days + 1))


def charts(found: Iterable[Drawn]) -> list[dict[str, Any]]:
    """What is drawn: dollars (for drawing alone) at the ends of days, and how each is written."""
    return [_chart(it.name, it.course) for it in found if it.course is not None]


def _chart(name: str, of: Course) -> dict[str, Any]:
    burn = of.burn
    end = _end(burn.last)
    return {
        "name": name,
        "first": _end(burn.first) - 86_400,
        "end": end,
        "committed": float(usd(burn.committed)),
        "days": [_end(day) for day, _ in of.used],
        "used": [float(usd(amount)) for _, amount in of.used],
        "shown": [exact_usd(amount) for _, amount in of.used],
        "forecast": None if burn.forecast is None else float(usd(burn.forecast)),
        "used_up": None if of.used_up is None or _end(of.used_up) > end else _end(of.used_up),
    }


def _end(day: date) -> float:
    """UTC seconds at which a day is over."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + 86_400


def a_day(pace: Fraction) -> PicoDollars:
    """A pace in whole pico-dollars a day."""
    return PicoDollars(round(pace))


def calendar(fleet: Fleet, today: date) -> list[Due]:
    """What is dated within a year, in order."""
    until = add_months(today, 12)
    found = [
        Due(one.name, dated)
        for one in _in_force(fleet)
        for dated in decisions(one.clauses, today, until)
    ]
    return sorted(found, key=lambda it: (it.dated.on, it.contract))
