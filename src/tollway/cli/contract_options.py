"""What every question about contracts may be told: where they stand, what happened, how to print.

Rules
1. A month is written as 2027-03, and what is said of it after `=`.
"""

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from tollway.errors import Fault, FaultsFound, TollwayError

MILLION = 10**6
_FLAG = Parameter(negative="")


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Place:
    """Where contracts stand, and how the answer is printed.

    Parameters
    ----------
    file
        A fleet file, or a file of contracts. Default: the public contracts that ship.
    json
        Print one JSON object.
    """

    file: Path | None = None
    json: Annotated[bool, _FLAG] = False


@Parameter(name="*", group=Group("What happened", sort_key=2))
@dataclass(frozen=True, slots=True)
class Course:
    """What was used, and what the supplier kept.

    Parameters
    ----------
    used
        MONTH=TOKENS of metered use: 2027-03=1200000000. Again for more.
    hours
        MONTH=HOURS of metered chip-hours. Again for more.
    ledger
        Count metered tokens from this ledger, at the contract's sources; "state" is that of the
        state folder.
    available
        MONTH=SHARE of the time, for SLA credits: 2027-03=99.2%. Again for more.
    delivered
        The day on which what was promised was there, for discounts: 2027-04-20.
    """

    used: Annotated[tuple[str, ...], _FLAG] = ()
    hours: Annotated[tuple[str, ...], _FLAG] = ()
    ledger: str | None = None
    available: Annotated[tuple[str, ...], _FLAG] = ()
    delivered: str | None = None


def counts(option: str, words: tuple[str, ...]) -> dict[date, int]:
    """Whole numbers by month.

    Raises:
        FaultsFound: a word is none.
    """
    found: dict[date, int] = {}
    for month, value in _by_month(option, words, "1200000000"):
        bare = value.replace("_", "").replace(",", "")
        if not bare.isdecimal():
            raise FaultsFound([_fault(option, f"{month:%Y-%m}={value}", "1200000000")])
        found[month] = int(bare)
    return found


def shares(option: str, words: tuple[str, ...]) -> dict[date, int]:
    """Millionths by month.

    Raises:
        FaultsFound: a word is none.
    """
    found: dict[date, int] = {}
    for month, value in _by_month(option, words, "99.2%"):
        try:
            share = Fraction(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
        except (ValueError, ZeroDivisionError):
            share = Fraction(-1)
        if not 0 <= share <= 1:
            raise FaultsFound([_fault(option, f"{month:%Y-%m}={value}", "99.2%")])
        found[month] = int(share * MILLION)
    return found


def _by_month(option: str, words: tuple[str, ...], like: str) -> list[tuple[date, str]]:
    found: list[tuple[date, str]] = []
    for word in words:
        month, equals, value = word.partition("=")
        try:
            day = date.fromisoformat(f"{month}-01")
        except ValueError:
            day = None
        if day is None or not equals or day in dict(found):
            raise FaultsFound([_fault(option, word, like)])
        found.append((day, value))
    return found


def _fault(option: str, word: str, like: str) -> Fault:
    return Fault(option, f'is "{word}"', f"Write each month once, as 2027-03={like}.")


def from_ledger(
    ledger: str, sources: tuple[str, ...], models: tuple[str, ...], place: str
) -> Mapping[date, int]:
    """Tokens by month of settling that a contract's sources had, in and out.

    Raises:
        FaultsFound: the contract names no sources.
        TollwayError: the ledger cannot be read.
    """
    from tollway.ledger.query import UsageQuery
    from tollway.ledger.sqlite import open_reader
    from tollway.ledger.state import ledger_path

    if not sources:
        mend = 'Name the sources that run on it: sources = ["NAME"].'
        raise FaultsFound([Fault(place, "has no sources, whose use is counted", mend)])
    found: dict[date, int] = {}
    with closing(
        open_reader(ledger_path(None if ledger == "state" else ledger, None, os.environ))
    ) as store:
        for source in sources:
            for row in store.usage(UsageQuery(("month", "model"), source=source)).rows:
                month, model = row.group
                if month is not None and (not models or model in models):
                    day = date.fromisoformat(f"{month}-01")
                    found[day] = found.get(day, 0) + row.totals.input + row.totals.output
    if not found:
        raise TollwayError(f"{place}: the ledger has no use of {', '.join(sources)}.")
    return found
