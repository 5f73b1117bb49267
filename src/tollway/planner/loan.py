"""A loan that is paid back in equal monthly parts, to the cent.

Rules
1. A month's interest is a twelfth of the yearly rate on what is owed, rounded to cents; the last
   part pays what is left.
"""

from dataclasses import dataclass
from fractions import Fraction

from tollway.fleet.planning import Debt
from tollway.planner.fees import MILLION, cents
from tollway.units import PicoDollars


@dataclass(frozen=True, slots=True)
class Loan:
    """`paid[k]` is due k + 1 months after the loan; `owed[k]` is left after k such payments, so
    `owed[0]` is the loan itself."""

    paid: tuple[PicoDollars, ...]
    owed: tuple[PicoDollars, ...]


def annuity(amount: PicoDollars, monthly: Fraction, months: int) -> PicoDollars:
    """The equal part that pays a loan back in so many months, to the cent."""
    if not monthly:
        return cents(Fraction(amount, months))
    return cents(amount * monthly / (1 - (1 + monthly) ** -months))


def loan(amount: PicoDollars, debt: Debt) -> Loan:
    """What is paid and owed, month by month, of an amount at the terms of a debt."""
    monthly = Fraction(debt.rate, 12 * MILLION)
    part = annuity(amount, monthly, debt.months)
    paid: list[PicoDollars] = []
    owed = [amount]
    for month in range(debt.months):
        due = PicoDollars(owed[-1] + cents(owed[-1] * monthly))
        paid.append(due if month == debt.months - 1 else min(part, due))
        owed.append(PicoDollars(due - paid[-1]))
    return Loan(tuple(paid), tuple(owed))
