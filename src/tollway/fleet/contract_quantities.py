"""How quantities are written in contracts: dates of which only the month is known, money, shares.

Rules
1. Every reader takes what TOML gave and returns the quantity, or raises `MalformedError`.
2. Tollway counts in USD: an amount that names another currency is refused, never converted.
"""

import re
from calendar import monthrange
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from tollway.fleet.contract import When
from tollway.fleet.quantities import MalformedError, other_currency, shown
from tollway.units import PartsPerMillion, PicoDollars, pico_from_usd

MOST = PicoDollars(10**15 * 10**12)
"""A thousand times the largest public contract's order: above it, a slip of the decimal point."""

_AMOUNT = re.compile(r"(?:USD )?([0-9][0-9_]{0,24}(?:\.[0-9]{1,12})?)")
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_PART = re.compile(r"([0-9]{4})(?:-(?:Q([1-4])|H([12])))?")
_SHARE = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,6})?")


def when(value: object) -> When:
    """A day (a TOML date), or text: "2026-05", "2026-Q2", "2026-H1", "2026"."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return When(value, value)
    text = value if isinstance(value, str) else ""
    month, part = _MONTH.fullmatch(text), _PART.fullmatch(text)
    if month is not None:
        return _months(int(month[1]), int(month[2]), 1)
    if part is not None and part[2]:
        return _months(int(part[1]), 3 * int(part[2]) - 2, 3)
    if part is not None and part[3]:
        return _months(int(part[1]), 6 * int(part[3]) - 5, 6)
    if part is not None:
        return _months(int(part[1]), 1, 12)
    mend = 'Write a date without quotes (2026-05-01), or what is known of it: "2026-05", "2026-Q2".'
    raise MalformedError(f"is {shown(value)}, not a date", mend)


def _months(year: int, month: int, count: int) -> When:
    if year == 0:
        raise MalformedError(f'is "{year:04}", not a year', "Years begin at 1.")
    last = month + count - 1
    return When(date(year, month, 1), date(year, last, monthrange(year, last)[1]))


def dollars(value: object) -> PicoDollars:
    """Pico-dollars of "1_250_000_000" or "USD 0.25"."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        exact = f"{Decimal(repr(value)):f}" if abs(value) < 10**15 else "1_250_000_000"
        mend = f'Money is exact: write it as text, "{exact}".'
        raise MalformedError(f"is {shown(value)}, not text", mend)
    currency = other_currency(value)
    if currency is not None:
        problem = f"is in {currency}, and Tollway counts in one currency, USD"
        raise MalformedError(problem, "Write USD, at a rate that you state in its note.")
    found = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        mend = 'Write USD as a decimal in text: "1_250_000_000" or "0.25".'
        raise MalformedError(f"is {shown(value)}, not an amount of money", mend)
    pico = pico_from_usd(Decimal(found[1].replace("_", "")))
    if pico > MOST:
        raise MalformedError(f"is {shown(value)}", "An amount is $1,000 trillion at most.")
    return pico


def currency(value: object) -> str:
    """ "USD", and nothing else."""
    if value == "USD":
        return "USD"
    problem = f"is {shown(value)}; Tollway counts in one currency, USD"
    raise MalformedError(problem, "Write amounts in USD, at a rate that you state in a note.")


def share(value: object) -> PartsPerMillion:
    """Millionths of "0.03"; from 0 to 1."""
    text = value if isinstance(value, str) else ""
    if _SHARE.fullmatch(text) is None:
        mend = 'Write a share of one as text: "0.03" is 3%.'
        raise MalformedError(f"is {shown(value)}, not a share", mend)
    millionths = Decimal(text).scaleb(6)
    if millionths > 1_000_000:
        raise MalformedError(f"is {shown(value)}", 'A share is "1" at most; 3% is "0.03".')
    return PartsPerMillion(int(millionths))


def megawatts(value: object) -> Decimal:
    """Exact megawatts of a TOML number; more than zero."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedError(f"is {shown(value)}, not a number", "Write megawatts: 168 or 0.5.")
    if not 0 < value <= 10**6:
        raise MalformedError(f"is {shown(value)}", "Megawatts are more than 0, a million at most.")
    return Decimal(repr(value))


def _text(what: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "examples": [example], "$comment": what})


Moment = Annotated[When, PlainValidator(when), _text("date, month, quarter or year", "2026-05")]
Dollars = Annotated[PicoDollars, PlainValidator(dollars), _text("USD", "1_250_000_000")]
Currency = Annotated[str, PlainValidator(currency), _text("`USD`", "USD")]
Part = Annotated[PartsPerMillion, PlainValidator(share), _text("share of one", "0.03")]
Megawatts = Annotated[
    Decimal,
    PlainValidator(megawatts),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "$comment": "megawatts"}),
]
