"""A horizon for tests."""

from datetime import date
from fractions import Fraction
from itertools import pairwise

from tollway.fleet.contract_dates import DAY, add_months
from tollway.planner.program.instance import Period


def horizon(start: date, count: int, months: int = 3) -> tuple[Period, ...]:
    """`count` periods of so many months each."""
    firsts = [add_months(start, months * at) for at in range(count + 1)]
    return tuple(
        Period(first, after - DAY, (after - first).days * 24, Fraction(1))
        for first, after in pairwise(firsts)
    )
