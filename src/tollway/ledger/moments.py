"""Moments as people write them: a date, a date with time, or so long ago."""

import re
from datetime import UTC, date, datetime

from tollway.errors import Fault, FaultsFound
from tollway.fleet.quantities import MalformedError, duration
from tollway.ledger.query import day_start, month_start

_MEND = (
    'Write a UTC date (2026-11-22), a date with time (2026-11-22T16:30), "today", "month", '
    "or a length of time (90m, 7d)."
)


def past(text: str, option: str, now: float) -> float:
    """UTC seconds of a moment; a length of time is so long before `now`.

    Raises:
        FaultsFound: it is no moment.
    """
    words = {"now": now, "today": day_start(now), "month": month_start(now)}
    if text in words:
        return words[text]
    return _moment(text, option, now, -1.0)


def future(text: str, option: str, now: float) -> float:
    """UTC seconds of a moment; a length of time is so long after `now`.

    Raises:
        FaultsFound: it is no moment, or it has passed.
    """
    moment = _moment(text, option, now, 1.0)
    if moment <= now:
        raise FaultsFound([Fault(option, f'is "{text}", which has passed', "Name a later moment.")])
    return moment


def month(text: str, option: str, now: float) -> date:
    """The first day of a UTC month, written `2026-11`; `month` is this one.

    Raises:
        FaultsFound: it is no month, or it has not begun.
    """
    this = datetime.fromtimestamp(now, UTC).date().replace(day=1)
    if text == "month":
        return this
    found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text)
    if found is None or found[1] == "0000":
        mend = f"Write year and month: {this:%Y-%m}."
        raise FaultsFound([Fault(option, f'is "{text}", not a month', mend)])
    first = date(int(found[1]), int(found[2]), 1)
    if first > this:
        raise FaultsFound([Fault(option, f'is "{text}", which has not begun', "Name another.")])
    return first


def stamp(utc: float) -> str:
    """`2026-11-22T16:30:00Z`."""
    return datetime.fromtimestamp(utc, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str, option: str, now: float, sign: float) -> float:
    try:
        return now + sign * duration(text)
    except MalformedError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise FaultsFound([Fault(option, f'is "{text}", not a moment', _MEND)]) from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
