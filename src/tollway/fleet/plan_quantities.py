"""How quantities are written for a plan: months, shares and growth in percent, factors, prices.

Rules
1. Every reader takes what TOML gave and returns the quantity, or raises `MalformedError`.
2. A number is taken as it is written: 1.2 is 12/10, whatever a float makes of it.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from tollway.fleet.contract_quantities import dollars
from tollway.fleet.quantities import MalformedError, shown
from tollway.units import PartsPerMillion, PicoDollars

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_PERCENT = re.compile(r"(-?[0-9]{1,6}(?:\.[0-9]{1,6})?)(%?)")
_WHOLE = 1_000_000


def month(value: object) -> date:
    """The first day of "2027-01"; that day itself is taken too."""
    found = _MONTH.fullmatch(value) if isinstance(value, str) else None
    if found is not None and found[1] != "0000":
        return date(int(found[1]), int(found[2]), 1)
    if isinstance(value, date) and not isinstance(value, datetime) and value.day == 1:
        return value
    raise MalformedError(f"is {shown(value)}, not a month", 'Write a month as text: "2027-01".')


def percent(value: object) -> PartsPerMillion:
    """Millionths of "60%" or "0.6"; below zero too."""
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        mend = 'Write a share as text: "60%" or "0.6".'
        raise MalformedError(f"is {shown(value)}, not a share", mend)
    millionths = Decimal(found[1]).scaleb(4 if found[2] else 6)
    if millionths != int(millionths):
        raise MalformedError(f"is {shown(value)}", 'Write it to "0.0001%" at most.')
    return PartsPerMillion(int(millionths))


def part(value: object) -> PartsPerMillion:
    """Millionths of "60%" or "0.6"; from 0 to 1."""
    millionths = percent(value)
    if not 0 <= millionths <= _WHOLE:
        raise MalformedError(f"is {shown(value)}", 'A share lies between "0%" and "100%".')
    return millionths


def growth(value: object) -> PartsPerMillion:
    """Millionths of a year's growth: "60%", "-10%"; more than -100%, a thousandfold at most."""
    millionths = percent(value)
    if not -_WHOLE < millionths <= 1000 * _WHOLE:
        mend = 'Growth is more than "-100%" and at most "100000%" a year; three fifths are "60%".'
        raise MalformedError(f"is {shown(value)}", mend)
    return millionths


def factor(value: object) -> Decimal:
    """How many times as much: a TOML number from 0 to a thousand."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedError(f"is {shown(value)}, not a number", "Write how many times: 1.2.")
    if not 0 <= value <= 1000:
        raise MalformedError(f"is {shown(value)}", "A factor lies between 0 and 1000.")
    return Decimal(repr(value))


def units(value: object) -> Decimal:
    """Units of an offer: a TOML number of zero or more."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedError(f"is {shown(value)}, not a number", "Write how many units: 4 or 0.5.")
    if not 0 <= value <= 10**9:
        raise MalformedError(f"is {shown(value)}", "Units are from 0 to a thousand million.")
    return Decimal(repr(value))


def _text(what: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "examples": [example], "$comment": what})


def _number(what: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "number", "minimum": 0, "$comment": what})


Month = Annotated[date, PlainValidator(month), _text("month", "2027-01")]
Percent = Annotated[PartsPerMillion, PlainValidator(part), _text("share", "60%")]
Growth = Annotated[PartsPerMillion, PlainValidator(growth), _text("growth", "60%")]
Factor = Annotated[Decimal, PlainValidator(factor), _number("number")]
Units = Annotated[Decimal, PlainValidator(units), _number("number")]
MtokPrice = Annotated[
    PicoDollars, PlainValidator(dollars), _text("USD per million tokens", "20.00")
]
"""Pico-dollars a million tokens."""
