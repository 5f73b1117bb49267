"""How a commitment is drawn down: what was spent of it, and where it ends at today's pace.

Rules
1. The pace is that of the last 28 whole days, or of the whole days of the period where they are
   fewer; a forecast is a straight line at that pace, and says so by being called one.
2. Before the first whole day of a period there is no forecast.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tollway.fleet.contract import Clauses
from tollway.fleet.contract_dates import DAY, add_days, add_months
from tollway.planner.fees import cents
from tollway.planner.stated import NotStatedError, end, start
from tollway.units import PicoDollars

PACE_DAYS = 28
"""Four weeks: every weekday counts alike."""


@dataclass(frozen=True, slots=True)
class Burn:
    """A period of a commitment, on a day of it. `spent` is up to and with yesterday. `forecast` is
    what will have been spent at its end; `reached` the day on which the commitment is used up at
    that pace. None: no pace is known yet, or it is not used up in the period."""

    first: date
    last: date
    committed: PicoDollars
    spent: PicoDollars
    forecast: PicoDollars | None
    reached: date | None
    true_up: str | None

    @property
    def over(self) -> PicoDollars | None:
        """What is forecast to be used beyond the commitment; negative where less will be."""
        return None if self.forecast is None else PicoDollars(self.forecast - self.committed)


def period_on(clauses: Clauses, day: date) -> tuple[date, date]:
    """The first and the last day of the commitment's period that a day lies in.

    Raises:
        NotStatedError: no commitment is stated, or not its days, or the day lies outside.
    """
    terms = clauses.commitment
    if terms is None:
        raise NotStatedError("no commitment is stated")
    first, close, count = start(clauses), end(clauses), 0
    if not first <= day <= close:
        raise NotStatedError(f"{day} lies outside the term, {first} to {close}")
    if terms.months is None:
        return first, close
    while add_months(start(clauses), terms.months * (count + 1)) <= day:
        count += 1
    first = add_months(start(clauses), terms.months * count)
    return first, min(close, add_months(start(clauses), terms.months * (count + 1)) - DAY)


def burn(clauses: Clauses, today: date, spent: Mapping[date, PicoDollars]) -> Burn:
    """The draw-down of the period that today lies in. `spent` is by day.

    Raises:
        NotStatedError: as `period_on`.
    """
    first, last = period_on(clauses, today)
    terms = clauses.commitment
    committed = PicoDollars(0) if terms is None else terms.amount
    used = sum(amount for day, amount in spent.items() if first <= day < today)
    paced = max(first, add_days(today, -PACE_DAYS))
    days = (today - paced).days
    forecast: PicoDollars | None = None
    reached: date | None = None
    if days:
        recent = sum(amount for day, amount in spent.items() if paced <= day < today)
        pace = Fraction(recent, days)
        forecast = cents(used + pace * ((last - today).days + 1))
        reached = _reached(today, last, Fraction(committed - used), pace)
    return Burn(
        first=first,
        last=last,
        committed=committed,
        spent=PicoDollars(used),
        forecast=forecast,
        reached=reached,
        true_up=None if terms is None else terms.true_up,
    )


def _reached(today: date, last: date, left: Fraction, pace: Fraction) -> date | None:
    """The day on which what is left is used up; today where nothing is."""
    if left <= 0:
        return today
    if pace <= 0:
        return None
    days = -(-left // pace) - 1
    return add_days(today, int(days)) if days <= (last - today).days else None
