"""How amounts are written for people: dollars, tokens an hour, shares, days."""

from datetime import date
from fractions import Fraction

from tollway.planner.program.answer import Between
from tollway.planner.program.instance import Period
from tollway.units import PICO_PER_DOLLAR, format_usd

MILLION = 10**6
STEPS = ((10**9, "bn"), (10**6, "M"), (10**3, "k"))


def exact(amount: Fraction | int) -> str:
    """Dollars and cents of pico-dollars."""
    return format_usd(round(amount), 2)


def about(amount: Fraction | int) -> str:
    """Dollars of pico-dollars to three digits or so, for a sentence."""
    dollars = float(Fraction(amount) / PICO_PER_DOLLAR)
    for size, name in STEPS:
        if abs(dollars) >= size:
            return f"${dollars / size:,.1f}{name}".replace("$-", "-$")
    return f"${dollars:,.0f}".replace("$-", "-$")


def dollars_between(amount: Between) -> str:
    """An amount, or between which it is."""
    if amount.low == amount.high:
        return exact(amount.low)
    return f"{exact(amount.low)} to {exact(amount.high)}"


def percent(share: Fraction | float, places: int = 1) -> str:
    """A share in percent; what is not quite all or nothing is not rounded to that."""
    text = f"{float(share) * 100:.{places}f}%"
    least = f"{10**-places:.{places}f}"
    if share < 1 and text == f"{100:.{places}f}%":
        return f"{100 - float(least):.{places}f}%"
    if share > 0 and text == f"{0:.{places}f}%":
        return f"< {least}%"
    return text


def percent_between(shares: Between) -> str:
    """A share, or between which it is."""
    low, high = percent(shares.low), percent(shares.high)
    return low if low == high else f"{low} to {high}"


def millions(tokens: Fraction | int) -> str:
    """Tokens in millions."""
    return f"{float(Fraction(tokens) / MILLION):,.1f}"


def count(units: Fraction) -> str:
    """Units of an offer."""
    return f"{units}" if units.denominator == 1 else f"{float(units):,.3f}"


def named(period: Period) -> str:
    """A period's short name: 2027-Q1 for a quarter of the calendar, else its first month."""
    first, months = period.first, months_of(period)
    if months == 3 and first.month % 3 == 1:
        return f"{first.year}-Q{first.month // 3 + 1}"
    return f"{first:%Y-%m}"


def months_of(period: Period) -> int:
    """Whole months in it."""
    first, last = period.first, period.last
    return (last.year - first.year) * 12 + last.month - first.month + 1


def day(on: date) -> str:
    """A day as it is written."""
    return on.isoformat()
