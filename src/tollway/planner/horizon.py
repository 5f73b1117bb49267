"""When a plan is: its periods of whole months, their hours, and what a dollar of them is worth.

Rules
1. A period's dollar is discounted to the plan's first day from the middle of the period.
2. A power of a year that is no whole number is rounded to twelve places, so that everything that
   is counted from it is exact.
"""

from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from tollway.fleet.contract_dates import DAY, add_months
from tollway.fleet.planning import Planning
from tollway.planner.program.instance import Period

MILLION = 10**6
_PLACES = Decimal("1e-12")
_EXACT = Context(prec=40, rounding=ROUND_HALF_EVEN)
"""A context of our own: the thread's may have been changed by whoever calls."""


def periods_of(plan: Planning) -> tuple[Period, ...]:
    """The periods of a plan; the last one may be shorter."""
    step = step_of(plan)
    found: list[Period] = []
    for begins in range(0, plan.months, step):
        ends = min(begins + step, plan.months)
        first, after = add_months(plan.start, begins), add_months(plan.start, ends)
        discount = 1 / compound(Fraction(plan.discount, MILLION), Fraction(begins + ends, 24))
        found.append(Period(first, after - DAY, 24 * (after - first).days, discount))
    return tuple(found)


def step_of(plan: Planning) -> int:
    """Months of a period."""
    return 3 if plan.period == "quarter" else 1


def months_of(period: Period) -> tuple[date, ...]:
    """The first days of a period's months."""
    found = [period.first]
    while (following := add_months(period.first, len(found))) <= period.last:
        found.append(following)
    return tuple(found)


def compound(rate: Fraction, years: Fraction) -> Fraction:
    """How many times as much it is after so many years at a yearly rate, to twelve places."""
    base, power = (_EXACT.divide(it.numerator, it.denominator) for it in (1 + rate, years))
    return Fraction(_EXACT.power(base, power).quantize(_PLACES, context=_EXACT))
